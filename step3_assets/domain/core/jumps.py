"""Prices that no market made: splits, changes of unit, bad ticks, a new level after a hole.

Belongs here: finding them in bars, relative to the symbol's own volatility. Does not belong here:
adjustments of prices (:mod:`step3_assets.domain.core.adjustments`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST_MOVE = 0.18
"""Smallest log move that can be a jump: a single share may lose a sixth on bad news."""

DEVIATIONS = 15.0
"""A jump is larger than this many robust deviations of the symbol's moves of the same kind."""

LEAST_DEVIATION = 0.002
"""Floor of that deviation, so that in a quiet or short history no small move is a jump."""

LEAST_SPIKE = 0.1
"""Smallest log move that can be a spike: a move that the next bar reverses, or that appears only in
a bar's high or low. The largest of QQQ and SPY from 2016 to 2023 is 6 %."""

SPLIT_FACTORS = (1.2, 1.25, 4 / 3, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
SPLIT_TOLERANCE = 0.06
"""Largest log distance of a move from a split's factor: the market moves at the same time."""

SPLIT_DEVIATIONS = 8.0
"""A move near a split's factor is a split beyond this many deviations. The limit is lower than for
other moves, because the deviations of a volatile symbol would hide a move of 50 %."""

LEAST_CLEAR_SPLIT = 4 / 3
"""Smallest factor to which the lower limit applies: a volatile symbol falls by a sixth or a fifth
on news, so a move of that size needs the same evidence as any other."""

LONG_HOLE_DAYS = 14
"""The exchange has not closed for longer since 1914. The move over a longer hole is compared with
the moves that so many days usually make."""

_LEAST_COMMON = 10

OUTLIER_HOLE_DAYS = 500
"""Bars that are farther than this from all others have a wrong date."""


@dataclass(frozen=True)
class Jump:
    """One move that is too large to be the market's.

    Parameters
    ----------
    row : int
        Bar at whose open, or within which, the move occurs.
    stamp : Timestamp
    factor : float
        Price after over price before.
    text : str
        What it looks like.
    is_lasting : bool
        The price is still at the new level on the next bar, so a split may explain the move.
    """

    row: int
    stamp: pd.Timestamp
    factor: float
    text: str
    is_lasting: bool = False


def find_jumps(bars: pd.DataFrame) -> list[Jump]:
    """Every jump in one symbol's bars, in time order.

    Parameters
    ----------
    bars : DataFrame
        ``date``, ``open``, ``high``, ``low``, ``close`` in time order; prices above 0.

    Notes
    -----
    Five kinds of moves are compared with their own robust deviation (1.4826 times the median
    absolute move): from close to open over a night, from close to open within a session, from open
    to close, from the body of a bar to its high and low, and what one bar adds and the next takes
    back.
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
    for i in np.flatnonzero(np.abs(between) > LEAST_MOVE):
        if _is_clear_split(between[i]):
            limits[i] *= SPLIT_DEVIATIONS / DEVIATIONS
    # Over a long hole the price may have moved as far as it does in so many nights.
    nights = np.sqrt(np.maximum(1.0, hours / 24.0))
    limits = np.where(hours > 24 * LONG_HOLE_DAYS, limits * nights / 3.0, limits)
    limits = np.maximum(limits, LEAST_MOVE)
    jumps = [
        Jump(int(i), stamps[int(i)], float(np.exp(between[i])), _name(between[i], hours[i]), True)
        for i in np.flatnonzero(np.abs(between) > limits)
    ]
    body_high, body_low = np.maximum(opens, close), np.minimum(opens, close)
    body = np.log(close / opens)
    for move, least, what in (
        (body, LEAST_MOVE, "from open to close"),
        (np.log(high / body_high), LEAST_SPIKE, "at its high"),
        (np.log(low / body_low), LEAST_SPIKE, "at its low"),
        (_taken_back(np.log(close)), LEAST_SPIKE, "and the next bar takes it back"),
        (_opposed(between, body), LEAST_SPIKE, "at its open alone"),
    ):
        for i in np.flatnonzero(np.abs(move) > max(least, _limit(move))):
            text = f"the bar moves by {np.expm1(move[i]):+.0%} {what}"
            jumps.append(Jump(int(i), stamps[int(i)], float(np.exp(move[i])), text))
    first: dict[int, Jump] = {}
    for jump in sorted(jumps, key=lambda jump: jump.row):
        first.setdefault(jump.row, jump)  # one bar, one jump: the plainest description
    return list(first.values())


def find_outlying_holes(stamps: pd.DatetimeIndex) -> list[int]:
    """Rows before which more than :data:`OUTLIER_HOLE_DAYS` days are missing."""
    days = np.diff(stamps.as_unit("us").asi8) / 8.64e10
    return [int(i) + 1 for i in np.flatnonzero(days > OUTLIER_HOLE_DAYS)]


def has_same_bars(bars: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two symbols have one table of bars between them: one file was saved under two names.

    A few bars, or prices that never move, are not evidence of that.
    """
    columns = ["date", "open", "high", "low", "close", "volume"]
    if len(bars) != len(other) or len(bars) < _LEAST_COMMON or bars["close"].nunique() < 2:
        return False
    return all(np.array_equal(bars[name].to_numpy(), other[name].to_numpy()) for name in columns)


def nearest_split(log_move: float) -> float | None:
    """The split whose factor is near the move: 4 for a fall to a quarter, 0.1 for a rise tenfold.

    Examples
    --------
    >>> nearest_split(np.log(0.2510)), nearest_split(np.log(9.8)), nearest_split(-0.1)
    (4.0, 0.1, None)
    """
    factor = min(SPLIT_FACTORS, key=lambda split: abs(abs(log_move) - np.log(split)))
    if abs(abs(log_move) - np.log(factor)) >= SPLIT_TOLERANCE:
        return None
    return float(factor if log_move < 0 else round(1.0 / factor, 6))


def _is_clear_split(log_move: float) -> bool:
    split = nearest_split(log_move)
    return split is not None and max(split, 1.0 / split) > LEAST_CLEAR_SPLIT - 1e-3


def _taken_back(levels: np.ndarray) -> np.ndarray:
    """The part of each step between levels that the next step reverses, with its sign."""
    steps = np.diff(levels)
    back = np.append(0.0, _opposed(steps[:-1], steps[1:]))
    return np.append(back, 0.0)[: len(levels)]


def _opposed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The part of the first move that the second reverses, with the sign of the first."""
    size = np.minimum(np.abs(first), np.abs(second))
    return np.where(first * second < 0, np.sign(first) * size, 0.0)


def _limit(moves: np.ndarray) -> float:
    moves = np.abs(moves[np.isfinite(moves)])
    typical = 1.4826 * float(np.median(moves)) if len(moves) else 0.0
    return DEVIATIONS * max(typical, LEAST_DEVIATION)


def _name(log_move: float, hours: float) -> str:
    change = f"the open is {np.expm1(log_move):+.1%} from the close before"
    if hours > 24 * LONG_HOLE_DAYS:
        return f"{change}, after {hours / 24:.0f} days without bars"
    split = nearest_split(log_move)
    if split is None:
        return change
    ratio = f"{split:g}-for-1 split" if split > 1 else f"1-for-{1 / split:g} reverse split"
    return f"{change}, as an unadjusted {ratio} would be"
