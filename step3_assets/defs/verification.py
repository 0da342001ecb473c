"""Verification: stored rows against the manifest, derived tables against what they derive from.

Belongs here: the steps, each a list of plain sentences. Does not belong here: computing a table
(the same domain functions as the assets call), printing (``step3 verify``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.config import FoldConfig
from step3_assets.defs.provenance import WHOLE, contradictions, weekly_stamps
from step3_assets.defs.registry.registry_store import (
    audit_in_force,
    current_version,
    registry_file_problems,
)
from step3_assets.defs.results.drift_assets import drift_inputs
from step3_assets.defs.results.evaluation import (
    audit_differences,
    computed_acceptance,
    computed_statistics,
)
from step3_assets.defs.results.importance_assets import importance_table
from step3_assets.defs.results.portfolio_assets import computed_portfolio
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import settings_in_force
from step3_assets.domain.core.bar_columns import MARKING_BARS, TRAINING_BARS
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.hashing import row_hashes
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS, Fold, FoldRows
from step3_assets.domain.monitoring.table import drift_table
from step3_assets.domain.portfolio.series import portfolio_frames
from step3_assets.domain.walk_forward.month_steps import (
    BacktestInputs,
    FoldInputs,
    MockInputs,
    ScoringInputs,
    TrainingInputs,
    backtest_step,
    base_rates,
    fold_step,
    mock_step,
    scoring_step,
    training_step,
)
from step3_assets.storage.store import Store

SHOWN_ROWS = 5


@dataclass(frozen=True)
class Place:
    """What is verified.

    Parameters
    ----------
    store : Store
    settings : Settings
    months : list of date
        Test months to compute again.
    is_part : bool
        They are not all of them: what rests on all months is left out.
    gap : str or None
        Why the stored months make no results.
    day : date
        Chooses the month whose models are trained again.
    """

    store: Store
    settings: Settings
    months: list[date]
    is_part: bool
    gap: str | None = None
    day: date = field(default_factory=lambda: datetime.now(UTC).date())


@dataclass(frozen=True)
class Step:
    """One part of the verification: what it says, and how it finds differences."""

    text: str
    find: Callable[[Place], list[str]]


def verify_store(
    store: Store, settings: Settings, steps: Iterable[str], month: date | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Each step by its name with its differences, as they are found."""
    scored, gap = store.partitions("scores"), None
    try:
        months = result_months(store) if scored else []
    except ValueError as error:  # results with a hole: the months can still be looked at
        months, gap = scored, str(error)
    chosen = [m for m in months if month is None or m == month]
    place = Place(store, settings, chosen, is_part=chosen != months or gap is not None, gap=gap)
    for step in steps:
        yield step, STEPS[step].find(place)


def differing_rows(name: str, stored: pd.DataFrame, computed: pd.DataFrame) -> list[str]:
    """Rows of a stored table that are not those computed again, by their keys.

    Parameters
    ----------
    name : str
        The table.
    stored, computed : DataFrame
    """
    table = TABLES[name]
    keys = list(table.key)
    computed = canonical_frame(computed[table.names], table)
    marks = [
        frame[keys].assign(mark=row_hashes(frame, table).to_numpy()) for frame in (stored, computed)
    ]
    both = marks[0].merge(marks[1], on=keys, how="outer", suffixes=("_stored", "_again"))
    wrong = both[both["mark_stored"].fillna("") != both["mark_again"].fillna("")]
    if wrong.empty:
        return []
    shown = "; ".join(
        ", ".join(str(v) for v in row)
        for row in wrong[keys].head(SHOWN_ROWS).itertuples(index=False)
    )
    more = f" and {len(wrong) - SHOWN_ROWS} more" if len(wrong) > SHOWN_ROWS else ""
    return [f"{name}: {len(wrong)} rows are not what is computed again ({shown}{more})"]


def _rows(place: Place) -> list[str]:
    return place.store.altered()


def _made_from(place: Place) -> list[str]:
    if place.gap is not None:
        return [place.gap]
    if not place.months:
        return []
    results = [asset for asset in WHOLE if not place.store.read(asset).empty]
    config = place.settings.config
    return contradictions(place.store, config, place.months, [] if place.is_part else results)


def _folds(place: Place) -> list[str]:
    store, config = place.store, place.settings.config
    problems = []
    for month in place.months:
        events, bars = _window(store, month)
        inputs = FoldInputs(events=events, bars=bars, month=month, config=config.folds)
        problems += _compared(store, fold_step(inputs), month)
    return problems


def _mock(place: Place) -> list[str]:
    store, config = place.store, place.settings.config
    problems = []
    for month in place.months:
        rows = _fold_rows(store, month, config.folds, has_bars=False)
        inputs = MockInputs(
            events=rows.events,
            fold=rows.fold,
            config=config.models,
            size_frac=config.execution.size_frac,
        )
        problems += _compared(store, mock_step(inputs), month)
    return problems


def _models(place: Place) -> list[str]:
    """One month is trained again, another one each day: all of them would take hours."""
    if not place.months:
        return []
    store, config = place.store, place.settings.config
    month = place.months[place.day.toordinal() % len(place.months)]
    models = settings_in_force(store, config, [month])[month].models
    rows = _fold_rows(store, month, config.folds, has_bars=models.drift.is_used)
    return _compared(store, training_step(TrainingInputs(rows=rows, config=models)), month)


def _scores(place: Place) -> list[str]:
    store, config = place.store, place.settings.config
    in_force = settings_in_force(store, config, place.months)
    problems = []
    for month in place.months:
        made = scoring_step(
            ScoringInputs(
                models=store.read("calibrated_models", partitions=[month]),
                events=store.read("events", partitions=[month]),
                month=month,
                config=in_force[month],
            )
        )
        problems += _compared(store, made, month)
    return problems


