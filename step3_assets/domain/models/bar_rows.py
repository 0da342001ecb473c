"""Bars as training rows: their features, and their outcome over two bars.

Belongs here: laying out table ``bar_features`` for a model of drift per bar. Does not belong here:
fitting (:mod:`.drift`), which bars may train (:mod:`step3_assets.domain.folds.build`).

A bar's signals are known at its end, and the earliest entry is the next bar's open. The bar's
outcome is therefore the log return from the next bar's open to the open after it. Some of these
returns contain a night and vary more; :func:`.drift.variance_time` accounts for that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import BAR_FEATURES, CROSS_SUFFIXES
from step3_assets.domain.core.instants import week_numbers
from step3_assets.domain.folds.purge import naive_utc

PARTNER_TOLERANCE = np.timedelta64(30 * 60 * 10**6, "us")
"""A partner's bar that ended earlier than this before the bar's end is not used."""

_RELATIVE = ("rs_log", "ret_spread", "regime_agree")


@dataclass(frozen=True)
class BarRows:
    """Bars of all symbols, by symbol and bar index.

    Parameters
    ----------
    symbol : ndarray of str, shape (n,)
    idx : ndarray of int, shape (n,)
        ``bar_idx``.
    values : ndarray, shape (n, p)
        Features, known at the bar's end.
    names : tuple of str, length p
    u_atr : ndarray, shape (n,)
        NaN or 0 where the bar has no scale yet.
    move : ndarray, shape (n,)
        Log return from the next bar's open to the open after it; NaN for the last two bars.
    holds_night : ndarray of bool, shape (n,)
        Whether that return contains a night.
    instant : ndarray of int, shape (n,)
        Equal for bars that end at the same instant, because they share noise.
    week : ndarray of int, shape (n,)
        Number of the week; rows of one week may depend on each other.
    """

    symbol: np.ndarray
    idx: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    u_atr: np.ndarray
    move: np.ndarray
    holds_night: np.ndarray
    instant: np.ndarray
    week: np.ndarray

    @property
    def is_usable(self) -> np.ndarray:
        """Rows with a scale, an outcome and some signal."""
        has_signal = ~np.isnan(self.values).all(axis=1)
        return (self.u_atr > 0) & np.isfinite(self.move) & has_signal


def lay_out_bars(
    bars: pd.DataFrame, partners: Mapping[str, str], columns: Sequence[str]
) -> BarRows:
    """Lay out bars for the drift model.

    Parameters
    ----------
    bars : DataFrame, n rows
        Rows of table ``bar_features``.
    partners : mapping of str to str
        The symbol whose signals are in each symbol's ``cross_*`` columns.
    columns : sequence of str
        Features of events; those that every bar has, with or without an event, are used.

    Returns
    -------
    BarRows, n rows
    """
    bars = bars.sort_values(["symbol", "bar_idx"], kind="stable", ignore_index=True)
    names = tuple(name for name in columns if _is_of_bars(name))
    parts = []
    by_symbol = {str(name): rows for name, rows in bars.groupby("symbol", sort=True)}
    for name, rows in by_symbol.items():
        partner = by_symbol.get(partners.get(name, ""))
        parts.append(_features(rows, partner, names))
    moves = [_moves(rows) for rows in by_symbol.values()]
    ends = naive_utc(bars["bar_end_utc"])
    days = ends.astype("datetime64[D]").astype(np.int64)
    return BarRows(
        symbol=bars["symbol"].to_numpy(dtype=object),
        idx=bars["bar_idx"].to_numpy(dtype=np.int64),
        values=np.concatenate(parts) if parts else np.empty((0, len(names))),
        names=names,
        u_atr=bars["u_atr"].to_numpy(dtype=np.float64, na_value=np.nan),
        move=np.concatenate([move for move, _ in moves]) if moves else np.empty(0),
        holds_night=np.concatenate([night for _, night in moves]) if moves else np.empty(0, bool),
        instant=pd.factorize(ends)[0],
        week=week_numbers(days),
    )


def partners_of(events: pd.DataFrame) -> dict[str, str]:
    """The partner of each symbol, from its latest event."""
    known = events[["symbol", "decision_time_utc", "cross_symbol"]].dropna()
    latest = known.sort_values("decision_time_utc", kind="stable").groupby("symbol").tail(1)
    return dict(zip(latest["symbol"], latest["cross_symbol"], strict=True))


def held_sums(rows: BarRows, per_bar: np.ndarray, events: pd.DataFrame) -> np.ndarray:
    """Sum of a quantity over the bars that each event holds.

    An event that is decided on bar t and exits at the open of bar e is held from the open of t + 1
    to the open of e, which are the moves of bars t to e - 2.

    Parameters
    ----------
    rows : BarRows, n rows
    per_bar : ndarray, shape (n,)
    events : DataFrame, m rows
        ``symbol``, ``t_idx``, ``label_end_idx``.

    Returns
    -------
    ndarray, shape (m,)
        NaN where a bar is missing from the rows.
    """
    out = np.full(len(events), np.nan)
    symbols = events["symbol"].to_numpy(dtype=object)
    first = events["t_idx"].to_numpy(dtype=np.int64)
    last = events["label_end_idx"].to_numpy(dtype=np.int64) - 2
    for name in np.unique(rows.symbol.astype(str)):
        bar_at = np.flatnonzero(rows.symbol == name)
        event_at = np.flatnonzero(symbols == name)
        if not len(event_at):
            continue
        idx, total = rows.idx[bar_at], np.concatenate([[0.0], np.cumsum(per_bar[bar_at])])
        begin = np.searchsorted(idx, first[event_at])
        end = np.searchsorted(idx, last[event_at], side="right")
        is_whole = (end - begin) == (last[event_at] - first[event_at] + 1)
        out[event_at] = np.where(is_whole, total[end] - total[begin], np.nan)
    return out


def _is_of_bars(name: str) -> bool:
    if name in _RELATIVE:
        return True
    if name.startswith("cross_"):
        return name.removeprefix("cross_") in CROSS_SUFFIXES and name != "cross_age_min"
    return name in BAR_FEATURES.by_name


def _moves(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    n = len(rows)
    price = np.log(rows["open"].to_numpy(dtype=np.float64))
    move, night = np.full(n, np.nan), np.zeros(n, dtype=bool)
    move[:-2] = price[2:] - price[1:-1]
    night[:-1] = rows["entry_overnight"].to_numpy(dtype=bool)[1:]
    return move, night


def _features(rows: pd.DataFrame, partner: pd.DataFrame | None, names: Sequence[str]) -> np.ndarray:
    at = _partner_rows(rows, partner)
    columns = []
    for name in names:
        if name in _RELATIVE or name.startswith("cross_"):
            columns.append(_cross(name, rows, partner, at))
        else:
            columns.append(_numbers(rows, name))
    return np.column_stack(columns) if columns else np.empty((len(rows), 0))


def _partner_rows(rows: pd.DataFrame, partner: pd.DataFrame | None) -> np.ndarray:
    """Row of the partner's latest bar that has ended by each bar's end; -1 for none."""
    if partner is None or partner.empty:
        return np.full(len(rows), -1)
    ends = naive_utc(rows["bar_end_utc"])
    partner_ends = naive_utc(partner["bar_end_utc"])
    at = np.searchsorted(partner_ends, ends, side="right") - 1
    is_fresh = (at >= 0) & (ends - partner_ends[at.clip(min=0)] <= PARTNER_TOLERANCE)
    return np.where(is_fresh, at, -1)


def _cross(
    name: str, rows: pd.DataFrame, partner: pd.DataFrame | None, at: np.ndarray
) -> np.ndarray:
    def of_partner(column: str) -> np.ndarray:
        if partner is None or partner.empty:
            return np.full(len(rows), np.nan)
        return np.where(at >= 0, _numbers(partner, column)[at], np.nan)

    if name == "rs_log":
        return np.log(_numbers(rows, "close") / of_partner("close"))
    if name == "ret_spread":
        return _numbers(rows, "r_cc") - of_partner("r_cc")
    if name == "regime_agree":
        same = np.sign(_numbers(rows, "trend_score")) == np.sign(of_partner("trend_score"))
        return same.astype(np.float64)
    return of_partner(name.removeprefix("cross_"))


def _numbers(rows: pd.DataFrame, name: str) -> np.ndarray:
    return rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
