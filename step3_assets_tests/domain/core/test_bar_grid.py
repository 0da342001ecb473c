"""Bars of other grids are recognised: each common kind, by a fixture of one quarter."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.core.bar_grid import MAX_OFF_CALENDAR_FRAC, fit_grid, grid_fault
from step3_assets.domain.core.calendar import is_last_bar_of_session, session_bars

NY = "America/New_York"
GRID = session_bars(date(2023, 1, 3), date(2023, 4, 28))
DAYS = sorted(set(GRID["session"]))


def every(minutes: int, hours: tuple[float, float], days: list[date]) -> pd.DatetimeIndex:
    """Bars of a fixed step between two New York times of day."""
    steps = pd.to_timedelta(np.arange(hours[0] * 60, hours[1] * 60, minutes), unit="min")
    starts = [pd.Timestamp(day).tz_localize(NY) + step for day in days for step in steps]
    return pd.DatetimeIndex(starts).tz_convert("UTC").as_unit("us")


WEEK = [d.date() for d in pd.date_range("2023-01-03", "2023-04-28", freq="D")]
WEEKDAYS = [d for d in WEEK if d.weekday() < 5]
STARTS = pd.DatetimeIndex(GRID["date"])


def at(*times: str) -> pd.DatetimeIndex:
    """The grid's own bars that start at these New York times."""
    return STARTS[np.isin(STARTS.tz_convert(NY).strftime("%H:%M"), times)]


FOREIGN = {
    "daily": (every(1440, (0, 1), DAYS), "daily bars"),
    "daily, stamped at the open": (every(1440, (9.5, 10), DAYS), "daily bars"),
    "half hours": (every(30, (9.5, 16), DAYS), "30-minute bars"),
    "five minutes": (every(5, (9.5, 16), DAYS), "5-minute bars"),
    "around the clock on weekdays": (every(60, (0, 24), WEEKDAYS), "around the clock"),
    "around the clock on all days": (every(60, (0, 24), WEEK), "seven days"),
    "stamped with their end": (pd.DatetimeIndex(GRID["bar_end"]), "END"),
    "New York time labelled UTC": (
        STARTS.tz_convert(NY).tz_localize(None).tz_localize("UTC"),
        "New York time labelled as UTC",
    ),
    "hours from half past": (every(60, (9.5, 16), DAYS), "half past"),
    "whole-hour stamps of the half-hour grid": (every(60, (9, 16), DAYS), "whole-hour stamps"),
    "two hours, on the grid's own stamps": (at("09:30", "10:00", "12:00", "14:00"), "longer bars"),
    "stamped with their end, the last one left out": (
        pd.DatetimeIndex(GRID["bar_end"])[~is_last_bar_of_session(STARTS)],
        "09:30",
    ),
    "mornings": (at("09:30", "10:00", "11:00", "12:00"), "13:00, 14:00, 15:00"),
    "another time zone": (STARTS + pd.Timedelta(hours=8), "check the time zone"),
}


@pytest.mark.parametrize("kind", list(FOREIGN))
def test_a_foreign_grid_is_refused_and_named(kind):
    stamps, words = FOREIGN[kind]
    fit = fit_grid(stamps, np.full(len(stamps), 3600))
    fault = grid_fault(fit, stamps, MAX_OFF_CALENDAR_FRAC)
    assert words in fault, fault
    assert not grid_fault(fit, stamps, 1.0)


def test_the_exchanges_grid_fits_with_a_few_strange_bars():
    seconds = GRID["expected_bar_seconds"].to_numpy()
    fit = fit_grid(STARTS, seconds)
    assert (fit.off_frac, fit.coverage, fit.is_other_length.any()) == (0.0, 1.0, False)
    few = STARTS.insert(4, STARTS[3] + pd.Timedelta(minutes=20))
    assert not grid_fault(fit_grid(few, np.full(len(few), 3600)), few, MAX_OFF_CALENDAR_FRAC)


def test_a_bar_of_another_length_is_found():
    seconds = GRID["expected_bar_seconds"].to_numpy().copy()
    seconds[5] = 1800
    assert np.flatnonzero(fit_grid(STARTS, seconds).is_other_length).tolist() == [5]
