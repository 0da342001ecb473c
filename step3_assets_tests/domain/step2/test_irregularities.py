"""Each irregularity, planted, is counted and named, and nothing else is."""

import pandas as pd
import pytest

from step3_assets.domain.step2.build import build_delivery
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

CLEAN = random_bars(1)


def _meta(bars):
    return build_delivery({"SPY": bars.reset_index(drop=True)}, SHORT).meta["SPY"]


def _found(meta):
    return {name: count for name, count in meta["irregularities"].items() if count}


def test_regular_bars_have_none():
    meta = _meta(CLEAN)
    assert _found(meta) == {}
    assert meta["warnings"] == []


def test_a_missing_bar_in_a_session():
    meta = _meta(CLEAN[CLEAN["date"] != pd.Timestamp("2023-06-20 15:00Z")])
    assert _found(meta) == {
        "n_missing_bars": 1,
        "first_missing_bars": ["2023-06-20T15:00:00+00:00"],
    }
    assert meta["warnings"] == ["bars of the calendar missing (skipped): 1"]


def test_a_missing_session_does_not_change_any_night():
    found = _found(_meta(CLEAN[CLEAN["ny_time"].dt.strftime("%m-%d") != "06-20"]))
    assert found["n_missing_sessions"] == 1
    assert found["first_missing_sessions"] == ["2023-06-20"]
    assert found["n_missing_bars"] == 7
    assert "n_overnight_off_calendar" not in found


def test_a_session_that_lost_its_end_has_a_night_the_calendar_does_not_know():
    found = _found(_meta(CLEAN[CLEAN["date"] != pd.Timestamp("2023-06-20 19:00Z")]))
    assert found["n_missing_bars"] == 1
    assert found["n_overnight_off_calendar"] == 1


def test_a_session_the_calendar_does_not_know():
    saturday = CLEAN["ny_time"].dt.strftime("%m-%d") == "06-16"
    extra = CLEAN[saturday].assign(
        date=CLEAN["date"] + pd.Timedelta(days=1), ny_time=CLEAN["ny_time"] + pd.Timedelta(days=1)
    )
    found = _found(_meta(pd.concat([CLEAN, extra]).sort_values("date")))
    assert found["n_bars_off_calendar"] == 7
    assert found["first_bars_off_calendar"][0] == "2023-06-17T13:30:00+00:00"


def test_a_session_longer_than_the_calendars():
    # The half day of 3 July goes on for an hour.
    last = CLEAN[CLEAN["date"] == pd.Timestamp("2023-07-03 16:00Z")]
    hour = pd.Timedelta(hours=1)
    extra = last.assign(date=last["date"] + hour, ny_time=last["ny_time"] + hour)
    found = _found(_meta(pd.concat([CLEAN, extra]).sort_values("date")))
    assert found["n_bars_off_calendar"] == 1
    assert found["n_overnight_off_calendar"] == 1


def test_a_bar_that_states_another_length():
    bars = CLEAN.assign(expected_bar_seconds=CLEAN["expected_bar_seconds"].replace(1800, 3600))
    n_sessions = CLEAN["ny_time"].dt.date.nunique()
    assert _found(_meta(bars)) == {"n_bars_of_other_length": n_sessions}


@pytest.mark.parametrize("n_bars", [1, 3])
def test_bars_without_volume(n_bars):
    bars = CLEAN.assign(volume=CLEAN["volume"].where(CLEAN.index >= n_bars, 0.0))
    assert _found(_meta(bars)) == {"n_bars_without_volume": n_bars}
