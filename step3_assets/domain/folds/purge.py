"""Purge and embargo: which labels have ended, on every symbol, before an instant.

Belongs here: label spans, the boundary at an instant, and the one function that gives the reason
why a row may not train before it. Outer and inner folds both call it. Does not belong here: windows
and roles (:mod:`step3_assets.domain.folds.build`).

Bar indices count one symbol's bars, so they are compared within a symbol only. Across symbols,
which leak into one another when they move together, clock time decides.

Source: M. Lopez de Prado, *Advances in Financial Machine Learning* (2018), sections 7.4.1, 7.4.2.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.label_end import latest_exit_idx

# A symbol without a bar for this long before the boundary has stopped trading, so its last bars
# cannot tell when an embargo of so many bars begins.
STALE_AFTER = pd.Timedelta(days=31)


class FoldError(ValueError):
    """Events and bars do not fit together."""


@dataclass(frozen=True)
class Boundary:
    """An instant that no training label may reach, not even within the embargo before it.

    Parameters
    ----------
    start_utc : Timestamp
        First instant after the training rows: start of a test month or of an inner block.
    first_idx : dict of str to int
        Row of each symbol's first bar at or after `start_utc`; one past its last bar if none.
    embargo_bars : int
        Bars before `first_idx` in which no training label may end.
    embargo_start_utc : Timestamp
        Earliest start, over symbols, of the bar `embargo_bars` before `first_idx`.
    """

    start_utc: pd.Timestamp
    first_idx: dict[str, int]
    embargo_bars: int
    embargo_start_utc: pd.Timestamp


@dataclass(frozen=True)
class BarClock:
    """Maps bar rows to bar starts and back, per symbol."""

    idx: dict[str, np.ndarray] = field(repr=False)
    start: dict[str, np.ndarray] = field(repr=False)  # datetime64[us], UTC

    @classmethod
    def from_bars(cls, bars: pd.DataFrame) -> "BarClock":
        """Read ``symbol``, ``bar_idx`` and ``date`` of a bar table, in any row order."""
        idx: dict[str, np.ndarray] = {}
        start: dict[str, np.ndarray] = {}
        symbols = bars["symbol"].to_numpy(dtype=object)
        rows_idx = bars["bar_idx"].to_numpy(dtype=np.int64)
        rows_start = naive_utc(bars["date"])
        for symbol in sorted(set(symbols)):
            rows = np.flatnonzero(symbols == symbol)
            rows = rows[np.argsort(rows_idx[rows], kind="stable")]
            idx[symbol], start[symbol] = rows_idx[rows], rows_start[rows]
        return cls(idx, start)

    @property
    def symbols(self) -> list[str]:
        """Symbols that have bars, in alphabetical order."""
        return list(self.idx)

    def first_idx_from(self, symbol: str, stamp: pd.Timestamp) -> int:
        """Row of the first bar that starts at or after `stamp`; one past the last if none."""
        at = int(np.searchsorted(self.start[symbol], _naive(stamp)))
        known = self.idx[symbol]
        return int(known[at]) if at < len(known) else int(known[-1]) + 1

    def start_of(self, symbol: str, idx: np.ndarray) -> np.ndarray:
        """Start of each bar row; NaT for rows that the table does not contain."""
        known = self.idx[symbol]
        at = np.searchsorted(known, idx).clip(max=len(known) - 1)
        out = self.start[symbol][at].copy()
        out[known[at] != idx] = np.datetime64("NaT")
        return out

    def boundary_at(self, stamp: pd.Timestamp, embargo_bars: int) -> Boundary:
        """The boundary at an instant; see :class:`Boundary`."""
        limit = _naive(stamp)
        first_idx = {symbol: self.first_idx_from(symbol, stamp) for symbol in self.symbols}
        embargo_start = limit
        for symbol, first in first_idx.items():
            before = self.start[symbol][self.start[symbol] < limit]
            is_stale = not len(before) or limit - before[-1] > STALE_AFTER.to_timedelta64()
            if embargo_bars and not is_stale:
                at = int(np.searchsorted(self.idx[symbol], first - embargo_bars))
                embargo_start = min(embargo_start, before[min(at, len(before) - 1)])
        return Boundary(
            start_utc=stamp,
            first_idx=first_idx,
            embargo_bars=embargo_bars,
            embargo_start_utc=pd.Timestamp(embargo_start, tz="UTC"),
        )


@dataclass(frozen=True)
class LabelSpans:
    """Where each label ends, in its symbol's bars and in clock time, and whether it is final.

    A label that is not final is assumed to last as long as it can, up to the latest exit of its
    horizon (:func:`step3_assets.domain.core.label_end.latest_exit_idx`).
    """

    symbol: np.ndarray
    decision: np.ndarray  # datetime64[us]
    first_idx: np.ndarray
    end_idx: np.ndarray
    end: np.ndarray  # datetime64[us]; NaT after the last bar, where end_idx decides
    is_final: np.ndarray

    @classmethod
    def from_events(cls, events: pd.DataFrame, clock: BarClock) -> "LabelSpans":
        """Spans of the events' labels.

        Raises
        ------
        FoldError
            If a symbol with events has no bars, or a final label has no end.
        """
        symbol = events["symbol"].to_numpy(dtype=object)
        missing = sorted(set(symbol) - set(clock.symbols))
        if missing:
            raise FoldError(f"events of {', '.join(missing)} but no bars of it in the same months")
        is_final = (events["maturity"] == "final").to_numpy(dtype=bool)
        t_idx = events["t_idx"].to_numpy(dtype=np.int64)
        given = events["label_end_idx"].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.any(np.isnan(given[is_final])):
            bad = events.loc[is_final & np.isnan(given), EVENT_KEY]
            raise FoldError(f"final labels without label_end_idx: {bad.head(3).to_dict('records')}")
        longest = latest_exit_idx(t_idx, events["H"].to_numpy(dtype=np.int64))
        end_idx = np.where(is_final, np.nan_to_num(given), np.fmax(given, longest)).astype(np.int64)
        end = naive_utc(events["exit_time_utc"]).copy()
        for name in sorted(set(symbol)):
            rows = np.flatnonzero((symbol == name) & ~is_final)
            end[rows] = clock.start_of(name, end_idx[rows])
        decision = naive_utc(events["decision_time_utc"])
        return cls(
            symbol=symbol,
            decision=decision,
            first_idx=t_idx + 1,
            end_idx=end_idx,
            end=end,
            is_final=is_final,
        )

    @classmethod
    def from_bars(cls, bars: pd.DataFrame, clock: BarClock) -> "LabelSpans":
        """Spans of the bars' two-bar labels, from the next bar's open to the open after it.

        Parameters
        ----------
        bars : DataFrame
            With ``symbol``, ``bar_idx`` and ``date``.
        clock : BarClock
            Made from the same bars. A label is final if the clock contains its last bar.
        """
        symbol = bars["symbol"].to_numpy(dtype=object)
        idx = bars["bar_idx"].to_numpy(dtype=np.int64)
        end = np.full(len(bars), np.datetime64("NaT"), dtype="datetime64[us]")
        for name in clock.symbols:
            rows = np.flatnonzero(symbol == name)
            end[rows] = clock.start_of(name, idx[rows] + 2)
        return cls(
            symbol=symbol,
            decision=naive_utc(bars["date"]),
            first_idx=idx + 1,
            end_idx=idx + 2,
            end=end,
            is_final=~np.isnat(end),
        )


def drop_reasons(
    spans: LabelSpans, boundary: Boundary, window_start_utc: pd.Timestamp
) -> np.ndarray:
    """The reason why each row may not train before the boundary, or ``""`` if it may.

    The first reason that applies, in this order:

    ``outside_window``
        decided before the window, or at the boundary or later;
    ``purged``
        the label reaches the boundary, in its symbol's bars or in clock time;
    ``embargoed``
        the label ends within `embargo_bars` of the boundary in its symbol's bars, or in clock time
        at or after the earliest embargo start of any symbol;
    ``not_final``
        the label may still change.

    Parameters
    ----------
    spans : LabelSpans, n rows
    boundary : Boundary
    window_start_utc : Timestamp
        First instant of the window.

    Returns
    -------
    ndarray of object, shape (n,)
    """
    start = _naive(boundary.start_utc)
    first = np.array([boundary.first_idx[s] for s in spans.symbol], dtype=np.int64)
    outside = (spans.decision < _naive(window_start_utc)) | (spans.decision >= start)
    purged = (spans.end_idx >= first) | (spans.end >= start)
    embargoed = spans.end_idx + boundary.embargo_bars >= first
    embargoed |= spans.end >= _naive(boundary.embargo_start_utc)
    choices = ["outside_window", "purged", "embargoed", "not_final"]
    return np.select([outside, purged, embargoed, ~spans.is_final], choices, "").astype(object)


def naive_utc(stamps: pd.Series) -> np.ndarray:
    """Stamps as ``datetime64[us]`` in UTC."""
    return stamps.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")


def _naive(stamp: pd.Timestamp) -> np.datetime64:
    return stamp.tz_convert("UTC").tz_localize(None).to_datetime64().astype("datetime64[us]")
