"""How far out-of-fold predictions are trusted: arithmetic by hand, and no evidence from levels."""

import numpy as np
import pytest

from step3_assets.config import BlendConfig
from step3_assets.domain.models.blend import (
    blended_ev,
    clustered_slope,
    fit_blend,
    fit_mean_slope,
    log_evidence,
)

# Departures -1 and 1 in turn; outcomes follow them by a half, and by one more in the last week.
DEPARTURE = np.array([-1.0, 1.0, -1.0, 1.0])
OUTCOME = np.array([-0.5, 0.5, -1.5, 1.5])
WEEKS = np.array([0, 0, 1, 1])
ONES = np.ones(4)


def calibrate(departure=DEPARTURE, outcome=OUTCOME, centre=0.0 * ONES, **settings):
    config = BlendConfig(**settings)
    return fit_mean_slope(departure + centre, centre, outcome, ONES, WEEKS, config)


def test_clustered_slope_by_hand():
    """Slope 4/4; residuals leave -+0.5 in two weeks: scores -1 and 1, error sqrt(2) / 4."""
    slope, error = clustered_slope(DEPARTURE, OUTCOME, ONES, WEEKS)
    assert (slope, error) == pytest.approx((1.0, np.sqrt(2) / 4))


def test_slope_is_the_precision_weighted_mean_of_rows_and_prior():
    """Rows say 1 with precision 8, the prior 0.4 with 4: (8 + 1.6) / 12."""
    assert calibrate(prior_slope=0.4, prior_slope_error=0.5) == pytest.approx(0.8)


@pytest.mark.parametrize(("error", "expected"), [(1e-6, 0.4), (1e6, 1.0)])
def test_a_sure_prior_decides_and_a_vague_one_does_not(error, expected):
    assert calibrate(prior_slope=0.4, prior_slope_error=error) == pytest.approx(expected)


def test_a_departure_may_be_enlarged_and_is_never_turned_around():
    assert calibrate(outcome=3 * OUTCOME, prior_slope_error=9.0) == pytest.approx(2.98, abs=0.02)
    assert calibrate(outcome=-OUTCOME, prior_slope_error=9.0) == 0.0


def test_departures_that_do_not_vary_are_no_evidence():
    assert calibrate(departure=np.zeros(4)) == 0.0


def test_levels_of_windows_are_no_evidence():
    """Each week's centre is off by its own luck, the other way round from its outcomes."""
    luck = np.array([5.0, 5.0, -5.0, -5.0])
    assert calibrate(centre=luck) == calibrate()
    assert calibrate(outcome=OUTCOME + 7.0) == pytest.approx(calibrate())


STRUCT, ML = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0])


def blend(net, evidence=2.0, **settings):
    return fit_blend(STRUCT, ML, np.array(net), np.ones(3), evidence, BlendConfig(**settings))


def test_share_is_the_mean_of_rows_and_prior():
    """Only the first row tells the two apart; it says 0.2, the prior 0.8 with thrice its weight."""
    got = blend([0.2, 9.0, -9.0], prior_mean_share=0.8, prior_strength=3.0)
    assert got["w_mean"] == pytest.approx((0.2 + 3 * 0.8) / 4)
    assert got["w_struct"] == pytest.approx(1 - got["w_mean"])


@pytest.mark.parametrize(("says", "expected"), [(50.0, 1.0), (-50.0, 0.0)])
def test_no_weight_is_negative(says, expected):
    assert blend([says, 0.0, 0.0])["w_mean"] == expected


def test_without_evidence_both_weights_are_zero():
    for evidence in (-np.inf, -3.0, np.log(1.99)):
        got = blend([1.0, 0.0, 1.0], evidence, open_at_evidence=2.0)
        assert blended_ev(got, STRUCT, ML).tolist() == [0.0, 0.0, 0.0]
    assert blend([1.0, 0.0, 1.0], np.log(2.0), open_at_evidence=2.0)["w_mean"] > 0


def evidence(bets, effect=0.3):
    n = len(bets)
    config = BlendConfig(evidence_effect=effect)
    return log_evidence(np.ones(n), np.asarray(bets), np.ones(n), np.arange(n), config)


def test_evidence_by_numerical_integration():
    """The mixture over stakes, summed on a grid."""
    bets = np.array([1.0, -0.5, 2.0, 0.5, 1.5])
    scaled = bets / np.sqrt(np.mean(bets**2))
    stakes = np.linspace(0.0, 3.0, 30_001)
    prior = 2 * np.exp(-0.5 * (stakes / 0.3) ** 2) / (0.3 * np.sqrt(2 * np.pi))
    wealth = np.exp(stakes * scaled.sum() - 0.5 * stakes**2 * len(bets))
    mixed = np.trapezoid(prior * wealth, stakes)
    assert evidence(bets) == pytest.approx(np.log(mixed), abs=1e-6)


def test_evidence_is_an_e_value_on_null_weeks_and_grows_on_an_edge():
    """Ville: under the null at most a share 1 / c of the paths ever exceeds c."""
    rng = np.random.default_rng(11)
    paths = rng.standard_t(4, size=(400, 104))
    ever = np.array([max(evidence(path[:n]) for n in range(13, 105, 13)) for path in paths])
    assert np.mean(ever > np.log(20)) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
    edge = np.array([evidence(path + 0.4 * np.sqrt(2)) for path in paths])
    assert np.mean(edge > 0) > 0.95


def test_no_bet_is_no_evidence():
    assert evidence(np.zeros(5)) == -np.inf
    assert evidence([]) == -np.inf


def test_estimates_that_agree_share_evenly():
    got = fit_blend(ML, ML, ML, np.ones(3), 2.0, BlendConfig())
    assert (got["w_struct"], got["w_mean"]) == (0.5, 0.5)
