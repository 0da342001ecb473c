"""Bar features of a handful of bars, worked out by hand."""

from math import exp, log, sqrt

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.step2.bars import check_bars
from step3_assets.domain.step2.features import compute_bar_features
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import BAR_FEATURES_SCHEMA
from step3_assets_tests.domain.step2.small_bars import bars_of

NAN = float("nan")
R1, R2 = log(1.1), log(0.9)

# Every smoothing factor is a half: span 3 is alpha 2 / (3 + 1).
HALVES = Step2Config(
    trend_fast_span=1,
    trend_slow_span=3,
    ewma_var_alpha=0.5,
    atr_span=3,
    volume_window=3,
    volume_min_periods=2,
    high_window=2,
    high_min_periods=1,
    sigma_rank_window=3,
    atr_rank_window=3,
    rank_min_periods=2,
    vol_spike_q=0.5,
    intraday_tail_window=3,
    intraday_tail_min_periods=1,
    intraday_tail_z=1.5,
    gap_lookback_events=3,
    gap_min_events=2,
)
BARS = [
    (100.0, 101.0, 99.0, 100.0),
    (100.0, 112.0, 100.0, 110.0),
    (110.0, 111.0, 98.0, 99.0),
    (99.0, 99.0, 99.0, 99.0),
]
SIGMA1, SIGMA2 = sqrt(0.5) * R1, sqrt(0.25 * R1**2 + 0.5 * R2**2)

EXPECTED = {
    "log_close": [log(100), log(110), log(99), log(99)],
    "r_cc": [NAN, R1, R2, 0.0],
    "ewm_var": [0.0, R1**2 / 2, R1**2 / 4 + R2**2 / 2, R1**2 / 8 + R2**2 / 4],
    "sigma": [0.0, SIGMA1, SIGMA2, SIGMA2 / sqrt(2)],
    "tr": [NAN, 12.0, 13.0, 0.0],
    "atr": [NAN, 12.0, 12.5, 6.25],
    "u_atr": [NAN, 12 / 110, 12.5 / 99, 6.25 / 99],
    "range_ratio": [0.02, 12 / 110, 13 / 99, 0.0],
    "ema_fast": [100.0, 110.0, 99.0, 99.0],
    "ema_slow": [100.0, 105.0, 102.0, 100.5],
    "trend_raw": [0.0, 5 / 110, -3 / 99, -1.5 / 99],
    "trend_score": [NAN, 5 / 110 / SIGMA1, -3 / 99 / SIGMA2, -1.5 / 99 / SIGMA2 * sqrt(2)],
    "ema_fast_slope": [NAN, 10 / 110, -11 / 99, 0.0],
    # The fast average is the close itself here: no distance, so no deviation to divide by.
    "pullback_z": [NAN, NAN, NAN, NAN],
    "sigma_prank": [NAN, 1.0, 1.0, 1 / 3],
    "u_atr_prank": [NAN, NAN, 1.0, 1 / 3],
    "dist_to_hi": [NAN, 10 / 110, -11 / 99, -11 / 99],
    # The first return has no volatility before it; |R2| is 1.56 volatilities; then no return.
    "intraday_tail_frac": [NAN, NAN, 1.0, 0.5],
    "vol_spike": [False, True, True, False],
    "entry_overnight": [False, False, False, False],
    "gap_ret_realized": [NAN] * 4,
}


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    return compute_bar_features(check_bars(bars_of(BARS), "qqq"), HALVES, symbol="QQQ")


@pytest.mark.parametrize("name", EXPECTED)
def test_feature_is_what_the_definition_gives_by_hand(features, name):
    np.testing.assert_allclose(features[name].to_numpy(float), EXPECTED[name], rtol=1e-12)


def test_columns_stand_in_the_order_of_the_file(features):
    assert list(features.columns) == BAR_FEATURES_SCHEMA.names
    assert len(features.columns) == 38
    assert features["symbol"].tolist() == ["QQQ"] * 4


