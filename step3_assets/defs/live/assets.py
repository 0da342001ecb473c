"""Assets of the live loop by week: ``recalibrations`` and ``recalibration_comparison``.

Belongs here: reading the rows that a week may use, calling one domain function, metadata. Does not
belong here: fitting or validating (:mod:`step3_assets.domain.live`), the models of retrained weeks
(:mod:`step3_assets.defs.live.retraining_assets`), the schedule
(:mod:`step3_assets.defs.live.recalibration_schedule`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue.column import PartitionDates
from step3_assets.catalogue.live import RECALIBRATION_COMPARISON
from step3_assets.defs.delivery.assets import weekly_freshness
from step3_assets.defs.live.retraining_assets import (
    LOOK_BACK_WEEKS,
    build_retraining_asset,
    chain_history,
)
from step3_assets.defs.metadata import column_schema, png_metadata, readable, table_metadata
from step3_assets.defs.partition_task import (
    PLOTTED_PARTITIONS,
    Frames,
    PartitionTask,
    materialize_partitions,
)
from step3_assets.defs.partitions import Partitions, partitions_asked, weeks_before
from step3_assets.defs.provenance import weekly_stamps
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import dataset_in_force, settings_in_force
from step3_assets.domain.core.bar_columns import MARKING_BARS
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.core.weeks import Session, add_weeks, weeks_of
from step3_assets.domain.live.base_model import (
    CALENDAR_MONTH,
    CHAMPION,
    MONTH_BEFORE,
    Base,
    BaseModel,
    BaseRule,
    chain_of,
    month_by,
)
from step3_assets.domain.live.recalibration import WeekInputs, final_labels, recalibration_step
from step3_assets.domain.live.retraining import RetrainingInputs, retraining_step
from step3_assets.domain.registry.entries import artefacts_by_month
from step3_assets.domain.walk_forward.month_steps import base_rates
from step3_assets.storage.store import Store

SCORE_COLUMNS = ["month", *EVENT_KEY, "p_raw"]
LABEL_COLUMNS = [*EVENT_KEY, "t_idx", "H", "label_end_idx", "y", "maturity"]
CLOCK_COLUMNS = ["symbol", "bar_idx", "bar_end_utc"]
BAR_COLUMNS = ["month", "symbol", "date", "bar_end_utc", "open", "close", "low"]
UPSTREAM = ("scores", "events", "bar_features", "calibrated_models")
LONGEST_CHAIN_WEEKS = 5  # most weeks whose first session lies in one month
BASE_TEXTS = {
    CHAMPION: "the champion",
    CALENDAR_MONTH: "the calendar month's fold",
    MONTH_BEFORE: "the month before: the calendar month's fold is not computed yet",
}


@dataclass(frozen=True)
class LiveWiring:
    """The inputs for building the assets of the live loop.

    Attributes
    ----------
    partitions : Partitions
    settings : Settings
    by_name : mapping of str to AssetsDefinition
        The upstream assets.
    weekly_models : AssetsDefinition
    """

    partitions: Partitions
    settings: Settings
    by_name: Mapping[str, dg.AssetsDefinition]
    weekly_models: dg.AssetsDefinition

    @property
    def look_back_weeks(self) -> int:
        """Weeks of data that a week and its chain may read."""
        recalibration = self.settings.config.recalibration
        window = LOOK_BACK_WEEKS if recalibration.is_retrained else recalibration.window_weeks
        return window + LONGEST_CHAIN_WEEKS


def build_live_assets(
    partitions: Partitions, settings: Settings, by_name: Mapping[str, dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """The weekly models, the recalibration, and the comparison of all recalibrated weeks."""
    weekly_models = build_retraining_asset(partitions, by_name)
    wiring = LiveWiring(partitions, settings, by_name, weekly_models)
    recalibrations = build_recalibrations(wiring)
    return [weekly_models, recalibrations, build_comparison(wiring, recalibrations)]


def build_recalibrations(wiring: LiveWiring) -> dg.AssetsDefinition:
    """The asset ``recalibrations``, by week."""
    history = weeks_before(wiring.look_back_weeks)
    chain = dg.AssetDep(wiring.weekly_models, partition_mapping=weeks_before(LONGEST_CHAIN_WEEKS))
    read = [dg.AssetDep(wiring.by_name[n], partition_mapping=history) for n in UPSTREAM]

    @dg.asset(
        partitions_def=wiring.partitions.weeks,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[chain, *read],
        kinds={"scikitlearn", "duckdb"},
        group_name="live",
        owners=["team:step3"],
        metadata=column_schema("recalibrations"),
        freshness_policy=weekly_freshness(wiring.settings.freshness),
    )
    def recalibrations(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """The calibrator of each week, fitted on labels known before its first session.

        The base model is the champion at the open of that session. Without a champion it is the
        fold of the month that contains the session. The new calibrator is fitted on the
        walk-forward's raw probabilities of the preceding window. It is used in the week only if
        neither its Brier score nor its log loss is higher than that of last week's calibrator, on
        the labels that became final since last week's was fitted. With
        `recalibration.method = retrain`, the models of earlier weeks are validated in the same way,
        on the labels that became final since they were trained. A fold's own models never change.
        """
        store, weeks = platform.store(), partitions_asked(context)
        task = recalibration_task(store, weeks, platform.settings())
        return materialize_partitions(context, store, progress, task)

    return recalibrations


def recalibration_task(store: Store, weeks: list[date], settings: Settings) -> PartitionTask:
    """The task that recalibrates the weeks of a run, by the configured method."""
    stamps = weekly_stamps(store, "recalibrations", weeks, settings.config)
    inputs, step = week_inputs, recalibration_step
    if settings.config.recalibration.is_retrained:
        inputs, step = retraining_inputs, retraining_step
    prepare, bases = inputs(store, weeks, settings)
    describe = partial(
        _describe,
        bases=bases,
        plotted=frozenset(weeks[-PLOTTED_PARTITIONS:]),
        is_synthetic=bool(dataset_in_force(store)["is_synthetic"]),
    )
    return PartitionTask(
        label="recalibration",
        prepare=prepare,
        compute=step,
        describe=describe,
        place=settings.place if len(weeks) > LONGEST_CHAIN_WEEKS else 1,
        dates=PartitionDates.WEEK,
        made_from=stamps,
    )


def build_comparison(
    wiring: LiveWiring, recalibrations: dg.AssetsDefinition
) -> dg.AssetsDefinition:
    """The asset ``recalibration_comparison``, over all weeks."""
    read = [wiring.by_name[name] for name in UPSTREAM]

    @dg.asset(
        deps=[recalibrations, wiring.weekly_models, *read],
        group_name="live",
        kinds={"pandas", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("recalibration_comparison"),
    )
    def recalibration_comparison(platform: PlatformResource) -> dg.MaterializeResult:
        """Does recalibrating weekly help? Probabilities and trades with and without it.

        The comparison covers the latest consecutive calendar months in which the configured method
        recalibrated every week. It runs three versions on one account: the walk-forward as it is,
        the walk-forward with the models in force each week, and the walk-forward with the new
        models of each week whether or not they passed validation.
        """
        from step3_assets.domain.live.comparison import compare

        store, config = platform.store(), platform.settings().config
        weeks = store.read("recalibrations")
        weeks = weeks[weeks["method"] == config.recalibration.method]
        walked = walked_months(store, set(weeks["week"]), config)
        if walked is None:
            nothing = pd.DataFrame(columns=RECALIBRATION_COMPARISON.names)
            store.replace_all({"recalibration_comparison": nothing})
            text = "no calendar month has all its weeks recalibrated yet"
            return dg.MaterializeResult(metadata={"dagster/row_count": 0, "compared": text})
        weeks = weeks[weeks["week"].isin(set(weeks_of(walked.scores["decision_time_utc"])))]
        used = sorted({*weeks["week"], *weeks["in_force_week"].dropna()})
        frame = compare(walked, weeks, config, store.read("weekly_models", partitions=used))
        store.replace_all({"recalibration_comparison": frame})
        return dg.MaterializeResult(metadata=_describe_comparison(frame))

    return recalibration_comparison


def week_inputs(
    store: Store, weeks: list[date], settings: Settings
) -> tuple[Callable[[date], WeekInputs], dict[date, BaseModel]]:
    """``prepare(week)`` for the recalibration, and the base models by week, which it fills in.

    The store is read once for all weeks of a run. ``prepare`` selects the labels in the window of
    the week's chain. The domain function ignores labels that became final after the week started.
    """
    config = settings.config
    window = pd.Timedelta(weeks=config.recalibration.window_weeks)
    rule, base_of, chains = _chains(store, weeks)
    starts = [chain[0].open_utc - window for chain in chains.values() if chain]
    first = min(starts).date() if starts else weeks[0]
    months = month_range(first.replace(day=1), add_weeks(weeks[-1], 1))
    used = {base.month for base in base_of.values() if base is not None}
    models = store.read("calibrated_models", partitions=sorted({*months, *used}))
    bars = store.read("bar_features", partitions=months, columns=CLOCK_COLUMNS)
    bar_ends = bars["bar_end_utc"].drop_duplicates()
    labels = final_labels(
        store.read("scores", partitions=months, columns=SCORE_COLUMNS),
        store.read("events", partitions=months, columns=LABEL_COLUMNS),
        bars,
        models,
    )
    walked = [month for month in rule.walked if months[0] <= month <= months[-1]]
    bases: dict[date, BaseModel] = {}

    def prepare(week: date) -> WeekInputs:
        chain, base = chains[week], base_of[week]
        if base is None:
            return WeekInputs.no_session(labels, config)
        _require_walked(walked, rule.calendar(chain[-1].day.replace(day=1)).month)
        bases[week] = BaseModel.of_models(models, base)
        start, end = chain[0].open_utc - window, chain[-1].open_utc
        decided = labels["decision_time_utc"]
        return WeekInputs(
            labels=labels[(decided >= start) & (decided < end)].reset_index(drop=True),
            base=bases[week],
            chain=tuple(chain),
            data_end=bar_ends[bar_ends < end].max(),
            config=config,
        )

    return prepare, bases


def retraining_inputs(
    store: Store, weeks: list[date], settings: Settings
) -> tuple[Callable[[date], RetrainingInputs | None], dict[date, BaseModel]]:
    """Like :func:`week_inputs`, for retrained weeks; None for a week without a session."""
    rule, base_of, chains = _chains(store, weeks)
    used = {base.month for base in base_of.values() if base is not None}
    models = store.read("calibrated_models", partitions=sorted(used))
    history_of = chain_history(store, chains, settings)
    bases: dict[date, BaseModel] = {}

    def prepare(week: date) -> RetrainingInputs | None:
        chain, base = chains[week], base_of[week]
        if base is None:
            return None
        month = rule.calendar(chain[-1].day.replace(day=1)).month
        _require_walked([m for m in rule.walked if m == month] or rule.walked[-1:], month)
        history = history_of(week)
        bases[week] = BaseModel.of_models(models, base)
        ends = history.bars["bar_end_utc"]
        return RetrainingInputs(
            history=history,
            base=bases[week],
            base_models=models[models["month"] == base.month],
            chain=tuple(chain),
            data_end=ends[ends < chain[-1].open_utc].max(),
        )

    return prepare, bases


def _chains(
    store: Store, weeks: Sequence[date]
) -> tuple[BaseRule, dict[date, Base | None], dict[date, list[Session]]]:
    """The rule in force, and the base and chain that it gives each week."""
    rule = base_rule(store)
    base_of = cache(rule)
    chains = {week: chain_of(week, month_by(base_of)) for week in weeks}
    return rule, {week: base_of(week) for week in weeks}, chains


def base_rule(store: Store) -> BaseRule:
    """The rule for which fold's models score a week, read from the store in one transaction."""
    tables = ("model_registry", "registry_transitions", "calibrated_models", "folds")
    with store.transaction(tables) as transaction:
        registry, transitions = (transaction.read(table) for table in tables[:2])
        hashes = ["month", "head", "payload_sha256"]
        stored = artefacts_by_month(transaction.read("calibrated_models", columns=hashes))
        walked = sorted(set(transaction.read("folds", columns=["month"])["month"]))
    return BaseRule(registry, transitions, stored, walked)


