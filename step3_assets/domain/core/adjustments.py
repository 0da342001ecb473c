"""Adjustments of one symbol's prices: splits to apply, and moves that a person confirms as real.

Belongs here: the file ``adjustments/{symbol}.csv``, its meaning, and applying it to bars. Does not
belong here: finding moves that need one (:mod:`step3_assets.domain.core.jumps`).

The file has three columns. ``date`` is the first New York date at the new price. ``factor`` is the
number of new shares for an old one: 4 for a 4-for-1 split, 0.1 for a 1-for-10 reverse split.
``kind`` is ``split`` (prices before the date are divided by the factor, volumes multiplied) or
``real`` (the market really made the move on that date; the factor is empty).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.domain.core.instants import NY, new_york_days
from step3_assets.domain.core.jumps import Jump, find_jumps

ADJUSTMENTS_FOLDER = "adjustments"
COLUMNS = ("date", "factor", "kind")
SPLIT, REAL = "split", "real"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FACTOR = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LEAST, _MOST = 1e-4, 1e4


class AdjustmentsError(ValueError):
    """A file of adjustments that cannot be used; the message names the line."""


@dataclass(frozen=True)
class Adjustment:
    """One line of the file."""

    day: date
    factor: float
    kind: str


def parse_adjustments(content: bytes) -> tuple[Adjustment, ...]:
    """Read the file's content, in order of date.

    Raises
    ------
    AdjustmentsError
        On a wrong header, a line that cannot be read, or a repeated date.

    Examples
    --------
    >>> parse_adjustments(b"date,factor,kind\\n2020-08-31,4,split\\n")[0].factor
    4.0
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise AdjustmentsError(f"is not CSV text: {error}") from error
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != COLUMNS:
        raise AdjustmentsError(f"expected the header {','.join(COLUMNS)}")
    found = [_line(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    counts = Counter(one.day for one in found)
    twice = sorted(day for day, count in counts.items() if count > 1)
    if twice:
        raise AdjustmentsError(f"{twice[0]} appears more than once")
    return tuple(sorted(found, key=lambda one: one.day))


def format_adjustments(adjustments: Iterable[Adjustment]) -> str:
    """The same content as one canonical text."""
    lines = [
        f"{one.day.isoformat()},{one.factor!r},{one.kind}"
        if one.kind == SPLIT
        else f"{one.day.isoformat()},,{one.kind}"
        for one in adjustments
    ]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


def apply_splits(bars: pd.DataFrame, adjustments: Sequence[Adjustment]) -> pd.DataFrame:
    """Bars on the price level after the last split; other adjustments change nothing.

    Parameters
    ----------
    bars : DataFrame
        ``date`` (UTC), ``open``, ``high``, ``low``, ``close``, ``volume`` and maybe ``average``.
    """
    splits = [one for one in adjustments if one.kind == SPLIT]
    if not splits:
        return bars
    days = new_york_days(pd.DatetimeIndex(bars["date"]).as_unit("us").asi8).view("datetime64[D]")
    factor = np.ones(len(bars))
    for one in splits:
        factor = np.where(days < np.datetime64(one.day), factor * one.factor, factor)
    prices = [name for name in ("open", "high", "low", "close", "average") if name in bars]
    changed = {name: bars[name] / factor for name in prices}
    return bars.assign(**changed, volume=bars["volume"] * factor)


def unexplained(jumps: Sequence[Jump], adjustments: Sequence[Adjustment]) -> list[Jump]:
    """The jumps on dates without an adjustment of kind ``real``."""
    real = {one.day for one in adjustments if one.kind == REAL}
    return [jump for jump in jumps if jump.stamp.tz_convert(NY).date() not in real]


def real_moves(bars: Mapping[str, pd.DataFrame]) -> dict[str, tuple[Adjustment, ...]]:
    """Confirm every jump in some bars, by symbol: a simulator knows that its market made them.

    Parameters
    ----------
    bars : mapping of str to DataFrame
        See :func:`step3_assets.domain.core.jumps.find_jumps`.
    """
    days = {
        symbol: {jump.stamp.tz_convert(NY).date() for jump in find_jumps(frame)}
        for symbol, frame in bars.items()
    }
    return {
        symbol: tuple(Adjustment(day, 1.0, REAL) for day in sorted(found))
        for symbol, found in days.items()
        if found
    }


def _line(number: int, row: list[str]) -> Adjustment:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(COLUMNS):
        raise AdjustmentsError(f"line {number} has {len(cells)} cells; expected 3")
    day_text, factor_text, kind = cells
    try:
        if not _DATE.fullmatch(day_text):
            raise ValueError
        day = date.fromisoformat(day_text)
    except ValueError:
        raise AdjustmentsError(
            f"line {number}: {day_text[:40]!r} is not a date; expected YYYY-MM-DD"
        ) from None
    if kind == REAL:
        if factor_text not in ("", "1", "1.0"):
            raise AdjustmentsError(f"line {number}: a real move has no factor")
        return Adjustment(day, 1.0, REAL)
    if kind != SPLIT:
        raise AdjustmentsError(
            f"line {number}: {kind[:40]!r} is not a kind; expected split or real"
        )
    factor = float(factor_text) if _FACTOR.fullmatch(factor_text) else float("nan")
    if not _LEAST <= factor <= _MOST or factor == 1.0:
        raise AdjustmentsError(
            f"line {number}: {factor_text[:40]!r} is not a split factor; expected, say, 4 or 0.1"
        )
    return Adjustment(day, factor, SPLIT)
