"""Whether a table of bars follows the exchange's hourly grid, and which grid it follows if not.

Belongs here: the comparison of stamps and lengths with the calendar, and the recognition of common
other grids. Does not belong here: what the builder or the ingest does with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.calendar import bar_end, bars_between, is_calendar_bar
from step3_assets.domain.core.instants import NY

MAX_OFF_CALENDAR_FRAC = 0.01
"""Largest share of bars off the calendar's grid. Two unscheduled half days a year are 0.4 %; on
any other grid at least a seventh of the bars are off it."""

MIN_COVERAGE_FRAC = 0.5
"""Least share of the calendar's bars, from the first bar to the last, that must exist. Daily bars
stamped at the open cover a seventh."""

MIN_SLOT_FRAC = 0.5
"""Least share of the sessions in which each bar of the day must exist. Two-hour bars that start on
the grid leave out every second one, and would count as known an hour too early."""

_LEAST_SESSIONS = 5
_MOST_FRAC = 0.9
_HALF_HOURS = range(-28, 29)


@dataclass(frozen=True)
class GridFit:
    """How bars fit the calendar.

    Parameters
    ----------
    is_off : ndarray of bool
        The calendar has no bar that starts at this stamp.
    is_other_length : ndarray of bool
        The calendar has the bar, with another length than stated.
    coverage : float
        Share of the calendar's bars between the first bar and the last that exist.
    thin_slots : tuple of str
        New York times of day whose bars are mostly missing.
    """

    is_off: np.ndarray
    is_other_length: np.ndarray
    coverage: float
    thin_slots: tuple[str, ...] = ()

    @property
    def off_frac(self) -> float:
        """Share of bars off the grid."""
        return float(self.is_off.mean()) if len(self.is_off) else 0.0


def fit_grid(stamps: pd.DatetimeIndex, seconds: np.ndarray) -> GridFit:
    """Compare bars with the calendar.

    Parameters
    ----------
    stamps : DatetimeIndex
        Starts of bars, UTC, in time order.
    seconds : ndarray
        Stated length of each.
    """
    if not len(stamps):
        return GridFit(np.zeros(0, bool), np.zeros(0, bool), 1.0)
    is_off = ~is_calendar_bar(stamps)
    length = (bar_end(stamps) - stamps).total_seconds().to_numpy()
    expected = bars_between(stamps[0], stamps[-1])
    coverage = 1.0 if len(expected) == 0 else float((~is_off).sum() / len(expected))
    thin = _thin_slots(expected, stamps[~is_off])
    return GridFit(is_off, ~is_off & (length != seconds), coverage, thin)


def grid_fault(fit: GridFit, stamps: pd.DatetimeIndex, max_off_frac: float) -> str:
    """Why the bars are refused as a whole, and what kind they look like; empty if accepted."""
    if fit.off_frac > max_off_frac:
        share = f"{fit.is_off.sum()} of {len(fit.is_off)} bars start off the exchange's hourly grid"
        return f"{share} (09:30, 10:00, 11:00, ... New York time); {describe_grid(stamps)}"
    if fit.coverage < MIN_COVERAGE_FRAC and max_off_frac < 1:
        return f"only {fit.coverage:.0%} of the calendar's bars exist; {describe_grid(stamps)}"
    if fit.thin_slots and max_off_frac < 1:
        return (
            f"the bars that start at {', '.join(fit.thin_slots)} New York time are missing on most "
            "days; they look like longer bars, bars stamped with their end, or a part of the "
            "session: give every bar of the exchange's hourly grid, stamped with its start"
        )
    return ""


def describe_grid(stamps: pd.DatetimeIndex) -> str:
    """What kind of bars these stamps look like, and what to do about it."""
    steps = np.diff(stamps.as_unit("us").asi8) / 60e6
    usual = float(np.median(steps)) if len(steps) else 0.0
    if usual >= 20 * 60:
        return "they look like daily bars: download hourly bars"
    new_york = stamps.tz_convert(NY)
    if (new_york.day_of_week >= 5).mean() > 0.15:
        return (
            "they look like bars around the clock on seven days: keep the regular session "
            "(09:30 to 16:00 New York time)"
        )
    naive = pd.DatetimeIndex(stamps.tz_localize(None))
    local = naive.tz_localize(NY, nonexistent="NaT", ambiguous="NaT")
    if _share_on_grid(local[local.notna()]) > _MOST_FRAC and usual >= 45:
        return "they look like New York time labelled as UTC: convert the stamps to UTC"
    ends = bar_end(stamps - pd.Timedelta(hours=1))
    opening_ends = bar_end(stamps - pd.Timedelta(minutes=30))
    is_end = (ends == stamps) | (opening_ends == stamps)
    if np.mean(is_end) > _MOST_FRAC:
        return "they look stamped with their END: stamp each bar with its start"
    if usual < 45:
        return f"they look like {usual:.0f}-minute bars: aggregate them to the hourly grid"
    for step in sorted(_HALF_HOURS, key=abs):
        shift = pd.Timedelta(minutes=30 * step)
        if step and _share_on_grid(stamps + shift) > _MOST_FRAC:
            return f"they would fit {shift / pd.Timedelta(hours=1):+g} h later: check the time zone"
    if ((new_york.hour < 9) | (new_york.hour > 16)).mean() > 0.3:
        return (
            "they look like bars around the clock: keep the regular session (09:30 to 16:00 New "
            "York time)"
        )
    if (new_york.minute == 30).mean() > _MOST_FRAC:
        return "they look like hours from half past to half past: aggregate finer bars to the grid"
    if (new_york.minute == 0).mean() > _MOST_FRAC:
        return (
            "they look like whole-hour stamps of bars that start at half past: stamp each bar "
            "with its true start"
        )
    return "their kind is not recognised: bring them to the grid"


def _thin_slots(expected: pd.DatetimeIndex, there: pd.DatetimeIndex) -> tuple[str, ...]:
    """Times of day that most sessions lack; none where the sessions are too few to tell."""
    wanted, found = (np.bincount(_minutes(stamps), minlength=1440) for stamps in (expected, there))
    thin = (wanted >= _LEAST_SESSIONS) & (found < MIN_SLOT_FRAC * wanted)
    return tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in np.flatnonzero(thin))


def _minutes(stamps: pd.DatetimeIndex) -> np.ndarray:
    local = stamps.tz_convert(NY)
    return np.asarray(local.hour * 60 + local.minute)


def _share_on_grid(stamps: pd.DatetimeIndex) -> float:
    return float(is_calendar_bar(stamps).mean()) if len(stamps) else 0.0
