"""Table ``drift``: at the close of each test month, every line of monitoring.

Belongs here: which rows are recent, which trained, when a line may speak and what it says. Does
not belong here: the measures, which stand beside this module.

A month's rows rest on what was known when the month closed: candidates decided by then, and labels
whose whole horizon had passed by then. Later data change none of them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import CATEGORICAL_FEATURES
from step3_assets.catalogue.monitoring import DRIFT
from step3_assets.config import DriftConfig, Step3Config
from step3_assets.domain.monitoring.calibration import (
    Held,
    brier_against_training,
    ece_against_training,
)
from step3_assets.domain.monitoring.costs import entry_moves, mean_with_floors
from step3_assets.domain.monitoring.psi import FeatureShift, feature_shifts
from step3_assets.domain.statistics.ev_slope import ev_slope, utc_days

ALL = "ALL"
KEY = ["symbol", "decision_time_utc"]
EVENT_COLUMNS = (
    "month",
    *KEY,
    "t_idx",
    "H",
    "maturity",
    "y",
    "net_logret",
    "entry_open",
    "entry_overnight",
    "spread_half",
    "slip_half",
)
"""Columns of ``events`` that are read besides the features."""
BAR_COLUMNS = ("month", "symbol", "bar_idx", "date", "close")
NOT_YET = date.max
NAN = float("nan")


@dataclass(frozen=True)
class DriftInputs:
    """What monitoring looks at.

    Parameters
    ----------
    months : list of date
        Test months, in order, without gaps.
    events : DataFrame
        :data:`EVENT_COLUMNS` of ``events`` and the features, from the first fold's window on.
    bars : DataFrame
        :data:`BAR_COLUMNS` of ``bar_features`` of the same months.
    scores, model_metrics, folds : DataFrame
        Tables of these names, of the test months.
    """

    months: list[date]
    events: pd.DataFrame
    bars: pd.DataFrame
    scores: pd.DataFrame
    model_metrics: pd.DataFrame
    folds: pd.DataFrame


@dataclass(frozen=True)
class _Line:
    """One row, without its month."""

    metric: str
    n_rows: int
    min_rows: int
    state: str
    sentence: str
    feature: str = ALL
    value: float = NAN
    reference: float = NAN
    lower: float = NAN
    upper: float = NAN
    threshold: float = NAN


def drift_table(inputs: DriftInputs, config: Step3Config) -> pd.DataFrame:
    """Every line of every test month.

    Parameters
    ----------
    inputs : DriftInputs
    config : Step3Config

    Returns
    -------
    DataFrame
        Table ``drift``.
    """
    history = _History(inputs, config)
    rows = [
        {"month": month, **vars(line)}
        for month in inputs.months
        for line in _lines(history.window_to(month))
    ]
    return pd.DataFrame(rows, columns=DRIFT.names)


@dataclass(frozen=True)
class _Window:
    """What one month's lines are computed from."""

    month: date
    candidates: pd.DataFrame
    trained: pd.DataFrame
    judged: pd.DataFrame
    judged_ev: pd.DataFrame
    entries: pd.DataFrame
    trained_entries: pd.DataFrame
    config: Step3Config

    @property
    def own(self) -> DriftConfig:
        return self.config.drift

    @property
    def rates(self) -> tuple[float, float]:
        return self.own.warn_rate, self.own.error_rate


