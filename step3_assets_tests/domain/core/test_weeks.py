"""Weeks and their sessions, on known days of the calendar."""

from datetime import date

import pandas as pd
import pytest

from step3_assets.domain.core import weeks


@pytest.mark.parametrize(
    ("week", "day", "opens"),
    [
        (date(2023, 1, 2), date(2023, 1, 3), "2023-01-03 14:30"),  # New Year observed
        (date(2023, 1, 9), date(2023, 1, 9), "2023-01-09 14:30"),
        (date(2023, 3, 13), date(2023, 3, 13), "2023-03-13 13:30"),  # clocks went forward
        (date(2012, 10, 29), date(2012, 10, 31), "2012-10-31 13:30"),  # hurricane Sandy
        (date(2018, 12, 31), date(2018, 12, 31), "2018-12-31 14:30"),  # two years in one week
    ],
)
def test_the_first_session_of_a_week(week: date, day: date, opens: str):
    session = weeks.first_session(week)
    assert session is not None
    assert session.day == day
    assert session.open_utc == pd.Timestamp(opens, tz="UTC")


def test_a_half_day_closes_early():
    friday = weeks.week_sessions(date(2023, 11, 20))[-1]
    assert friday.day == date(2023, 11, 24)
    assert friday.close_utc == pd.Timestamp("2023-11-24 18:00", tz="UTC")


def test_a_week_without_a_session_has_nothing(monkeypatch: pytest.MonkeyPatch):
    real = weeks.session_bars
    monkeypatch.setattr(weeks, "session_bars", lambda a, b: real(a, b).iloc[:0])
    assert weeks.week_sessions(date(2023, 1, 9)) == []
    assert weeks.first_session(date(2023, 1, 9)) is None
    assert weeks.month_of_week(date(2023, 1, 9)) is None


def test_the_month_is_that_of_the_first_session():
    assert weeks.month_of_week(date(2023, 5, 29)) == date(2023, 5, 1)  # Tuesday the 30th
    assert weeks.month_of_week(date(2022, 12, 26)) == date(2022, 12, 1)
    assert weeks.month_of_week(date(2023, 1, 2)) == date(2023, 1, 1)


def test_ranges_hold_every_week_of_both_ends():
    assert weeks.week_range(date(2023, 1, 1), date(2023, 1, 9)) == [
        date(2022, 12, 26),
        date(2023, 1, 2),
        date(2023, 1, 9),
    ]
    assert weeks.week_range(date(2023, 1, 9), date(2023, 1, 8)) == []
    assert weeks.add_weeks(date(2023, 1, 2), -1) == date(2022, 12, 26)


def test_the_week_of_a_stamp_is_that_of_its_utc_day():
    texts = ["2023-01-01 23:59:59.999999", "2023-01-02 00:00", "2023-01-06 20:00"]
    stamps = pd.Series([pd.Timestamp(text, tz="UTC") for text in texts])
    assert weeks.weeks_of(stamps).tolist() == [
        date(2022, 12, 26),
        date(2023, 1, 2),
        date(2023, 1, 2),
    ]


@pytest.mark.parametrize("text", ["2023-1", "monday", "2023-02-30"])
def test_what_is_not_a_week_is_refused(text: str):
    with pytest.raises(ValueError, match="not a week"):
        weeks.parse_week(text)
