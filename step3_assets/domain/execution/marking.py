"""Marking: the value of positions at every bar close, on one clock for all symbols.

Belongs here: the clock, last known closes, bar lows, equity and drawdown from a trade ledger. Does
not belong here: which trades are taken (:mod:`step3_assets.domain.execution.ledger`), or metrics.

A mark at a bar's end sees the fills strictly before it. The open at that same instant belongs to
the next bar: it is not known yet, so fills at that open are not in the mark.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

from step3_assets.domain.core.instants import new_york_days, utc_index, utc_stamp

EXIT, ENTRY = 0, 1  # at one instant exits fill before entries


class LedgerError(ValueError):
    """Input that cannot be simulated; the message names symbol, column and rows or stamps."""


def stamps_us(values: pd.Series) -> np.ndarray:
    """UTC stamps as microseconds since the epoch; NaT is the smallest integer.

    Raises
    ------
    LedgerError
        If the column holds no stamps with a time zone.
    """
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        raise LedgerError(f"{values.name}: is {values.dtype}, not stamps with a time zone")
    return pd.DatetimeIndex(values).as_unit("us").asi8


@dataclass(frozen=True)
class MarkClock:
    """Bar closes and lows of all symbols on the union of their bar ends.

    Attributes
    ----------
    symbols : tuple of str
        Sorted; the position of a symbol is its code.
    stamp_us : ndarray, shape (n,)
        Every bar end of any symbol, ascending, microseconds UTC.
    close : ndarray, shape (n, n_symbols)
        Last close known at the stamp, USD; NaN before the symbol's first bar.
    low : ndarray, shape (n, n_symbols)
        Low of the bar that ends at the stamp; the last close where the symbol has none.
    bar_start_us, bar_end_us, bar_open : tuple of ndarray
        Each symbol's own bars in time order.
    """

    symbols: tuple[str, ...]
    stamp_us: np.ndarray
    close: np.ndarray
    low: np.ndarray
    bar_start_us: tuple[np.ndarray, ...]
    bar_end_us: tuple[np.ndarray, ...]
    bar_open: tuple[np.ndarray, ...]

    @classmethod
    def from_bars(cls, bars: pd.DataFrame) -> "MarkClock":
        """Put the bars of all symbols on one clock.

        Parameters
        ----------
        bars : DataFrame
            ``symbol``, ``date`` (bar start), ``bar_end_utc``, ``open``, ``close``, ``low`` of
            table ``bar_features``, in any row order.

        Raises
        ------
        LedgerError
            On repeated bars, a bar that ends before it starts, or a price that is not positive.
        """
        names = bars["symbol"].to_numpy(dtype=object)
        symbols = tuple(sorted(set(names)))
        start, end = stamps_us(bars["date"]), stamps_us(bars["bar_end_utc"])
        prices = {name: bars[name].to_numpy(dtype="float64") for name in ("open", "close", "low")}
        order = np.lexsort((start, names.astype(str)))
        _check_bars(
            names[order], start[order], end[order], {k: v[order] for k, v in prices.items()}
        )
        rows_by_symbol = [order[names[order] == symbol] for symbol in symbols]
        stamps = np.sort(end)
        stamps = stamps[np.diff(stamps, prepend=stamps[:1] - 1) > 0]
        close = np.full((len(stamps), len(symbols)), np.nan)
        low = close.copy()
        for code, rows in enumerate(rows_by_symbol):
            last = np.searchsorted(end[rows], stamps, side="right") - 1
            known = last >= 0
            at = rows[last[known]]
            close[known, code] = prices["close"][at]
            ends_here = end[at] == stamps[known]
            low[known, code] = np.where(ends_here, prices["low"][at], prices["close"][at])
        return cls(
            symbols=symbols,
            stamp_us=stamps,
            close=close,
            low=low,
            bar_start_us=tuple(start[rows] for rows in rows_by_symbol),
            bar_end_us=tuple(end[rows] for rows in rows_by_symbol),
            bar_open=tuple(prices["open"][rows] for rows in rows_by_symbol),
        )

    def codes(self, symbols: pd.Series) -> np.ndarray:
        """Code of each row's symbol.

        Raises
        ------
        LedgerError
            Naming the symbols that have no bars.
        """
        if symbols.empty:
            return np.zeros(0, dtype="int64")
        rows, named = pd.factorize(symbols)
        known = {symbol: code for code, symbol in enumerate(self.symbols)}
        unknown = sorted(str(symbol) for symbol in named if symbol not in known)
        if unknown or (rows < 0).any():
            raise LedgerError(f"bars: none for symbol(s) {', '.join(unknown) or 'null'}")
        return np.array([known[symbol] for symbol in named], dtype="int64")[rows]

    @cached_property
    def stamps(self) -> list[int]:
        """``stamp_us`` as a list, for a loop."""
        return self.stamp_us.tolist()

    @cached_property
    def sessions(self) -> list[int]:
        """Running number of the New York session of each mark, from 0.

        A mark at midnight belongs to the day before it.
        """
        days = new_york_days(self.stamp_us - 1)
        return np.cumsum(np.diff(days, prepend=days[:1]) > 0).tolist()

    @cached_property
    def session_ends(self) -> np.ndarray:
        """Row at which each New York session has its last mark."""
        sessions = np.asarray(self.sessions, dtype="int64")
        return np.flatnonzero(np.diff(sessions, append=sessions[-1:] + 1) > 0)

    @cached_property
    def bar_days(self) -> tuple[np.ndarray, ...]:
        """New York day of each bar's start by symbol, counted from 1970."""
        return tuple(new_york_days(starts) for starts in self.bar_start_us)

    def row_at(self, instants_us: np.ndarray) -> np.ndarray:
        """Last row of the clock at or before each instant; -1 before the first."""
        return np.searchsorted(self.stamp_us, instants_us, side="right") - 1

    def closes_known(self, row: int) -> list[float]:
        """Closes by symbol code at a row of the clock; NaN where there is none yet."""
        return self.close[row].tolist() if row >= 0 else [np.nan] * len(self.symbols)

    def rows_after(self, start_us: int, last_us: int) -> slice:
        """Rows of the marks after `start_us` up to and with `last_us`."""
        edges = np.searchsorted(self.stamp_us, [start_us, last_us], side="right")
        return slice(int(edges[0]), int(edges[1]))