class _History:
    """The inputs arranged so that a month's window is a few slices."""

    def __init__(self, inputs: DriftInputs, config: Step3Config) -> None:
        self._inputs, self._config = inputs, config
        numbers = [f for f in config.models.features if f not in CATEGORICAL_FEATURES]
        events = inputs.events.astype(dict.fromkeys(numbers, "float64"))
        events["closed"] = closing_month(events, inputs.bars)
        self._events = events.sort_values(["month", *KEY], kind="stable", ignore_index=True)
        starts = inputs.folds.groupby("month")["window_start_utc"].min()
        self._window_start = {month: start.date() for month, start in starts.items()}

    @cached_property
    def _entries(self) -> pd.DataFrame:
        return entry_moves(self._events, self._inputs.bars)

    @cached_property
    def _scored(self) -> pd.DataFrame:
        """Scored test events whose label became final, with their fold's out-of-fold figures."""
        columns = [*KEY, "p_calibrated", "ev_final"]
        known = _known_by(self._events, self._inputs.months[-1])
        known = known[["month", *KEY, "y", "net_logret", "closed"]]
        rows = known.merge(self._inputs.scores[columns], on=KEY, validate="one_to_one")
        metrics = self._inputs.model_metrics
        ours = metrics[(metrics["head"] == "lgbm_classifier") & (metrics["stage"] == "calibrated")]
        for metric in ("brier", "ece"):
            figures = ours[ours["metric"] == metric].set_index("month")
            for name, column in ((f"trained_{metric}", "value"), ("n_trained", "n_rows")):
                rows[name] = rows["month"].map(figures[column]).astype("float64")
        return rows.sort_values(["month", *KEY], kind="stable", ignore_index=True)

    def window_to(self, month: date) -> _Window:
        """The slices of the window that ends with `month`."""
        months, own = self._inputs.months, self._config.drift
        at = months.index(month)
        first = months[max(at - own.window_months + 1, 0)]
        first_ev = months[max(at - own.ev_window_months + 1, 0)]
        start = self._window_start[first]
        return _Window(
            month,
            candidates=_between(self._events, first, month),
            trained=_before(self._events, start, first),
            judged=_known_by(_between(self._scored, first, month), month),
            judged_ev=_known_by(_between(self._scored, first_ev, month), month),
            entries=_known_by(_between(self._entries, first, month), month),
            trained_entries=_before(self._entries, start, first),
            config=self._config,
        )


def closing_month(events: pd.DataFrame, bars: pd.DataFrame) -> pd.Series:
    """First month at whose last bar the label of an event is final; :data:`NOT_YET` if none.

    A label is final once the last-but-one bar lies at or after its last scanned bar, entry + H,
    touched or not: that is what Step 2 asks of a delivery that ends there.

    Parameters
    ----------
    events : DataFrame
        ``symbol``, ``t_idx``, ``H``, ``maturity``.
    bars : DataFrame
        ``month``, ``symbol``, ``bar_idx``.
    """
    closed = pd.Series([NOT_YET] * len(events), index=events.index, dtype=object)
    last = bars.groupby(["symbol", "month"])["bar_idx"].max()
    for symbol, rows in events.groupby("symbol"):
        if symbol not in last.index.get_level_values("symbol"):
            continue
        ends = last.loc[symbol].sort_index()
        needed = (rows["t_idx"] + rows["H"] + 2).to_numpy(dtype=np.int64)
        at = np.searchsorted(np.maximum.accumulate(ends.to_numpy()), needed, side="left")
        is_final = (at < len(ends)) & (rows["maturity"] == "final").to_numpy()
        months = ends.index.to_numpy(dtype=object)
        closed[rows.index[is_final]] = months[at[is_final]]
    return closed


