"""Months: UTC calendar months as the first day's :class:`datetime.date`.

Belongs here: month arithmetic. Does not belong here: Dagster partitions, which are built on it.
"""

from datetime import date

import pandas as pd


def parse_month(text: str) -> date:
    """Month from ``YYYY-MM`` or ``YYYY-MM-DD`` (the day is dropped).

    Raises
    ------
    ValueError
        If the text is not a month.

    Examples
    --------
    >>> parse_month("2019-02")
    datetime.date(2019, 2, 1)
    """
    parts = text.strip().split("-")
    if len(parts) not in (2, 3) or not all(p.isdigit() for p in parts) or len(parts[0]) != 4:
        raise ValueError(f"{text!r} is not a month: write it as YYYY-MM, for example 2019-02")
    return date(int(parts[0]), int(parts[1]), 1)


def add_months(month: date, count: int) -> date:
    """The month ``count`` months later (earlier when negative).

    Examples
    --------
    >>> add_months(date(2019, 2, 1), -36)
    datetime.date(2016, 2, 1)
    """
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def month_range(first: date, last: date) -> list[date]:
    """Every month from ``first`` to ``last``, both included; empty when ``last`` is earlier."""
    months = []
    current = first.replace(day=1)
    while current <= last:
        months.append(current)
        current = add_months(current, 1)
    return months


def first_test_month(first_month: date, is_complete: bool, train_months: int) -> date:
    """First month whose whole training window is covered by the data.

    Examples
    --------
    >>> first_test_month(date(2016, 1, 1), False, 36)
    datetime.date(2019, 2, 1)
    """
    start = first_month if is_complete else add_months(first_month, 1)
    return add_months(start, train_months)


def month_start(month: date) -> pd.Timestamp:
    """First instant of the month, UTC."""
    return pd.Timestamp(month.replace(day=1), tz="UTC")


def month_of(stamps: pd.Series) -> pd.Series:
    """UTC month of each stamp, as first-day :class:`datetime.date` objects.

    Parameters
    ----------
    stamps : Series of datetime64[us, UTC]
    """
    utc = stamps.dt.tz_convert("UTC")
    first = utc.dt.tz_localize(None).dt.to_period("M").dt.start_time
    return pd.Series(first.dt.date.to_numpy(), index=stamps.index, name="month", dtype=object)


def month_label(month: date) -> str:
    """``YYYY-MM``."""
    return f"{month:%Y-%m}"
