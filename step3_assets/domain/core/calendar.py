"""When bars start and end: the exchange's sessions cut into hourly bars.

Belongs here: everything that is read from the exchange calendar (XNYS) - session dates, half
days, the 30-minute opening bar, the end of a bar, the bar that follows it. Does not belong
here: anything inferred from the rows of a bar table.

A session is cut at every whole New York hour: 09:30-10:00, 10:00-11:00, ..., 15:00-16:00, and
on a half day the last bar is 12:00-13:00. A stamp is the START of its bar, in UTC.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import pandas as pd

from step3_assets.domain.core.instants import NY

EXCHANGE = "XNYS"

_HOUR_US = 3_600_000_000
_EPOCH = np.datetime64("1970-01-01", "us")
_FIRST_YEAR, _LAST_YEAR = 1960, 2200
# Read from the library in one call: fifty years take hardly longer than one, 0.125 s.
_USUAL_YEARS = 1990, 2039

Stamps = pd.DatetimeIndex | pd.Series | list[pd.Timestamp]


@dataclass(frozen=True)
class _BarGrid:
    """Every bar of a span of whole years, as sorted microseconds since the epoch (UTC)."""

    start_us: np.ndarray
    end_us: np.ndarray
    session_days: np.ndarray  # days since the epoch of the New York session date
    is_opening: np.ndarray
    is_last: np.ndarray


def session_bars(start: date, end: date) -> pd.DataFrame:
    """Every hourly bar of every session from `start` to `end`, both included.

    Parameters
    ----------
    start, end : date
        New York session dates. Days without a session give no rows.

    Returns
    -------
    DataFrame
        One row per bar in time order: ``date`` (bar start, UTC), ``bar_end`` (UTC),
        ``ny_time`` (bar start, New York), ``session`` (New York date), ``is_opening_bar``,
        ``expected_bar_seconds`` and ``is_partial_bar`` (a bar shorter than an hour). Known in
        advance: the exchange publishes its calendar.

    Raises
    ------
    ValueError
        If `end` lies before `start`, or a year lies outside 1960 to 2200.

    Examples
    --------
    >>> bars = session_bars(date(2023, 11, 24), date(2023, 11, 24))  # a half day
    >>> bars["ny_time"].dt.strftime("%H:%M").tolist()
    ['09:30', '10:00', '11:00', '12:00']
    """
    if end < start:
        raise ValueError(f"session_bars: end {end} lies before start {start}")
    if start.year < _FIRST_YEAR or end.year > _LAST_YEAR:
        raise ValueError(
            f"session_bars: {start} to {end} lies outside {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    grid = _grid(start.year, end.year)
    first, last = (int(np.datetime64(day, "D").astype(np.int64)) for day in (start, end))
    rows = (grid.session_days >= first) & (grid.session_days <= last)
    start_stamps = _utc(grid.start_us[rows])
    seconds = (grid.end_us[rows] - grid.start_us[rows]) // 1_000_000
    return pd.DataFrame(
        {
            "date": start_stamps,
            "bar_end": _utc(grid.end_us[rows]),
            "ny_time": start_stamps.tz_convert(NY),
            "session": grid.session_days[rows].astype("datetime64[D]").astype(object),
            "is_opening_bar": grid.is_opening[rows],
            "expected_bar_seconds": seconds,
            "is_partial_bar": seconds < 3600,
        }
    )


def bar_end(stamps: Stamps) -> pd.DatetimeIndex:
    """End of each bar, UTC: the instant at which its signals are known.

    Parameters
    ----------
    stamps : sequence of Timestamp
        Bar starts with a zone.

    Returns
    -------
    DatetimeIndex
        NaT where the calendar has no bar that starts at that stamp.
    """
    us = _microseconds(stamps)
    grid = _grid_around(us)
    at, known = _locate(grid, us)
    out = np.full(len(us), np.datetime64("NaT", "us"))
    out[known] = _EPOCH + grid.end_us[at[known]].astype("timedelta64[us]")
    return pd.DatetimeIndex(out).tz_localize("UTC")


def is_last_bar_of_session(stamps: Stamps) -> np.ndarray:
    """Whether the bar that starts at each stamp is the last of its session (half days included).

    Returns
    -------
    ndarray of bool
        False where the calendar has no bar that starts at that stamp.
    """
    us = _microseconds(stamps)
    grid = _grid_around(us)
    at, known = _locate(grid, us)
    return known & grid.is_last[at]


def is_calendar_bar(stamps: Stamps) -> np.ndarray:
    """Whether the calendar has a bar that starts at each stamp."""
    us = _microseconds(stamps)
    return _locate(_grid_around(us), us)[1]


def next_bar(stamp: pd.Timestamp, end: pd.Timestamp) -> tuple[pd.Timestamp | None, bool]:
    """The bar that follows the one from `stamp` to `end`, from the calendar alone.

    Parameters
    ----------
    stamp, end : Timestamp
        Start and end of a bar, with a zone. It need not be a calendar bar: inside a session
        the next bar starts where this one ends.

    Returns
    -------
    start : Timestamp or None
        Start of the next bar, UTC; None past the last year of the calendar.
    is_overnight : bool
        Whether it belongs to another New York date.
    """
    stamp_us, end_us = _microseconds([stamp, end])
    grid = _grid_around(np.array([stamp_us, end_us]))
    day = np.datetime64(stamp.tz_convert(NY).date(), "D").astype(np.int64)
    session = grid.session_days == day
    is_inside = session.any() and grid.start_us[session][0] <= stamp_us
    if is_inside and end_us < grid.end_us[session][-1]:
        return end.tz_convert("UTC"), False
    following = np.flatnonzero(grid.start_us > stamp_us)
    outside = following[(grid.session_days[following] > day) | (grid.start_us[following] >= end_us)]
    if not len(outside):
        return None, True
    start = _utc(grid.start_us[outside[:1]])[0]
    return start, bool(grid.session_days[outside[0]] != day)


def bars_between(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Starts of all calendar bars from `first` to `last`, both included, UTC."""
    us = _microseconds([first, last])
    grid = _grid_around(us)
    rows = (grid.start_us >= us[0]) & (grid.start_us <= us[1])
    return _utc(grid.start_us[rows])


