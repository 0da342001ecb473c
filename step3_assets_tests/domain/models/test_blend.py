"""How far out-of-fold predictions are believed: arithmetic by hand, and no evidence from levels."""

import numpy as np
import pytest

from step3_assets.config import BlendConfig
from step3_assets.domain.models.blend import (
    blended_ev,
    clustered_slope,
    fit_blend,
    fit_mean_calibrator,
)

# Departures -1 and 1 in turn; outcomes follow them by a half, and by one more in the last week.
DEPARTURE = np.array([-1.0, 1.0, -1.0, 1.0])
OUTCOME = np.array([-0.5, 0.5, -1.5, 1.5])
WEEKS = np.array([0, 0, 1, 1])
ONES = np.ones(4)


def calibrate(departure=DEPARTURE, outcome=OUTCOME, centre=0.0 * ONES, **settings):
    config = BlendConfig(**settings)
    return fit_mean_calibrator(departure + centre, centre, outcome, ONES, WEEKS, config)


def test_clustered_slope_by_hand():
    """Slope 4/4; residuals leave -+0.5 in two weeks: scores -1 and 1, error sqrt(2) / 4."""
    slope, error = clustered_slope(DEPARTURE, OUTCOME, ONES, WEEKS)
    assert (slope, error) == pytest.approx((1.0, np.sqrt(2) / 4))


def test_slope_is_the_precision_weighted_mean_of_rows_and_prior():
    """Rows say 1 with precision 8, the prior 0.4 with 4: (8 + 1.6) / 12."""
    slope, t = calibrate(prior_slope=0.4, prior_slope_error=0.5)
    assert slope == pytest.approx(0.8)
    assert t == pytest.approx(4 / np.sqrt(2))


@pytest.mark.parametrize(("error", "expected"), [(1e-6, 0.4), (1e6, 1.0)])
def test_a_sure_prior_decides_and_a_vague_one_does_not(error, expected):
    slope, _ = calibrate(prior_slope=0.4, prior_slope_error=error)
    assert slope == pytest.approx(expected)


def test_a_departure_is_neither_enlarged_nor_turned_around():
    assert calibrate(outcome=3 * OUTCOME, prior_slope_error=9.0)[0] == 1.0
    slope, t = calibrate(outcome=-OUTCOME, prior_slope_error=9.0)
    assert slope == 0.0
    assert t < 0


def test_departures_that_do_not_vary_are_no_evidence():
    assert calibrate(departure=np.zeros(4)) == (0.0, 0.0)


def test_levels_of_windows_are_no_evidence():
    """Each week's centre is off by its own luck, the other way round from its outcomes."""
    luck = np.array([5.0, 5.0, -5.0, -5.0])
    assert calibrate(centre=luck) == calibrate()
    assert calibrate(outcome=OUTCOME + 7.0) == pytest.approx(calibrate())


STRUCT, ML = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0])


def blend(net, slope_t=2.0, **settings):
    return fit_blend(STRUCT, ML, np.array(net), np.ones(3), slope_t, BlendConfig(**settings))


def test_share_is_the_mean_of_rows_and_prior():
    """Only the first row tells the two apart; it says 0.2, the prior 0.8 with thrice its weight."""
    got = blend([0.2, 9.0, -9.0], prior_mean_share=0.8, prior_strength=3.0)
    assert got["w_mean"] == pytest.approx((0.2 + 3 * 0.8) / 4)
    assert got["w_struct"] == pytest.approx(1 - got["w_mean"])


@pytest.mark.parametrize(("says", "expected"), [(50.0, 1.0), (-50.0, 0.0)])
def test_no_weight_is_negative(says, expected):
    assert blend([says, 0.0, 0.0])["w_mean"] == expected


def test_without_evidence_nothing_is_believed():
    barely = np.sqrt(BlendConfig().min_squared_t)
    for t in (-3.0, 0.0, barely):
        got = blend([1.0, 0.0, 1.0], slope_t=t)
        assert blended_ev(got, STRUCT, ML).tolist() == [0.0, 0.0, 0.0]
    assert blend([1.0, 0.0, 1.0], slope_t=barely + 0.01)["w_mean"] > 0


def test_estimates_that_agree_share_evenly():
    got = fit_blend(ML, ML, ML, np.ones(3), 2.0, BlendConfig())
    assert (got["w_struct"], got["w_mean"]) == (0.5, 0.5)