def _require_walked(walked: Sequence[date], month: date) -> None:
    """Fail unless the month has a fold and there is no gap in the months before it.

    Raises
    ------
    ValueError
        If months are missing; it names them.
    """
    first = walked[0] if walked else month
    missing = sorted(set(month_range(min(first, month), month)) - set(walked))
    if missing:
        names = ", ".join(month_label(m) for m in missing[:6])
        raise ValueError(
            f"the walk-forward lacks {len(missing)} month(s) that this week is calibrated on "
            f"({names}); materialize the job walk_forward for them, or step3 run --from "
            f"{month_label(missing[0])} --to {month_label(missing[-1])}"
        )


def walked_months(store: Store, made: set[date], config: Any) -> Any:
    """The walk-forward's tables for months whose weeks are all recalibrated; else None."""
    from step3_assets.domain.live.comparison import HEADS_NEEDED, Walked, covered_months

    keys = store.read("scores", columns=["month", "decision_time_utc"])
    keys["week"] = weeks_of(keys["decision_time_utc"])
    decision_weeks: dict[date, set[date]] = {}
    for month, week in zip(keys["month"], keys["week"], strict=True):
        decision_weeks.setdefault(month, set()).add(week)
    months = covered_months(decision_weeks, made)
    if not months:
        return None
    models = store.read("calibrated_models", partitions=months)
    return Walked(
        store.read("scores", partitions=months),
        store.read("events", partitions=months),
        store.read(
            "bar_features", partitions=[*months, add_months(months[-1], 1)], columns=MARKING_BARS
        ),
        models[models["head"].isin(HEADS_NEEDED)],
        base_rates(store.read("model_metrics", partitions=months)),
        months,
        settings_in_force(store, config, months),
    )


