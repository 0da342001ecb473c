"""Candidates: gated decisions joined with their prices, checked and ordered by time.

Belongs here: the join of decisions with events, the checks before the simulation, which bars an
order needs. Does not belong here: the gate, fills (:mod:`.ledger`), sizes
(:mod:`~step3_assets.domain.decisions.sizing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import cast

import numpy as np
import pandas as pd

from step3_assets.domain.core.instants import utc_index
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.execution.marking import LedgerError, MarkClock, stamps_us
from step3_assets.plugins.sizing_method import SIZING_COLUMNS

Allocation = Mapping[str, float] | Mapping[date, Mapping[str, float]]

_OUTCOMES = [
    "decision_instant_utc",
    "entry_time_utc",
    "exit_time_utc",
    "entry_open",
    "exit_open",
    "cost_rt",
    "maturity",
]
EVENT_COLUMNS = (*EVENT_KEY, *_OUTCOMES)
CANDIDATE_COLUMNS = (*EVENT_KEY, "month", "size_frac", *_OUTCOMES)


@dataclass(frozen=True)
class Orders:
    """Candidates as arrays, in the order of decision instant, symbol, decision bar.

    Attributes
    ----------
    row : ndarray of int
        Position of each order in the candidate frame.
    symbol : ndarray of int
        Code on the clock.
    instant_us, entry_us, exit_us : ndarray of int
        Decision instant, entry fill, exit fill, microseconds UTC.
    exit_known_us : ndarray of int
        When the exit is decided: the end of the bar before the exit bar.
    mark_row : ndarray of int
        Row of the clock that is known at the decision instant; -1 before the first bar.
    entry_open, exit_open : ndarray of float
        USD.
    half_cost : ndarray of float
        Half of ``cost_rt``, a share of the value traded on one side.
    allocation, size_frac : ndarray of float
        The symbol's share of equity, and the requested fraction of that share.
    is_final : ndarray of bool
        Whether the label is final; for other rows, fields that are known later have no meaning.
    """

    row: np.ndarray
    symbol: np.ndarray
    instant_us: np.ndarray
    entry_us: np.ndarray
    exit_us: np.ndarray
    exit_known_us: np.ndarray
    mark_row: np.ndarray
    entry_open: np.ndarray
    exit_open: np.ndarray
    half_cost: np.ndarray
    allocation: np.ndarray
    size_frac: np.ndarray
    is_final: np.ndarray

    def take(self, rows: np.ndarray, allocation: np.ndarray, size_frac: np.ndarray) -> "Orders":
        """Some of the orders, in their order, with other shares and sizes (of those rows)."""
        kept = {f.name: getattr(self, f.name)[rows] for f in fields(self)}
        return Orders(**(kept | {"allocation": allocation, "size_frac": size_frac}))


def gated_candidates(decisions: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The decisions that passed the gate, with the prices of their events.

    Parameters
    ----------
    decisions : DataFrame
        ``month``, ``symbol``, ``decision_time_utc``, ``is_gated``, ``size_frac`` of table
        ``scores`` or ``mock_baseline``.
    events : DataFrame
        Table ``events``, any superset of the decisions' events.

    Returns
    -------
    DataFrame
        Columns ``CANDIDATE_COLUMNS``, and of ``SIZING_COLUMNS`` those that are there. Rows
        that the gate refused are left out, so that they block no other row.

    Raises
    ------
    LedgerError
        If a gated decision has no event, or a key occurs twice on either side.
    """
    sizing = [name for name in SIZING_COLUMNS if name in decisions.columns]
    columns = [*EVENT_KEY, "month", "size_frac", *sizing]
    gated = decisions.loc[decisions["is_gated"].astype(bool), columns]
    try:
        joined = gated.merge(
            events[list(EVENT_COLUMNS)],
            on=EVENT_KEY,
            how="left",
            indicator=True,
            validate="one_to_one",
        )
    except pd.errors.MergeError as error:
        for name, frame in (("decisions", gated), ("events", events)):
            doubled = frame[frame.duplicated(EVENT_KEY)]
            if len(doubled):
                raise LedgerError(f"{name}: {_rows(doubled)} more than once") from error
        raise
    lost = joined[joined["_merge"] == "left_only"]
    if len(lost):
        raise LedgerError(f"events: none for gated decision(s) {_rows(lost)}")
    return joined[[*CANDIDATE_COLUMNS, *sizing]]