def _between(frame: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Rows of the months `first` to `last` of a frame sorted by month."""
    months = frame["month"].to_list()
    return frame.iloc[bisect_left(months, first) : bisect_right(months, last)]


def _before(frame: pd.DataFrame, first: date, end: date) -> pd.DataFrame:
    """Rows of the months from `first` to before `end` of a frame sorted by month."""
    months = frame["month"].to_list()
    return frame.iloc[bisect_left(months, first) : bisect_left(months, end)]


def _known_by(frame: pd.DataFrame, month: date) -> pd.DataFrame:
    """Rows whose label was final at the close of `month`."""
    return frame[[closed <= month for closed in frame["closed"]]]


def _lines(window: _Window) -> Iterator[_Line]:
    yield from _psi_lines(window)
    yield from _calibration_lines(window)
    yield _slope_line(window)
    yield from _cost_lines(window)


def _psi_lines(window: _Window) -> Iterator[_Line]:
    own, n = window.own, len(window.candidates)
    features = window.config.models.features
    if n < own.min_feature_rows or window.trained.empty:
        for name in features:
            short = _not_enough("psi", n, own.min_feature_rows, "candidates")
            yield replace(short, feature=name)
        return
    shifts = feature_shifts(
        window.candidates,
        window.trained,
        features,
        n_bins=own.psi_bins,
        min_rows=own.min_feature_rows,
        warn_rate=own.warn_rate,
        error_rate=own.error_rate,
    )
    for shift in shifts:
        yield _psi_line(shift, n, window)


def _psi_line(shift: FeatureShift, n: int, window: _Window) -> _Line:
    own = window.own
    warn = _between_marks(own.psi_warn, shift.warn_bound, own.psi_certain)
    error = _between_marks(own.psi_error, shift.error_bound, own.psi_certain)
    state = _state(shift.psi, warn, error)
    usual = "" if np.isnan(shift.usual) else f" (as long a stretch of it: {shift.usual:.2f})"
    reading = "as in training" if state == "quiet" else "another population than trained the models"
    return _Line(
        "psi",
        n,
        own.min_feature_rows,
        state,
        f"{shift.feature}: index {shift.psi:.2f} against training{usual}; {reading}.",
        feature=shift.feature,
        value=shift.psi,
        reference=shift.usual,
        threshold=warn,
    )


def _calibration_lines(window: _Window) -> Iterator[_Line]:
    own, config = window.own, window.config
    rows = window.judged[window.judged["p_calibrated"].notna()]
    rows = rows[rows["trained_brier"].notna() & rows["trained_ece"].notna()]
    days = utc_days(rows["decision_time_utc"])
    weeks = (days.astype("int64") + 3) // 7
    n, n_weeks = len(rows), len(np.unique(weeks))
    if n < own.min_outcome_rows or n_weeks < own.min_weeks:
        for metric in ("brier", "ece"):
            short = _not_enough(metric, n, own.min_outcome_rows, "final labels")
            if n >= own.min_outcome_rows:
                text = f"Not enough yet: {n_weeks} of {own.min_weeks} weeks with final labels."
                short = replace(short, sentence=text)
            yield short
        return
    p, won, trained, n_trained = (
        rows[c].to_numpy(dtype=np.float64)
        for c in ("p_calibrated", "y", "trained_brier", "n_trained")
    )
    brier = brier_against_training(
        p,
        won,
        trained,
        float(n_trained.mean()),
        days,
        n_lags=config.statistics.overlap_days,
        level=config.statistics.level,
        rates=window.rates,
    )
    ece = ece_against_training(
        p,
        won,
        float(rows["trained_ece"].mean()),
        weeks,
        n_bins=config.models.calibration.n_bins,
        n_draws=own.n_draws,
        seed=own.seed,
        rates=window.rates,
    )
    yield _held_line("brier", "Brier score", brier, n, own)
    yield _held_line("ece", "Calibration error", ece, n, own)


def _held_line(metric: str, name: str, held: Held, n: int, own: DriftConfig) -> _Line:
    warn, error = held.bounds
    state = _state(held.value, warn, error)
    reading = (
        f"worse than that and than chance explains (up to {warn:.4f})"
        if state != "quiet"
        else f"within what chance explains (up to {warn:.4f})"
    )
    return _Line(
        metric,
        n,
        own.min_outcome_rows,
        state,
        f"{name} {held.value:.4f} on {n} recent outcomes, {held.trained:.4f} out of fold in "
        f"training: {reading}.",
        value=held.value,
        reference=held.trained,
        lower=held.lower,
        upper=held.upper,
        threshold=warn,
    )


def _slope_line(window: _Window) -> _Line:
    own, rows = window.own, window.judged_ev
    rows = rows[rows["ev_final"].notna()]
    if len(rows) < own.min_ev_rows:
        return _not_enough("ev_slope", len(rows), own.min_ev_rows, "final labels")
    found = ev_slope(rows, window.config.statistics.level)
    if np.isnan(found.slope):
        short = _not_enough("ev_slope", len(rows), own.min_ev_rows, "final labels")
        text = f"Not enough yet: expected values do not vary over {found.n_days} days."
        return replace(short, sentence=text)
    above = ev_slope(rows, 1.0 - 2.0 * own.warn_rate)
    state = "error" if above.hi < 0.0 else "warn" if above.hi < 1.0 else "quiet"
    reading = {
        "error": "candidates expected to earn more earned less",
        "warn": "differences in expected value are overstated",
        "quiet": "1, the honest slope, is not ruled out",
    }[state]
    return _Line(
        "ev_slope",
        found.n_rows,
        own.min_ev_rows,
        state,
        f"A candidate expected to earn 1 bp more earned {found.slope:.2f} bp more "
        f"({found.level:.0%} interval {found.lo:.2f} to {found.hi:.2f}): {reading}.",
        value=found.slope,
        reference=1.0,
        lower=found.lo,
        upper=found.hi,
        threshold=1.0,
    )


def _cost_lines(window: _Window) -> Iterator[_Line]:
    own, rows, trained = window.own, window.entries, window.trained_entries
    n = len(rows)
    if n < own.min_cost_rows or trained.empty:
        for metric in ("entry_shortfall", "entry_jump"):
            yield _not_enough(metric, n, own.min_cost_rows, "intraday entries")
        return
    days = utc_days(rows["decision_time_utc"])
    shared = {
        "n_lags": window.config.statistics.overlap_days,
        "level": window.config.statistics.level,
        "rates": window.rates,
    }
    half = float(rows["half_cost_bps"].mean())
    moved = mean_with_floors(rows["move_bps"].to_numpy(), days, **shared)
    state = _state_of_floors(moved.floors, (half, half))
    reading = "more than" if state != "quiet" else "not surely more than"
    yield _Line(
        "entry_shortfall",
        n,
        own.min_cost_rows,
        state,
        f"From decision to the next open the price ran {moved.value:.2f} bps ahead on average: "
        f"{reading} the half cost of {half:.2f} bps that is modelled for one side.",
        value=moved.value,
        reference=half,
        lower=moved.lower,
        upper=moved.upper,
        threshold=half,
    )
    then = float(trained["jump_ratio"].mean())
    jump = mean_with_floors(rows["jump_ratio"].to_numpy(), days, **shared)
    limits = own.cost_growth_warn * then, own.cost_growth_error * then
    state = _state_of_floors(jump.floors, limits)
    reading = "costs may be understated" if state != "quiet" else "the model keeps up"
    yield _Line(
        "entry_jump",
        n,
        own.min_cost_rows,
        state,
        f"Price jumps at entry measure {jump.value:.2f} modelled half costs, {then:.2f} in "
        f"training: {reading}.",
        value=jump.value,
        reference=then,
        lower=jump.lower,
        upper=jump.upper,
        threshold=limits[0],
    )


def _not_enough(metric: str, n: int, least: int, unit: str) -> _Line:
    text = f"Not enough yet: {n} of {least} {unit}."
    return _Line(metric, n, least, "not_enough", text)


def _between_marks(least: float, bound: float, most: float) -> float:
    """What chance explains, but not below the one mark nor above the other; NaN is no bound."""
    return float(min(np.fmax(least, bound), most))


def _state(value: float, warn: float, error: float) -> str:
    return "error" if value > error else "warn" if value > warn else "quiet"


def _state_of_floors(floors: tuple[float, ...], limits: tuple[float, float]) -> str:
    """An error where the mean is surely above the further limit, a warning above the nearer."""
    at_warn, at_error = floors
    return "error" if at_error > limits[1] else "warn" if at_warn > limits[0] else "quiet"
