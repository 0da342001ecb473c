"""Marking: what positions are worth at every bar close, on the union clock of all symbols.

Belongs here: the clock, last known closes, bar lows, equity and drawdown from a trade ledger. Does
not belong here: which trades are taken (:mod:`step3_assets.domain.execution.ledger`), or metrics.

A mark at a bar's end sees the fills strictly before it. The open at that same instant belongs to
the next bar: it is not known yet, and nothing filled there is in the mark.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

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


def utc_index(us: np.ndarray) -> pd.DatetimeIndex:
    """Microseconds since the epoch as UTC stamps."""
    return pd.DatetimeIndex(us.astype("int64").view("datetime64[us]"), tz="UTC")


def instant_us(stamp: pd.Timestamp) -> int:
    """One stamp with a time zone, as microseconds since the epoch."""
    return int(pd.DatetimeIndex([stamp]).tz_convert("UTC").as_unit("us").asi8[0])


def utc_stamp(us: int) -> pd.Timestamp:
    """One instant, from microseconds since the epoch."""
    return pd.Timestamp(us, unit="us", tz="UTC")


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
        """Lay the bars of all symbols on one clock.

        Parameters
        ----------
        bars : DataFrame
            ``symbol``, ``date`` (bar start), ``bar_end_utc``, ``open``, ``close``, ``low`` of
            table ``bar_features``, in any row order.

        Raises
        ------
        LedgerError
            On doubled bars, a bar that ends before it starts, or a price that is not positive.
        """
        names = bars["symbol"].to_numpy(dtype=object)
        symbols = tuple(sorted(set(names)))
        start, end = stamps_us(bars["date"]), stamps_us(bars["bar_end_utc"])
        prices = {name: bars[name].to_numpy(dtype="float64") for name in ("open", "close", "low")}
        order = np.lexsort((start, names.astype(str)))
        _check_bars(
            names[order], start[order], end[order], {k: v[order] for k, v in prices.items()}
        )
        own = [order[names[order] == symbol] for symbol in symbols]
        stamps = np.unique(end)
        close = np.full((len(stamps), len(symbols)), np.nan)
        low = close.copy()
        for code, rows in enumerate(own):
            last = np.searchsorted(end[rows], stamps, side="right") - 1
            known = last >= 0
            at = rows[last[known]]
            close[known, code] = prices["close"][at]
            ends_here = end[at] == stamps[known]
            low[known, code] = np.where(ends_here, prices["low"][at], prices["close"][at])
        return cls(
            symbols,
            stamps,
            close,
            low,
            tuple(start[rows] for rows in own),
            tuple(end[rows] for rows in own),
            tuple(prices["open"][rows] for rows in own),
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
    """Refuse bars that cannot carry a mark; rows are in symbol and time order."""
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


def mark_equity(
    trades: pd.DataFrame, clock: MarkClock, rows: slice, capital_usd: float
) -> pd.DataFrame:
    """Equity at every bar close, from the trade ledger.

    Parameters
    ----------
    trades : DataFrame
        Columns of ``portfolio_trades`` (at most one open position per symbol at a time).
    clock : MarkClock
    rows : slice
        Rows of the clock that the account lives through.
    capital_usd : float
        Cash before the first fill.

    Returns
    -------
    DataFrame
        Table ``portfolio_equity`` without ``series``. ``equity_usd`` is cash plus units times last
        close, in symbol order. ``drawdown_frac`` is measured from the highest equity so far, the
        starting capital included; ``drawdown_low_frac`` values the positions at the low of the
        bar against the peak before that bar.
    """
    units = _units_held(trades, clock)
    cash = _cash_path(trades, clock, capital_usd)
    value, low_value = np.zeros(len(cash)), np.zeros(len(cash))
    for code in range(len(clock.symbols)):
        held = units[:, code] > 0
        value[held] += units[held, code] * clock.close[held, code]
        low_value[held] += units[held, code] * clock.low[held, code]
    value, low_value, cash = value[rows], low_value[rows], cash[rows]
    equity = cash + value
    if not np.isfinite(equity).all():
        at = clock.stamp_us[rows][np.flatnonzero(~np.isfinite(equity))[0]]
        raise LedgerError(f"bars: no close yet of a position held at {utc_stamp(int(at))}")
    peak = np.maximum(np.maximum.accumulate(equity), capital_usd) if len(equity) else equity
    peak_before = np.concatenate([[capital_usd], peak])[: len(equity)]
    return pd.DataFrame(
        {
            "bar_end_utc": utc_index(clock.stamp_us[rows]),
            "equity_usd": equity,
            "cash_usd": cash,
            "gross_exposure_frac": value / np.where(equity > 0, equity, np.inf),
            "drawdown_frac": 1.0 - equity / peak,
            "drawdown_low_frac": np.maximum(0.0, 1.0 - (cash + low_value) / peak_before),
        }
    )


def _units_held(trades: pd.DataFrame, clock: MarkClock) -> np.ndarray:
    """Units of each symbol held at each stamp, shape (n, n_symbols)."""
    held = np.zeros((len(clock.stamp_us), len(clock.symbols)))
    entry, exit_ = stamps_us(trades["entry_time_utc"]), stamps_us(trades["exit_time_utc"])
    codes, units = clock.codes(trades["symbol"]), trades["units"].to_numpy()
    every = np.arange(len(clock.stamp_us))
    for code in np.unique(codes):
        mine = np.flatnonzero(codes == code)
        mine = mine[np.argsort(entry[mine], kind="stable")]
        first = np.searchsorted(clock.stamp_us, entry[mine], side="right")
        after = np.searchsorted(clock.stamp_us, exit_[mine], side="right")
        last = np.searchsorted(first, every, side="right") - 1
        is_held = (last >= 0) & (every < after[last])
        held[is_held, code] = units[mine][last[is_held]]
    return held


def _cash_path(trades: pd.DataFrame, clock: MarkClock, capital_usd: float) -> np.ndarray:
    """Cash at each stamp: capital and every fill strictly before it, added in fill order."""
    paid = trades["notional_usd"].to_numpy() + trades["cost_entry_usd"].to_numpy()
    received = (
        trades["units"].to_numpy() * trades["exit_open"].to_numpy()
        - trades["cost_exit_usd"].to_numpy()
    )
    codes = clock.codes(trades["symbol"])
    time = np.concatenate([stamps_us(trades["entry_time_utc"]), stamps_us(trades["exit_time_utc"])])
    kind = np.repeat([ENTRY, EXIT], len(trades))
    order = np.lexsort((np.tile(codes, 2), kind, time))
    flows = np.concatenate([-paid, received])[order]
    path = np.cumsum(np.concatenate([[capital_usd], flows]))
    return path[np.searchsorted(time[order], clock.stamp_us, side="left")]
