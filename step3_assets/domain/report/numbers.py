"""How the report formats numbers: one format per unit; a missing number is shown as missing.

Belongs here: number to text. Does not belong here: which number goes into which
table (the ``*_tables`` modules).
"""

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd

NOT_AVAILABLE = "not available"
DOES_NOT_APPLY = "does not apply"

Formatter = Callable[[Any], str]


def is_missing(value: Any) -> bool:
    """Whether a number is absent: null, NaN or infinite."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, int | float) and not math.isfinite(value)


def _fixed(value: float, decimals: int) -> str:
    """Fixed decimals with thousands separators; a rounded zero carries no minus sign."""
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0.0 else text


def bps(value: Any) -> str:
    """Basis points with one decimal, from a number already in bps.

    Examples
    --------
    >>> bps(-2.34)
    '-2.3 bps'
    """
    return NOT_AVAILABLE if is_missing(value) else f"{_fixed(float(value), 1)} bps"


def percent(value: Any) -> str:
    """A fraction as percent with two decimals: returns and drawdowns.

    Examples
    --------
    >>> percent(0.12345)
    '12.35%'
    """
    return NOT_AVAILABLE if is_missing(value) else f"{_fixed(float(value) * 100, 2)}%"


def share(value: Any) -> str:
    """A fraction as percent with one decimal: hit rates, exposures, parts of a count."""
    return NOT_AVAILABLE if is_missing(value) else f"{_fixed(float(value) * 100, 1)}%"


def share_of(part: float, whole: float) -> str:
    """``part / whole`` as percent; not available if ``whole`` is 0."""
    return share(part / whole) if whole else NOT_AVAILABLE


def usd(value: Any) -> str:
    """Whole dollars.

    Examples
    --------
    >>> usd(-1234.5)
    '-$1,234'
    """
    if is_missing(value):
        return NOT_AVAILABLE
    text = _fixed(float(value), 0)
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def cents(value: Any) -> str:
    """Dollars with two decimals.

    Examples
    --------
    >>> cents(-12.345)
    '-$12.35'
    """
    if is_missing(value):
        return NOT_AVAILABLE
    text = _fixed(float(value), 2)
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def count(value: Any) -> str:
    """A whole number with thousands separators."""
    return NOT_AVAILABLE if is_missing(value) else f"{int(value):,}"


def tally(value: Any) -> str:
    """A count stored as a float; two decimals when it is not a whole number."""
    if is_missing(value):
        return NOT_AVAILABLE
    return count(value) if float(value).is_integer() else _fixed(float(value), 2)


def decimals(value: Any, count: int) -> str:
    """A pure number with `count` decimals."""
    return NOT_AVAILABLE if is_missing(value) else _fixed(float(value), count)


def ratio(value: Any) -> str:
    """A pure number with two decimals."""
    return NOT_AVAILABLE if is_missing(value) else _fixed(float(value), 2)


def fine_ratio(value: Any) -> str:
    """A pure number with three decimals, for comparison with a threshold."""
    return NOT_AVAILABLE if is_missing(value) else _fixed(float(value), 3)


def probability(value: Any) -> str:
    """A probability with three decimals; it is never rounded to 0 or 1.

    Examples
    --------
    >>> probability(0.0312), probability(0.99996), probability(0.0001)
    ('0.031', '>0.999', '<0.001')
    """
    if is_missing(value):
        return NOT_AVAILABLE
    if 0.0 < float(value) < 0.0005:
        return "<0.001"
    return ">0.999" if 0.9995 <= float(value) < 1.0 else _fixed(float(value), 3)


def interval(lower: str, upper: str) -> str:
    """An interval of two formatted numbers; empty when there is none."""
    return "" if NOT_AVAILABLE in (lower, upper) else f"{lower} to {upper}"


def score(value: Any) -> str:
    """A score with four decimals (Brier, log loss)."""
    return NOT_AVAILABLE if is_missing(value) else _fixed(float(value), 4)


def hours(value: Any) -> str:
    """Hours with one decimal."""
    return NOT_AVAILABLE if is_missing(value) else f"{_fixed(float(value), 1)} h"


def day_text(value: Any) -> str:
    """``YYYY-MM-DD`` from a timestamp."""
    return NOT_AVAILABLE if is_missing(value) else f"{value:%Y-%m-%d}"


def month_text(value: Any) -> str:
    """``YYYY-MM`` from a date, timestamp or monthly period."""
    if is_missing(value):
        return NOT_AVAILABLE
    return f"{value:%Y-%m}" if isinstance(value, date) else str(value)[:7]


def plural(n: int, one: str, many: str | None = None) -> str:
    """The count with its noun.

    Examples
    --------
    >>> plural(1, "month"), plural(1234, "month")
    ('1 month', '1,234 months')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
