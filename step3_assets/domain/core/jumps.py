"""Moves that no market made: splits, changes of unit, bad ticks, another price level after a hole.

Belongs here: finding them in bars, by the symbol's own volatility, and what a person says about
them. Does not belong here: applying an adjustment (:mod:`step3_assets.domain.step2.bars`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST_MOVE = 0.18
"""Smallest log move that is ever called a jump: a single share may lose a sixth on bad news."""

DEVIATIONS = 15.0
"""A jump is beyond this many robust deviations of the symbol's own moves of the same kind."""

LEAST_DEVIATION = 0.002
"""Floor of that deviation, so that a quiet or short history calls nothing small a jump."""

SPLIT_FACTORS = (1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
SPLIT_TOLERANCE = 0.06
"""How far a move may be from a split's factor (log), for the market's own move beside it."""

LONG_HOLE_DAYS = 14
"""No closure of the exchange was longer since 1914; bars on both sides of a longer hole are
compared with the moves that so many days make."""

OUTLIER_HOLE_DAYS = 500
"""Bars so far from all others belong to another date."""


@dataclass(frozen=True)
class Jump:
    """One move that is not believed.

    Parameters
    ----------
    row : int
        Bar at whose open, or within which, the move shows.
    stamp : Timestamp
    factor : float
        Price after over price before.
    text : str
        What it looks like.
    """

    row: int
    stamp: pd.Timestamp
    factor: float
    text: str


def find_jumps(bars: pd.DataFrame) -> list[Jump]:
    """Every absurd move of one symbol's bars, in time order.

    Parameters
    ----------
    bars : DataFrame
        ``date``, ``open``, ``high``, ``low``, ``close`` in time order; prices above 0.

    Notes
    -----
    Four kinds of moves are compared with their own robust deviation (1.4826 times the median
    absolute move): from close to open over a night, from close to open within a session, from open
    to close, and from the body of a bar to its high and low.
    """
    if len(bars) < 2:
        return []
    opens, high, low, close = (
        bars[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close")
    )
    stamps = pd.DatetimeIndex(bars["date"])
    between = np.append(0.0, np.log(opens[1:] / close[:-1]))
    hours = np.append(0.0, np.diff(stamps.as_unit("us").asi8) / 3.6e9)
    is_night = hours > 6
    limits = np.where(is_night, _limit(between[is_night]), _limit(between[~is_night][1:]))
    # After a long hole the price may have drifted as far as so many nights take it.
    nights = np.sqrt(np.maximum(1.0, hours / 24.0))
    limits = np.where(hours > 24 * LONG_HOLE_DAYS, limits * nights / 3.0, limits)
    limits = np.maximum(limits, LEAST_MOVE)
    jumps = [
        Jump(int(i), stamps[int(i)], float(np.exp(between[i])), _name(between[i], hours[i]))
        for i in np.flatnonzero(np.abs(between) > limits)
    ]
    body_high, body_low = np.maximum(opens, close), np.minimum(opens, close)
    for move, what in (
        (np.log(close / opens), "from open to close"),
        (np.log(high / body_high), "at its high"),
        (np.log(low / body_low), "at its low"),
    ):
        for i in np.flatnonzero(np.abs(move) > max(LEAST_MOVE, _limit(move))):
            text = f"the bar moves by {np.expm1(move[i]):+.0%} {what}"
            jumps.append(Jump(int(i), stamps[int(i)], float(np.exp(move[i])), text))
    return sorted(jumps, key=lambda jump: jump.row)


def find_outlying_holes(stamps: pd.DatetimeIndex) -> list[int]:
    """Rows before which more than :data:`OUTLIER_HOLE_DAYS` days are missing."""
    days = np.diff(stamps.as_unit("us").asi8) / 8.64e10
    return [int(i) + 1 for i in np.flatnonzero(days > OUTLIER_HOLE_DAYS)]


def nearest_split(log_move: float) -> float | None:
    """The split whose factor is near the move: 4 for a fall to a quarter, 0.1 for a rise tenfold.

    Examples
    --------
    >>> nearest_split(np.log(0.2510)), nearest_split(np.log(9.8)), nearest_split(-0.1)
    (4.0, 0.1, None)
    """
    for factor in SPLIT_FACTORS:
        for sign in (-1.0, 1.0):
            if abs(log_move - sign * np.log(factor)) < SPLIT_TOLERANCE:
                return float(factor if sign < 0 else round(1.0 / factor, 6))
    return None


def _limit(moves: np.ndarray) -> float:
    moves = np.abs(moves[np.isfinite(moves)])
    typical = 1.4826 * float(np.median(moves)) if len(moves) else 0.0
    return DEVIATIONS * max(typical, LEAST_DEVIATION)


def _name(log_move: float, hours: float) -> str:
    change = f"the open is {np.expm1(log_move):+.1%} from the close before"
    if hours > 24 * LONG_HOLE_DAYS:
        return f"{change}, after a hole of {hours / 24:.0f} days"
    split = nearest_split(log_move)
    if split is None:
        return change
    ratio = f"{split:g}-for-1 split" if split > 1 else f"1-for-{1 / split:g} reverse split"
    return f"{change}, as an unadjusted {ratio} would be"
