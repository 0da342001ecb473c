"""The as-of join and the relative features, worked out by hand."""

from math import log

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.step2.cross import compute_cross_features, no_cross_features
from step3_assets.domain.step2.knobs import Step2Config

NAN = float("nan")
OWN_STAMPS = ["14:30", "15:00", "16:00", "17:00", "18:00", "19:00"]


def _features(stamps, **columns):
    frame = pd.DataFrame({"date": pd.DatetimeIndex([f"2023-12-28 {s}Z" for s in stamps])})
    for name in ("close", "r_cc", "sigma", "u_atr", "trend_score", "pullback_z", "vol_z"):
        frame[name] = columns.get(name, 1.0)
    seconds = columns.get("expected_bar_seconds", 900)  # the calendar's length where it is longer
    return frame.assign(range_ratio=1.0, ema_fast_slope=1.0, expected_bar_seconds=seconds)


def _join(other_stamps, own=None, other=None, **knobs):
    return compute_cross_features(
        _features(OWN_STAMPS, **(own or {})),
        _features(other_stamps, **(other or {})),
        "SPY",
        Step2Config(**knobs),
    )


def test_the_latest_bar_at_or_before_is_taken_up_to_half_an_hour_back():
    # No bar at 15:00: the one at 14:30 is 30 minutes old. None at 17:00: 16:45 is 15 old.
    # None at 18:00: 16:45 is 75 minutes old, too old. 19:10 lies ahead of 19:00.
    got = _join(["14:30", "16:00", "16:45", "19:10"], other={"sigma": [1.0, 2.0, 3.0, 4.0]})
    np.testing.assert_array_equal(got["spy_sigma"], [1.0, 1.0, 2.0, 3.0, NAN, NAN])
    np.testing.assert_array_equal(got["spy_age_min"], [0.0, 30.0, 0.0, 15.0, NAN, NAN])


def test_a_bar_of_the_other_that_ends_later_is_not_known_yet():
    """Hours from half past: the bar at 14:30 ends at 15:30, that at 15:30 at 16:30."""
    stamps = ["14:30", "15:30", "16:30", "17:30"]
    got = _join(stamps, other={"expected_bar_seconds": 3600})
    np.testing.assert_array_equal(got["spy_age_min"], [NAN, 30.0, 30.0, 30.0, 30.0, NAN])


def test_before_the_first_bar_of_the_other_there_is_nothing():
    got = _join(["15:00"])
    np.testing.assert_array_equal(got["spy_age_min"], [NAN, 0.0, NAN, NAN, NAN, NAN])


def test_the_tolerance_is_a_knob():
    got = _join(["14:30", "16:00"], cross_merge_tolerance="2h")
    np.testing.assert_array_equal(got["spy_age_min"], [0.0, 30.0, 0.0, 60.0, 120.0, NAN])


def test_relative_features_are_differences_of_logarithms():
    got = _join(
        OWN_STAMPS[:2],
        own={"close": [100.0] * 6, "r_cc": [0.03] * 6},
        other={"close": [400.0, 50.0], "r_cc": [0.01, 0.05]},
    )
    np.testing.assert_allclose(got["rs_log"], [log(0.25), log(2), *[NAN] * 4], rtol=1e-12)
    np.testing.assert_allclose(got["ret_spread"], [0.02, -0.02, *[NAN] * 4], rtol=1e-12)


def test_regimes_agree_on_one_sign_and_an_absent_one_disagrees():
    got = _join(
        OWN_STAMPS[:5],
        own={"trend_score": [1.0, -1.0, 1.0, 0.0, NAN, 1.0]},
        other={"trend_score": [2.0, -3.0, -1.0, 0.0, NAN]},
    )
    assert got["regime_agree"].tolist() == [1.0, 1.0, 0.0, 1.0, 0.0, 0.0]


def test_beta_is_population_covariance_over_sample_variance():
    # x = 2, 4, 9 and y = 1, 2, 3: E[xy] - E[x]E[y] = 37/3 - 5 * 2 = 7/3; sample var y = 1.
    got = _join(
        OWN_STAMPS[:3],
        own={"r_cc": [2.0, 4.0, 9.0, 0.0, 0.0, 0.0]},
        other={"r_cc": [1.0, 2.0, 3.0]},
        beta_window=3,
        beta_min_periods=3,
    )
    assert got["beta_proxy"].iloc[:2].isna().all()
    assert got["beta_proxy"].iloc[2] == pytest.approx(7 / 3, rel=1e-12)


def test_beta_goes_on_over_a_bar_that_the_partner_misses():
    # At the fourth bar y = 1, 2, none, 4 and x = 1, 2, 6, 3. The mean of x is over all four.
    got = _join(
        ["14:30", "15:00", "17:00"],
        own={"r_cc": [1.0, 2.0, 6.0, 3.0, 0.0, 0.0]},
        other={"r_cc": [1.0, 2.0, 4.0]},
        beta_window=4,
        beta_min_periods=3,
        cross_merge_tolerance="0min",
    )
    covariance = (1 + 4 + 12) / 3 - 3.0 * (7 / 3)
    assert got["spy_age_min"].isna().tolist() == [False, False, True, False, True, True]
    assert got["beta_proxy"].iloc[3] == pytest.approx(covariance / (7 / 3), rel=1e-12)


def test_a_partner_without_any_bar_gives_nothing():
    got = _join([])
    assert got.drop(columns="regime_agree").isna().all(axis=None)
    assert got["regime_agree"].tolist() == [0.0] * 6


def test_a_symbol_without_partner_has_the_same_columns_named_none():
    got = no_cross_features(pd.RangeIndex(3))
    assert got.isna().all(axis=None)
    names = [str(name).replace("spy_", "none_") for name in _join(OWN_STAMPS)]
    assert list(got) == names