def _describe_comparison(frame: pd.DataFrame) -> dict[str, Any]:
    first, last = (month_label(frame[name].iloc[0]) for name in ("first_month", "last_month"))
    shown = frame.set_index("arm").drop(columns=["position", "first_month", "last_month"])
    return {
        "dagster/row_count": len(frame),
        "compared": f"{first} to {last}",
        "side by side": table_metadata(shown.astype(object).T.rename_axis("metric").reset_index()),
    }


def _describe(
    week: date,
    frames: Frames,
    *,
    bases: Mapping[date, BaseModel],
    plotted: frozenset[date],
    is_synthetic: bool,
) -> dict[str, Any]:
    rows = frames["recalibrations"]
    if rows.empty:
        return {"dagster/row_count": 0, "week": "no session on the exchange calendar"}
    row = {str(name): value for name, value in rows.iloc[0].items()}
    metadata: dict[str, Any] = {
        "dagster/row_count": 1,
        "first session": f"{row['first_session']}, opens {row['as_of_utc']:%Y-%m-%d %H:%M} UTC",
        "method": row["method"],
        "new": "nothing" if row["new_week"] is None else f"that of week {row['new_week']}",
        "used": "yes" if row["is_used"] else "no",
        "reason": row["reason"],
        "in force": "the fold's own"
        if row["in_force_week"] is None
        else f"that of week {row['in_force_week']}",
        "base model": f"{month_label(row['base_month'])} ({BASE_TEXTS[row['base_source']]})",
        "labels": int(row["n_labels"]),
        "labels checked on": int(row["n_check"]),
        **{f"Brier {of}": float(row[f"brier_{of}"]) for of in ("raw", "fold", "incumbent", "new")},
        "log loss incumbent": float(row["log_loss_incumbent"]),
        "log loss new": float(row["log_loss_new"]),
    }
    if week in plotted and isinstance(row["in_force"], str):
        from step3_assets.domain.live.figures import calibrator_figure

        png = calibrator_figure(row, bases[week], is_synthetic=is_synthetic)
        metadata["calibrators"] = png_metadata("calibrators", png)
    return readable(metadata)
