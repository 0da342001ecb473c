"""The session calendar against days whose hours are public knowledge."""

from datetime import date

import pandas as pd
import pytest

from step3_assets.domain.core.calendar import (
    bar_end,
    bars_between,
    is_calendar_bar,
    is_last_bar_of_session,
    next_bar,
    session_bars,
)


@pytest.mark.parametrize(
    ("day", "starts", "seconds"),
    [
        (
            date(2023, 12, 28),
            ["09:30", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"],
            [1800, 3600, 3600, 3600, 3600, 3600, 3600],
        ),
        (date(2023, 11, 24), ["09:30", "10:00", "11:00", "12:00"], [1800, 3600, 3600, 3600]),
        (date(2023, 12, 25), [], []),
        (date(2023, 12, 30), [], []),
    ],
    ids=["full day", "half day", "holiday", "saturday"],
)
def test_a_session_is_cut_at_whole_new_york_hours(day, starts, seconds):
    bars = session_bars(day, day)
    assert bars["ny_time"].dt.strftime("%H:%M").tolist() == starts
    assert bars["expected_bar_seconds"].tolist() == seconds
    assert bars["is_partial_bar"].tolist() == [length < 3600 for length in seconds]
    assert bars["is_opening_bar"].tolist() == [start == "09:30" for start in starts]
    assert bars["session"].tolist() == [day] * len(starts)


@pytest.mark.parametrize(
    ("day", "first_utc", "last_end_utc"),
    [
        (date(2023, 3, 10), "2023-03-10 14:30Z", "2023-03-10 21:00Z"),
        (date(2023, 3, 13), "2023-03-13 13:30Z", "2023-03-13 20:00Z"),
        (date(2023, 11, 6), "2023-11-06 14:30Z", "2023-11-06 21:00Z"),
    ],
    ids=["winter", "after spring change", "after autumn change"],
)
def test_daylight_saving_moves_the_utc_stamps(day, first_utc, last_end_utc):
    bars = session_bars(day, day)
    assert bars["date"].iloc[0] == pd.Timestamp(first_utc)
    assert bars["bar_end"].iloc[-1] == pd.Timestamp(last_end_utc)


def test_column_types_are_those_of_bar_files():
    dtypes = session_bars(date(2023, 12, 28), date(2023, 12, 29)).dtypes.astype(str)
    assert dtypes["date"] == "datetime64[us, UTC]"
    assert dtypes["bar_end"] == "datetime64[us, UTC]"
    assert dtypes["ny_time"] == "datetime64[us, America/New_York]"
    assert dtypes["expected_bar_seconds"] == "int64"


def test_bar_end_is_start_plus_length_and_nat_off_the_calendar():
    stamps = pd.DatetimeIndex(
        ["2023-12-29 14:30Z", "2023-12-29 15:00Z", "2023-12-29 15:30Z", "2023-12-30 15:00Z"]
    )
    ends = bar_end(stamps)
    assert ends[0] == pd.Timestamp("2023-12-29 15:00Z")
    assert ends[1] == pd.Timestamp("2023-12-29 16:00Z")
    assert ends[2:].isna().all()
    assert is_calendar_bar(stamps).tolist() == [True, True, False, False]


def test_the_last_bar_of_a_half_day_is_the_noon_bar():
    stamps = session_bars(date(2023, 11, 24), date(2023, 11, 24))["date"]
    assert is_last_bar_of_session(stamps).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("stamp", "end", "following", "is_overnight"),
    [
        ("2023-12-29 19:00Z", "2023-12-29 20:00Z", "2023-12-29 20:00Z", False),
        ("2023-12-29 20:00Z", "2023-12-29 21:00Z", "2024-01-02 14:30Z", True),
        ("2023-11-24 16:00Z", "2023-11-24 17:00Z", "2023-11-24 17:00Z", False),
        ("2023-11-24 17:00Z", "2023-11-24 18:00Z", "2023-11-27 14:30Z", True),
        ("2023-12-29 19:05Z", "2023-12-29 19:10Z", "2023-12-29 19:10Z", False),
        ("2023-12-29 20:55Z", "2023-12-29 21:00Z", "2024-01-02 14:30Z", True),
        ("2023-12-29 13:00Z", "2023-12-29 14:00Z", "2023-12-29 14:30Z", False),
        ("2023-12-29 22:00Z", "2023-12-29 23:00Z", "2024-01-02 14:30Z", True),
        ("2023-12-30 15:00Z", "2023-12-30 16:00Z", "2024-01-02 14:30Z", True),
    ],
    ids=[
        "inside a session",
        "over the New Year",
        "inside a half day",
        "over the rest of a half day",
        "a short bar inside",
        "a short bar at the close",
        "before the open",
        "after the close",
        "no session that day",
    ],
)
def test_the_next_bar_is_read_from_the_calendar(stamp, end, following, is_overnight):
    found = next_bar(pd.Timestamp(stamp), pd.Timestamp(end))
    assert found == (pd.Timestamp(following), is_overnight)


def test_past_the_calendar_there_is_no_next_bar():
    stamp = pd.Timestamp("2200-12-31 20:00Z")
    assert next_bar(stamp, stamp + pd.Timedelta(hours=1)) == (None, True)


def test_bars_between_includes_both_ends():
    stamps = bars_between(pd.Timestamp("2023-12-28 20:00Z"), pd.Timestamp("2023-12-29 15:00Z"))
    assert stamps.tolist() == [
        pd.Timestamp("2023-12-28 20:00Z"),
        pd.Timestamp("2023-12-29 14:30Z"),
        pd.Timestamp("2023-12-29 15:00Z"),
    ]


def test_naive_stamps_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        bar_end(pd.DatetimeIndex(["2023-12-29 14:30"]))


@pytest.mark.parametrize(
    ("start", "end"),
    [(date(2023, 1, 2), date(2023, 1, 1)), (date(1950, 1, 1), date(1951, 1, 1))],
    ids=["reversed", "before the calendar"],
)
def test_impossible_spans_are_refused(start, end):
    with pytest.raises(ValueError, match="session_bars"):
        session_bars(start, end)