def prepare_orders(
    candidates: pd.DataFrame,
    clock: MarkClock,
    start: pd.Timestamp,
    end: pd.Timestamp,
    allocation: Allocation,
) -> Orders:
    """Check the candidates and lay them out as arrays in time order.

    Raises
    ------
    LedgerError
        On missing columns, a doubled key, a decision outside [start, end), a final row with an
        impossible outcome, a missing allocation, or a bar that is needed and is not there.
    """
    _check_candidates(candidates, start, end)
    codes = clock.codes(candidates["symbol"])
    decided = stamps_us(candidates["decision_time_utc"])
    instant = stamps_us(candidates["decision_instant_utc"])
    order = np.lexsort((decided, codes, instant))
    frame = candidates.iloc[order]
    codes, instant = codes[order], instant[order]
    entry, exit_ = stamps_us(frame["entry_time_utc"]), stamps_us(frame["exit_time_utc"])
    is_final = (frame["maturity"] == "final").to_numpy()
    return Orders(
        row=order,
        symbol=codes,
        instant_us=instant,
        entry_us=entry,
        exit_us=exit_,
        exit_known_us=_exit_known(frame, clock, codes, entry, exit_, is_final),
        mark_row=clock.row_at(instant),
        entry_open=_floats(frame["entry_open"]),
        exit_open=_floats(frame["exit_open"]),
        half_cost=_floats(frame["cost_rt"]) / 2.0,
        allocation=_allocated(frame, allocation),
        size_frac=_floats(frame["size_frac"]),
        is_final=is_final,
    )


def _check_candidates(frame: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> None:
    missing = [name for name in CANDIDATE_COLUMNS if name not in frame.columns]
    if missing:
        raise LedgerError(f"candidates: column(s) {', '.join(missing)} missing")
    decided, instant = frame["decision_time_utc"], frame["decision_instant_utc"]
    entry, exit_ = frame["entry_time_utc"], frame["exit_time_utc"]
    size = _floats(frame["size_frac"])
    prices = np.column_stack([_floats(frame[c]) for c in ("entry_open", "exit_open")])
    cost = _floats(frame["cost_rt"])
    is_final = (frame["maturity"] == "final").to_numpy()
    faults = {
        "key is doubled": frame.duplicated(EVENT_KEY).to_numpy(),
        f"decision lies outside {start} to {end}": ~((decided >= start) & (decided < end)),
        "decision_instant_utc does not follow decision_time_utc": ~(instant > decided),
        "size_frac is not a share": ~(np.isfinite(size) & (size >= 0)),
        "entry_time_utc lies before the decision instant": is_final & ~(entry >= instant),
        "exit_time_utc does not follow entry_time_utc": is_final & ~(exit_ > entry),
        "entry_open or exit_open is no positive price": is_final
        & ~(np.isfinite(prices) & (prices > 0)).all(axis=1),
        "cost_rt is not a cost": is_final & ~(np.isfinite(cost) & (cost >= 0)),
    }
    for what, wrong in faults.items():
        wrong = np.asarray(wrong, dtype=bool)
        if wrong.any():
            raise LedgerError(f"candidates: {what}: {_rows(frame[wrong])}")


def _exit_known(
    frame: pd.DataFrame,
    clock: MarkClock,
    codes: np.ndarray,
    entry: np.ndarray,
    exit_: np.ndarray,
    is_final: np.ndarray,
) -> np.ndarray:
    """End of the bar before the exit bar; refuses final rows whose bars are not there."""
    known = np.zeros(len(frame), dtype="int64")
    for code in np.unique(codes):
        final_rows = np.flatnonzero((codes == code) & is_final)
        starts = clock.bar_start_us[code]
        for what, stamps in (("entry", entry[final_rows]), ("exit", exit_[final_rows])):
            place = np.minimum(np.searchsorted(starts, stamps), len(starts) - 1)
            absent = starts[place] != stamps
            if absent.any():
                at = ", ".join(str(s) for s in utc_index(np.unique(stamps[absent])[:3]))
                raise LedgerError(
                    f"bars: {clock.symbols[code]} has no bar that starts at {at}, where "
                    f"{int(absent.sum())} candidate(s) fill their {what}; "
                    f"its bars go from {utc_index(starts[:1])[0]} to {utc_index(starts[-1:])[0]}"
                )
        before_exit = np.searchsorted(starts, exit_[final_rows]) - 1
        known[final_rows] = clock.bar_end_us[code][before_exit]
    return known


def _allocated(frame: pd.DataFrame, allocation: Allocation) -> np.ndarray:
    """Share of equity of each row's symbol, in its month where shares change by month."""
    by_month = {
        (month, symbol): share
        for month, of_month in allocation.items()
        if isinstance(of_month, Mapping)
        for symbol, share in of_month.items()
    }
    lasting = {symbol: share for symbol, share in allocation.items() if isinstance(symbol, str)}
    shares = np.empty(len(frame))
    for key, rows in frame.groupby(["month", "symbol"], sort=False).indices.items():
        month, symbol = cast(tuple[date, str], key)
        share = by_month.get((month, symbol), lasting.get(symbol))
        if not isinstance(share, int | float) or not np.isfinite(share) or share < 0:
            raise LedgerError(f"allocation: no share of equity for {symbol} in {month}")
        shares[rows] = share
    return shares


def _floats(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype="float64", na_value=np.nan)


def _rows(frame: pd.DataFrame) -> str:
    """The first rows at fault by key, and how many there are."""
    named = [f"{r.symbol} {r.decision_time_utc}" for r in frame.head(3).itertuples()]
    more = f" and {len(frame) - 3} more" if len(frame) > 3 else ""
    return ", ".join(named) + more
