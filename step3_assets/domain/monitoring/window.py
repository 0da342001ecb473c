"""The recent rows and the training rows of each test month.

Belongs here: cutting windows out of the stored tables, and when a label was final. Does not belong
here: any metric.

A month's window uses only what was known when the month closed: candidates decided by then, and
labels whose whole horizon had passed by then. Later data do not change it.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import CATEGORICAL_FEATURES
from step3_assets.config import DriftConfig, Step3Config
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.label_end import latest_exit_idx
from step3_assets.domain.monitoring.costs import entry_moves

EVENT_COLUMNS = (
    "month",
    *EVENT_KEY,
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
NOT_YET = date.max


@dataclass(frozen=True)
class DriftInputs:
    """The tables that monitoring reads.

    Parameters
    ----------
    months : list of date
        Test months, in order, without gaps.
    events : DataFrame
        :data:`EVENT_COLUMNS` of ``events`` and the features, from the first fold's window on.
    bars : DataFrame
        ``DRIFT_BARS`` of ``bar_features`` of the same months.
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
class Window:
    """The rows that one month's metrics are computed from.

    Parameters
    ----------
    month : date
        Last test month of the window.
    candidates, trained : DataFrame
        Events of the recent months, and of the training window of the first model that scored them.
    outcomes, outcomes_ev : DataFrame
        Scored events of the recent months whose label was final at the close of `month`; the second
        over ``ev_window_months``.
    entries, trained_entries : DataFrame
        Intraday entries of the recent months and of the training window.
    config : Step3Config
    """

    month: date
    candidates: pd.DataFrame
    trained: pd.DataFrame
    outcomes: pd.DataFrame
    outcomes_ev: pd.DataFrame
    entries: pd.DataFrame
    trained_entries: pd.DataFrame
    config: Step3Config

    @property
    def drift(self) -> DriftConfig:
        """Settings of monitoring."""
        return self.config.drift

    @property
    def rates(self) -> tuple[float, float]:
        """False alarm rates of a warning and of an error."""
        return self.drift.warn_rate, self.drift.error_rate


class History:
    """The inputs, arranged so that a month's window takes a few slices."""

    def __init__(self, inputs: DriftInputs, config: Step3Config) -> None:
        self._inputs, self._config = inputs, config
        numbers = [f for f in config.models.features if f not in CATEGORICAL_FEATURES]
        events = inputs.events.astype(dict.fromkeys(numbers, "float64"))
        events["closed"] = closing_month(events, inputs.bars)
        self._events = events.sort_values(["month", *EVENT_KEY], kind="stable", ignore_index=True)
        starts = inputs.folds.groupby("month")["window_start_utc"].min()
        self._window_start = {month: start.date() for month, start in starts.items()}

    @cached_property
    def _entries(self) -> pd.DataFrame:
        return entry_moves(self._events, self._inputs.bars)

    @cached_property
    def _scored(self) -> pd.DataFrame:
        """Scored test events with a final label, and the out-of-fold metrics of their fold."""
        columns = [*EVENT_KEY, "p_calibrated", "ev_final"]
        known = _known_by(self._events, self._inputs.months[-1])
        known = known[["month", *EVENT_KEY, "y", "net_logret", "closed"]]
        rows = known.merge(self._inputs.scores[columns], on=EVENT_KEY, validate="one_to_one")
        metrics = self._inputs.model_metrics
        calibrated = metrics[(metrics["head"] == "classifier") & (metrics["stage"] == "calibrated")]
        for metric in ("brier", "ece"):
            by_month = calibrated[calibrated["metric"] == metric].set_index("month")
            for name, column in ((f"trained_{metric}", "value"), ("n_trained", "n_rows")):
                rows[name] = rows["month"].map(by_month[column]).astype("float64")
        return rows.sort_values(["month", *EVENT_KEY], kind="stable", ignore_index=True)

    def window_to(self, month: date) -> Window:
        """The slices of the window that ends with `month`."""
        months, drift = self._inputs.months, self._config.drift
        at = months.index(month)
        first = months[max(at - drift.window_months + 1, 0)]
        first_ev = months[max(at - drift.ev_window_months + 1, 0)]
        start = self._window_start[first]
        return Window(
            month=month,
            candidates=_between(self._events, first, month),
            trained=_before(self._events, start, first),
            outcomes=_known_by(_between(self._scored, first, month), month),
            outcomes_ev=_known_by(_between(self._scored, first_ev, month), month),
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
        needed = latest_exit_idx(rows["t_idx"], rows["H"]).to_numpy(dtype=np.int64)
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