def test_pullback_is_measured_in_its_own_deviation():
    # Average with alpha 1/2 and deviation with alpha 1/2 of d = ln close - ln average.
    config = HALVES.model_copy(update={"trend_fast_span": 3})
    got = compute_bar_features(check_bars(bars_of(BARS[:3]), "qqq"), config)["pullback_z"]
    d = [0.0, log(110 / 105), log(99 / 102)]
    mean = 0.25 * d[0] + 0.25 * d[1] + 0.5 * d[2]
    biased = 0.25 * (d[0] - mean) ** 2 + 0.25 * (d[1] - mean) ** 2 + 0.5 * (d[2] - mean) ** 2
    third = d[2] / sqrt(biased / (1 - 0.25**2 - 0.25**2 - 0.5**2))
    np.testing.assert_allclose(got, [NAN, sqrt(2), third], rtol=1e-12)


def test_volume_is_compared_in_logarithms_and_none_is_left_out():
    # ln volume: 0, 1, 5, none, 3. The window of three counts rows, the minimum of two volumes.
    volume = [1.0, exp(1), exp(5), 0.0, exp(3)]
    bars = check_bars(bars_of([*BARS, BARS[3]], volume=volume), "qqq")
    expected = [NAN, sqrt(0.5), 3 / sqrt(7), NAN, -1 / sqrt(2)]
    np.testing.assert_allclose(compute_bar_features(bars, HALVES)["vol_z"], expected, rtol=1e-12)


def _bars_with_gaps(gaps):
    """Seven flat bars a day at 100, each day but the first opening at 100 * exp(gap)."""
    opens = [100.0] * 7 + [
        100 * exp(gap) if bar == 0 else 100.0 for gap in gaps for bar in range(7)
    ]
    return check_bars(bars_of([(o, max(o, 100.0), min(o, 100.0), 100.0) for o in opens]), "qqq")


def test_a_bar_before_a_gap_knows_the_gaps_before_but_not_its_own():
    features = compute_bar_features(_bars_with_gaps([0.01, -0.01, 0.03, 0.05]), HALVES)
    before = features.iloc[6:28:7]  # the last bar of each day that has a next day
    assert before["entry_overnight"].all()
    np.testing.assert_allclose(before["gap_ret_realized"], [0.01, -0.01, 0.03, 0.05], rtol=1e-9)
    np.testing.assert_allclose(before["gap_mu"], [NAN, NAN, 0.0, 0.01], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(before["gap_sd"], [NAN, NAN, sqrt(2) / 100, 0.02], rtol=1e-9)
    # 0.03 exceeds twice 0.0141, and 0.05 twice 0.02; each is counted from the next gap on.
    np.testing.assert_allclose(before["gap_tail"], [NAN, NAN, 0.0, 1.0])


def test_gap_statistics_are_carried_to_the_bars_after():
    features = compute_bar_features(_bars_with_gaps([0.01, -0.01, 0.03, 0.05]), HALVES)
    assert features["gap_mu"].iloc[:20].isna().all()
    np.testing.assert_allclose(features["gap_sd"].iloc[20:27], sqrt(2) / 100, rtol=1e-9)
    np.testing.assert_allclose(features["gap_sd"].iloc[27:], 0.02, rtol=1e-9)


@pytest.mark.parametrize("is_overnight", [True, False])
def test_the_last_bar_is_overnight_only_when_told(is_overnight):
    features = compute_bar_features(
        _bars_with_gaps([0.01, -0.01, 0.03]), HALVES, is_last_bar_overnight=is_overnight
    )
    last = features.iloc[-1]
    assert last["entry_overnight"] == is_overnight
    assert np.isnan(last["gap_ret_realized"])
    # Told so, the last bar is the bar before a gap, and knows all three gaps.
    assert last["gap_sd"] == pytest.approx(0.02 if is_overnight else sqrt(2) / 100)


def test_a_price_that_never_moved_has_no_trend_score():
    features = compute_bar_features(check_bars(bars_of([(5.0, 5.0, 5.0, 5.0)] * 9), "x"), HALVES)
    assert (features["sigma"] == 0).all()
    assert features["trend_score"].isna().all()
    assert not np.isinf(features.select_dtypes("float").to_numpy()).any()