def _check_bars(
    names: np.ndarray, start: np.ndarray, end: np.ndarray, prices: dict[str, np.ndarray]
) -> None:
    """Refuse bars that cannot be used for marks; rows are in symbol and time order."""
    faults = {
        "bar_end_utc does not follow date": end <= start,
        **{f"{k} is not a positive price": ~(np.isfinite(v) & (v > 0)) for k, v in prices.items()},
    }
    same = np.zeros(len(names), dtype=bool)
    same[1:] = (names[1:] == names[:-1]) & (start[1:] < end[:-1])
    faults["bar is doubled or overlaps the one before"] = same
    for what, wrong in faults.items():
        if wrong.any():
            first = np.flatnonzero(wrong)[:3]
            where = "; ".join(f"{names[i]} {utc_index(start[i : i + 1])[0]}" for i in first)
            raise LedgerError(f"bars: {what} in {int(wrong.sum())} row(s): {where}")


@dataclass(frozen=True)
class Positions:
    """Filled positions as arrays, one entry each, at most one open per symbol at a time.

    Attributes
    ----------
    symbol : ndarray of int
        Code on the clock.
    entry_us, exit_us : ndarray of int
        Fills, microseconds UTC.
    units : ndarray of float
    paid_usd, received_usd : ndarray of float
        Cash out at the entry and in at the exit, costs included.
    """

    symbol: np.ndarray
    entry_us: np.ndarray
    exit_us: np.ndarray
    units: np.ndarray
    paid_usd: np.ndarray
    received_usd: np.ndarray

    def of_symbol(self, code: int) -> "Positions":
        """The positions of one symbol."""
        is_of_symbol = self.symbol == code
        return Positions(*(getattr(self, f.name)[is_of_symbol] for f in fields(self)))


