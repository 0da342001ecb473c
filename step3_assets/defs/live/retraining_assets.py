"""The asset ``weekly_models``: the models that are retrained each week, if the settings say so.

Belongs here: reading the rows that a week may train on, calling one domain function, metadata. Does
not belong here: the fold and its training (:mod:`step3_assets.domain.live.retraining`), which
models are in force (:mod:`step3_assets.defs.live.assets`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from step3_assets.catalogue.column import PartitionDates
from step3_assets.defs.metadata import column_schema
from step3_assets.defs.partition_task import (
    Frames,
    PartitionTask,
    materialize_partitions,
    slice_months,
)
from step3_assets.defs.partitions import Partitions, look_back, partitions_asked, weeks_before
from step3_assets.defs.provenance import weekly_stamps
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import ingested_by_table, require_ingested, settings_in_force
from step3_assets.domain.core.bar_columns import TRAINING_BARS
from step3_assets.domain.core.months import month_range
from step3_assets.domain.core.weeks import Session, settings_month, week_of
from step3_assets.domain.live.retraining import (
    History,
    WeekTraining,
    training_step,
    untrained_step,
)
from step3_assets.storage.store import Store

LOOK_BACK_WEEKS = 158  # weeks that cover 36 months
OFF = "recalibration.method is calibrator: no week is retrained"


def build_retraining_asset(
    partitions: Partitions, by_name: Mapping[str, dg.AssetsDefinition]
) -> dg.AssetsDefinition:
    """The asset ``weekly_models``; it has no rows unless ``recalibration.method`` is retrain."""
    history = weeks_before(LOOK_BACK_WEEKS)
    names = [name for name in ("events", "bar_features", "tuned_params") if name in by_name]

    @dg.asset(
        partitions_def=partitions.weeks,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[dg.AssetDep(by_name[name], partition_mapping=history) for name in names],
        kinds={"lightgbm", "scikitlearn", "duckdb"},
        group_name="live",
        owners=["team:step3"],
        metadata=column_schema("weekly_models"),
    )
    def weekly_models(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """Every model of a week, trained on the data known when its first session opened.

        The week takes the place of the test month in a fold: window, purge, embargo, inner folds
        and weights are the same. A week has rows only with `recalibration.method = retrain`.
        """
        store, settings = platform.store(), platform.settings()
        weeks = partitions_asked(context)
        stamps = weekly_stamps(store, "weekly_models", weeks, settings.config)
        if settings.config.recalibration.is_retrained:
            task = PartitionTask(
                label="retraining",
                prepare=training_inputs(store, weeks, settings, partitions.first_data_month),
                compute=training_step,
                describe=_describe,
                place=settings.place,
                dates=PartitionDates.WEEK,
                made_from=stamps,
            )
        else:
            task = PartitionTask(
                label="retraining",
                prepare=lambda week: None,
                compute=untrained_step,
                describe=lambda week, frames: {"dagster/row_count": 0, "method": OFF},
                place=1,
                dates=PartitionDates.WEEK,
                made_from=stamps,
            )
        return materialize_partitions(context, store, progress, task)

    return weekly_models


def training_inputs(
    store: Store, weeks: Sequence[date], settings: Settings, first_data_month: date
) -> Callable[[date], WeekTraining]:
    """``prepare(week)`` for the training: the rows of the months in the week's look-back."""
    ingested = ingested_by_table(store)
    months = {week: settings_month(week) for week in weeks}
    wanted = month_range(look_back(min(months.values())), max(months.values()))
    events = store.read("events", partitions=wanted)
    bars = store.read("bar_features", partitions=wanted, columns=TRAINING_BARS)
    configs = settings_in_force(store, settings.config, sorted(set(months.values())))

    def prepare(week: date) -> WeekTraining:
        month = months[week]
        first = look_back(month)
        require_ingested(ingested, first_data_month, first, month)
        return WeekTraining(
            events=slice_months(events, first, month),
            bars=slice_months(bars, first, month),
            week=week,
            config=configs[month],
        )

    return prepare


def chain_history(
    store: Store, chains: Mapping[date, Sequence[Session]], settings: Settings
) -> Callable[[date], History]:
    """``history(week)``: the rows that train and validate the weeks of its chain."""
    spans = {
        week: (look_back(chain[0].day.replace(day=1)), chain[-1].day.replace(day=1))
        for week, chain in chains.items()
        if chain
    }
    wanted = sorted({month for span in spans.values() for month in month_range(*span)})
    days = [session.day for chain in chains.values() for session in chain]
    events = store.read("events", partitions=wanted)
    bars = store.read("bar_features", partitions=wanted, columns=TRAINING_BARS)
    stored = store.read("weekly_models", partitions=sorted({week_of(day) for day in days}))
    live = sorted({day.replace(day=1) for day in days})
    configs = settings_in_force(store, settings.config, live)

    def history(week: date) -> History:
        is_of_chain = stored["week"].isin({week_of(session.day) for session in chains[week]})
        return History(
            events=slice_months(events, *spans[week]),
            bars=slice_months(bars, *spans[week]),
            stored=stored[is_of_chain],
            configs=configs,
        )

    return history


def _describe(week: date, frames: Frames) -> dict[str, Any]:
    rows = frames["weekly_models"]
    if rows.empty:
        nothing = "no session in the week, or too few labels to train on"
        return {"dagster/row_count": 0, "trained": nothing}
    row = rows.iloc[0]
    return {
        "dagster/row_count": len(rows),
        "trained on data known at": f"{row['as_of_utc']:%Y-%m-%d %H:%M} UTC",
        "last label final at": f"{row['last_final_utc']:%Y-%m-%d %H:%M} UTC",
        "training rows": int(row["n_rows"]),
        "independent rows": float(row["n_independent"]),
        "size (kB)": int(rows["payload"].str.len().sum() // 1000),
        "used": "validated on the labels of later weeks: see recalibrations",
        "inputs hash": row["inputs_hash"],
    }