def _microseconds(stamps: Stamps) -> np.ndarray:
    index = pd.DatetimeIndex(stamps)
    if index.tz is None:
        raise ValueError("bar stamps must carry a time zone")
    return index.tz_convert("UTC").as_unit("us").asi8


def _utc(us: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(us.view("datetime64[us]")).tz_localize("UTC")


def _locate(grid: _BarGrid, us: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.searchsorted(grid.start_us, us).clip(max=len(grid.start_us) - 1)
    return at, grid.start_us[at] == us


def _grid_around(us: np.ndarray) -> _BarGrid:
    """The grid that covers the stamps and the year after them, within 1960 to 2200."""
    if len(us) == 0:
        return _grid(2000, 2000)
    low, high = (
        (_EPOCH + np.timedelta64(int(edge), "us")).astype(object) for edge in (us.min(), us.max())
    )
    first, last = (min(max(edge.year, _FIRST_YEAR), _LAST_YEAR) for edge in (low, high))
    return _grid(first, min(last + 1, _LAST_YEAR))


@lru_cache(maxsize=4)
def _schedule(first_year: int, last_year: int) -> pd.DataFrame:
    """Open and close of every session of these years."""
    import exchange_calendars as xc  # a quarter of a second, which not every command needs

    with warnings.catch_warnings():
        # The library reads stamps in a way that pandas 4 will change; nothing here depends on it.
        warnings.simplefilter("ignore", DeprecationWarning)
        exchange = xc.get_calendar(EXCHANGE, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    return exchange.schedule


@lru_cache(maxsize=16)
def _grid(first_year: int, last_year: int) -> _BarGrid:
    """Cut every session of these years at the whole New York hours."""
    usual_first, usual_last = _USUAL_YEARS
    schedule = _schedule(min(first_year, usual_first), max(last_year, usual_last))
    years = pd.DatetimeIndex(schedule.index).year
    schedule = schedule.loc[(years >= first_year) & (years <= last_year)]
    opens = pd.DatetimeIndex(schedule["open"]).as_unit("us").asi8
    closes = pd.DatetimeIndex(schedule["close"]).as_unit("us").asi8
    days = pd.DatetimeIndex(schedule.index).as_unit("us").asi8 // (24 * _HOUR_US)
    # New York is a whole number of hours from UTC, so its whole hours are UTC's.
    first_cut = opens - opens % _HOUR_US + _HOUR_US
    counts = 1 + np.maximum(0, -(-(closes - first_cut) // _HOUR_US))
    session = np.repeat(np.arange(len(opens)), counts)
    place = np.arange(len(session)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = np.where(place == 0, opens[session], first_cut[session] + (place - 1) * _HOUR_US)
    end = np.minimum(first_cut[session] + place * _HOUR_US, closes[session])
    return _BarGrid(
        start_us=start,
        end_us=end,
        session_days=days[session],
        is_opening=place == 0,
        is_last=place == counts[session] - 1,
    )