@dataclass(frozen=True)
class EquityCurve:
    """An account at every mark, as arrays; the columns of table ``portfolio_equity``."""

    bar_end_us: np.ndarray
    equity_usd: np.ndarray
    cash_usd: np.ndarray
    gross_exposure_frac: np.ndarray
    drawdown_frac: np.ndarray
    drawdown_low_frac: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Table ``portfolio_equity`` without ``series``."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return pd.DataFrame({"bar_end_utc": utc_index(named.pop("bar_end_us")), **named})


def mark_equity(
    positions: Positions, clock: MarkClock, rows: slice, capital_usd: float
) -> EquityCurve:
    """Equity at every bar close.

    Parameters
    ----------
    positions : Positions
    clock : MarkClock
    rows : slice
        Rows of the clock over which the account runs.
    capital_usd : float
        Cash before the first fill.

    Returns
    -------
    EquityCurve
        ``equity_usd`` is cash plus units times last close, in symbol order. ``drawdown_frac`` is
        measured from the highest equity so far, the starting capital included;
        ``drawdown_low_frac`` values the positions at the low of the bar against the peak before
        that bar.

    Raises
    ------
    LedgerError
        If a symbol has no close yet while it is held.
    """
    stamps = clock.stamp_us[rows]
    cash = _cash_path(positions, stamps, capital_usd)
    value, low_value = np.zeros(len(stamps)), np.zeros(len(stamps))
    for code in range(len(clock.symbols)):
        units = _units_held(positions.of_symbol(code), stamps)
        held = units > 0
        value[held] += units[held] * clock.close[rows, code][held]
        low_value[held] += units[held] * clock.low[rows, code][held]
    equity = cash + value
    if not np.isfinite(equity).all():
        at = int(stamps[np.flatnonzero(~np.isfinite(equity))[0]])
        raise LedgerError(f"bars: no close yet of a position held at {utc_stamp(at)}")
    peak, peak_before = running_peak(equity, capital_usd)
    return EquityCurve(
        bar_end_us=stamps,
        equity_usd=equity,
        cash_usd=cash,
        gross_exposure_frac=value / np.where(equity > 0, equity, np.inf),
        drawdown_frac=1.0 - equity / peak,
        drawdown_low_frac=np.maximum(0.0, 1.0 - (cash + low_value) / peak_before),
    )


def running_peak(equity: np.ndarray, capital_usd: float) -> tuple[np.ndarray, np.ndarray]:
    """Highest equity so far at each mark, and before it; the starting capital is the first."""
    path = np.maximum.accumulate(np.concatenate([[capital_usd], equity]))
    return path[1:], path[:-1]


def _units_held(positions: Positions, stamps: np.ndarray) -> np.ndarray:
    """Units of one symbol held at each stamp."""
    order = np.argsort(positions.entry_us, kind="stable")
    first = np.searchsorted(stamps, positions.entry_us[order], side="right")
    after = np.searchsorted(stamps, positions.exit_us[order], side="right")
    if len(order) == 0:
        return np.zeros(len(stamps))
    every = np.arange(len(stamps))
    last = np.searchsorted(first, every, side="right") - 1
    is_held = (last >= 0) & (every < after[last])
    return np.where(is_held, positions.units[order][last], 0.0)


def _cash_path(positions: Positions, stamps: np.ndarray, capital_usd: float) -> np.ndarray:
    """Cash at each stamp: capital and every fill strictly before it, added in fill order."""
    time = np.concatenate([positions.entry_us, positions.exit_us])
    kind = np.repeat([ENTRY, EXIT], len(positions.symbol))
    order = np.lexsort((np.tile(positions.symbol, 2), kind, time))
    flows = np.concatenate([-positions.paid_usd, positions.received_usd])[order]
    path = np.cumsum(np.concatenate([[capital_usd], flows]))
    return path[np.searchsorted(time[order], stamps, side="left")]