def _backtests(place: Place) -> list[str]:
    store, config = place.store, place.settings.config
    in_force = settings_in_force(store, config, place.months)
    problems = []
    for month in place.months:
        with_next = [month, add_months(month, 1)]
        if not store.count_by_partition("fold_backtests").get(month):
            continue
        rates = base_rates(store.read("model_metrics", partitions=[month]))
        made = backtest_step(
            BacktestInputs(
                scores=store.read("scores", partitions=[month]),
                events=store.read("events", partitions=[month]),
                bars=store.read("bar_features", partitions=with_next, columns=MARKING_BARS),
                month=month,
                config=in_force[month],
                base_rate=rates.get(month),
            )
        )
        problems += _compared(store, made, month)
    return problems


def _portfolio(place: Place) -> list[str]:
    if place.is_part or place.store.read("portfolio").empty:
        return []
    computed = portfolio_frames(computed_portfolio(place.store, place.settings.config))
    return [
        problem
        for name, frame in computed.items()
        for problem in differing_rows(name, place.store.read(name), frame)
    ]


def _statistics(place: Place) -> list[str]:
    stored = place.store.read("statistics")
    if place.is_part or stored.empty:
        return []
    computed = computed_statistics(place.store, place.settings.config)
    return differing_rows("statistics", stored, computed)


def _audit(place: Place) -> list[str]:
    if place.is_part or place.store.read("audit").empty:
        return []
    return audit_differences(place.store, place.settings)


def _acceptance(place: Place) -> list[str]:
    stored = place.store.read("acceptance")
    if place.is_part or stored.empty:
        return []
    config = place.settings.config
    audit = audit_in_force(place.store, current_version(place.store, config))
    computed = computed_acceptance(place.store, config, audit, place.store.read("statistics"))
    return differing_rows("acceptance", stored, computed)


def _drift(place: Place) -> list[str]:
    stored = place.store.read("drift")
    if place.is_part or stored.empty:
        return []
    config = place.settings.config
    return differing_rows("drift", stored, drift_table(drift_inputs(place.store, config), config))


def _importances(place: Place) -> list[str]:
    stored = place.store.read("importances")
    if place.is_part or stored.empty:
        return []
    return differing_rows("importances", stored, importance_table(place.store))


def _weeks(place: Place) -> list[str]:
    """The newest week that still rests on the rows, settings and code it was made from."""
    from step3_assets.defs.live.assets import recalibration_task

    store, settings = place.store, place.settings
    entries = store.read_manifest().get("recalibrations", {})
    weeks = sorted(week for week in entries if week is not None)
    problems = [
        f"recalibrations of week {week} were stored by a version that did not note what they were "
        "made from"
        for week in weeks
        if entries[week].made_from is None
    ]
    stamps = weekly_stamps(store, "recalibrations", weeks, settings.config)
    same = [week for week in weeks if entries[week].made_from == stamps[week]]
    if (place.is_part and place.gap is None) or not same:
        return problems
    week = same[-1]
    task = recalibration_task(store, [week], settings)
    made = task.compute(task.prepare(week))
    return problems + [
        f"week {week}: {problem}"
        for name, frame in made.items()
        for problem in differing_rows(name, store.read(name, partitions=[week]), frame)
    ]


def _registry(place: Place) -> list[str]:
    if place.store.read("model_registry").empty:
        return []
    return registry_file_problems(place.store, place.settings)


def _window(
    store: Store, month: date, columns: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and bars of the month and of those that its fold looks back on."""
    months = month_range(add_months(month, -LOOK_BACK_MONTHS), month)
    bars = list(columns) if columns else None
    events = store.read("events", partitions=months)
    return events, store.read("bar_features", partitions=months, columns=bars)


def _fold_rows(store: Store, month: date, config: FoldConfig, *, has_bars: bool) -> FoldRows:
    """What a month trains on, on the fold that is stored: the step before looks at that one."""
    events, bars = _window(store, month, TRAINING_BARS)
    manifest, members = (store.read(name, partitions=[month]) for name in ("folds", "fold_members"))
    return FoldRows(
        fold=Fold(month=month, manifest=manifest, members=members),
        events=events,
        bars=bars if has_bars else bars.iloc[:0],
        config=config,
    )


def _compared(store: Store, made: Mapping[str, pd.DataFrame], month: date) -> list[str]:
    return [
        f"{month_label(month)}: {problem}"
        for name, frame in made.items()
        for problem in differing_rows(name, store.read(name, partitions=[month]), frame)
    ]


STEPS: Mapping[str, Step] = {
    "rows": Step("every row is as it was written", _rows),
    "made from": Step("every result was made from what is stored and set now", _made_from),
    "folds": Step("folds follow from events and bars", _folds),
    "models": Step("models of one month, trained again, have the stored bytes", _models),
    "mock baseline": Step("the mock baseline follows from folds and events", _mock),
    "scores": Step("scores, gates and sizes follow from models and events", _scores),
    "backtests": Step("fold backtests follow from scores and bars", _backtests),
    "portfolio": Step("trades, equity and metrics follow from scores and bars", _portfolio),
    "statistics": Step("statistics follow from the results", _statistics),
    "audit": Step("the leakage audit, run again, gives the stored answers", _audit),
    "acceptance": Step("criteria follow from results, statistics and settings", _acceptance),
    "drift": Step("monitoring follows from scores, folds, events and bars", _drift),
    "importances": Step("importances follow from models and events", _importances),
    "weeks": Step("the newest week that rests on the present rows follows from them", _weeks),
    "registry": Step("the registry's file says what its table says", _registry),
}
"""The steps by name, in the order in which one rests on another."""
