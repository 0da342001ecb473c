"""Weeks: each from Monday to Sunday (UTC), keyed by its Monday, with its sessions.

Belongs here: week arithmetic, and which sessions a week has on the exchange calendar. Does not
belong here: bars (:mod:`step3_assets.domain.core.calendar`), Dagster partitions, which are built
on it.

A New York session lies within one UTC day, so a week is the same in both.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from step3_assets.domain.core.calendar import session_bars


@dataclass(frozen=True)
class Session:
    """One session of the exchange.

    Attributes
    ----------
    day : date
        New York date.
    open_utc, close_utc : Timestamp
        UTC; a half day closes early.
    """

    day: date
    open_utc: pd.Timestamp
    close_utc: pd.Timestamp


def week_of(day: date) -> date:
    """Monday of the week that contains a day.

    Examples
    --------
    >>> week_of(date(2023, 1, 1)), week_of(date(2023, 1, 2))
    (datetime.date(2022, 12, 26), datetime.date(2023, 1, 2))
    """
    return day - timedelta(days=day.weekday())


def parse_week(text: str) -> date:
    """Week from any of its days, ``YYYY-MM-DD``.

    Raises
    ------
    ValueError
        If the text is not a date.

    Examples
    --------
    >>> parse_week("2023-01-05")
    datetime.date(2023, 1, 2)
    """
    try:
        return week_of(date.fromisoformat(text.strip()))
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not a week: write one of its days as YYYY-MM-DD, for example 2023-01-02"
        ) from error


def add_weeks(week: date, count: int) -> date:
    """The week ``count`` weeks later (earlier when negative)."""
    return week + timedelta(weeks=count)


def week_range(first: date, last: date) -> list[date]:
    """Every week from that of ``first`` to that of ``last``; empty when ``last`` is earlier."""
    start = week_of(first)
    return [add_weeks(start, i) for i in range((week_of(last) - start).days // 7 + 1)]


def week_start(week: date) -> pd.Timestamp:
    """First instant of the week: Monday, 00:00 UTC."""
    return pd.Timestamp(week_of(week), tz="UTC")


def weeks_of(stamps: pd.Series) -> pd.Series:
    """UTC week of each stamp, as Mondays.

    Parameters
    ----------
    stamps : Series of datetime64[us, UTC]
    """
    days = stamps.dt.tz_convert("UTC").dt.tz_localize(None).dt.normalize()
    mondays = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    values = np.asarray(mondays.dt.date, dtype=object)
    return pd.Series(values, index=stamps.index, name="week", dtype=object)


def week_sessions(week: date) -> list[Session]:
    """The sessions of a week, in order; none where the exchange is closed all week.

    Known in advance: the exchange publishes its calendar.

    Examples
    --------
    >>> [s.day.isoformat() for s in week_sessions(date(2023, 1, 16))]  # Monday was a holiday
    ['2023-01-17', '2023-01-18', '2023-01-19', '2023-01-20']
    """
    monday = week_of(week)
    bars = session_bars(monday, monday + timedelta(days=6))
    by_day = bars.groupby("session", sort=True)
    opens, closes = by_day["date"].min(), by_day["bar_end"].max()
    return [
        Session(day, opened, closed)
        for day, opened, closed in zip(opens.index, opens, closes, strict=True)
    ]


def first_session(week: date) -> Session | None:
    """The first session of a week; None where it has none.

    Examples
    --------
    >>> first_session(date(2023, 1, 16)).open_utc
    Timestamp('2023-01-17 14:30:00+0000', tz='UTC')
    """
    sessions = week_sessions(week)
    return sessions[0] if sessions else None


def month_of_week(week: date) -> date | None:
    """Calendar month of the week's first session, as its first day; None without a session."""
    session = first_session(week)
    return None if session is None else session.day.replace(day=1)


def settings_month(week: date) -> date:
    """Calendar month whose settings a week uses: of its first session, or else of its Monday."""
    return month_of_week(week) or week.replace(day=1)
