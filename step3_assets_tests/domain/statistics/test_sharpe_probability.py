"""The worked examples of the papers, and an independent library."""

import math

import numpy as np
import pytest
from purgedcv import deflated_sharpe_ratio, probabilistic_sharpe_ratio

from step3_assets.domain.statistics.sharpe_probability import (
    SharpeMoments,
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
    sharpe_moments,
)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "probability"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_the_hedge_fund_of_the_sharpe_ratio_efficient_frontier(skewness, kurtosis, probability):
    moments = SharpeMoments(0.458, skewness, kurtosis, 24)
    assert probabilistic_sharpe(moments) == pytest.approx(probability, abs=5e-4)


def test_the_numerical_example_of_the_deflated_sharpe_ratio():
    """Annual Sharpe 2.5 over five years of 250 days, best of 100 trials of variance 1/2 a year."""
    daily = 2.5 / math.sqrt(250)
    trials_variance = 0.5 / 250
    assert expected_best_sharpe(100, trials_variance) == pytest.approx(0.1132, abs=5e-5)
    trials = np.array([-1.0, 1.0]) * math.sqrt(trials_variance / 2)
    assert np.var(trials, ddof=1) == pytest.approx(trials_variance)

    def probability(n_trials, skewness=-3.0, kurtosis=10.0):
        moments = SharpeMoments(daily, skewness, kurtosis, 1250)
        return deflated_sharpe(moments, n_trials, trials).probability

    assert probability(100) == pytest.approx(0.9004, abs=5e-5)
    assert probability(46) == pytest.approx(0.9505, abs=5e-5)
    assert probability(88, 0.0, 3.0) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize("n_trials", [1, 2, 37])
def test_an_independent_library_says_the_same(n_trials):
    rng = np.random.default_rng(1)
    returns = 0.0006 + 0.01 * rng.standard_t(4, 700)
    moments = sharpe_moments(returns)
    assert probabilistic_sharpe(moments, 0.02) == pytest.approx(
        probabilistic_sharpe_ratio(returns, 0.02), abs=1e-3
    )
    trials = rng.normal(0.0, 0.03, 40)
    ours = deflated_sharpe(moments, n_trials, trials)
    theirs = deflated_sharpe_ratio(returns, n_trials, float(np.var(trials, ddof=1)))
    assert ours.probability == pytest.approx(theirs, abs=1e-3)


def test_one_trial_is_not_deflated():
    moments = SharpeMoments(0.05, -0.5, 6.0, 1000)
    found = deflated_sharpe(moments, 1)
    assert found.benchmark == 0.0
    assert found.probability == probabilistic_sharpe(moments)


def test_trials_of_unknown_spread_count_as_sharpe_ratios_of_zero_skill():
    moments = SharpeMoments(0.05, 0.0, 3.0, 1001)
    found = deflated_sharpe(moments, 20, np.array([0.1]))
    assert found.trial_variance == pytest.approx(1e-3)
    assert found.probability < probabilistic_sharpe(moments)


def test_moments_of_a_known_series():
    found = sharpe_moments(np.array([1.0, 2.0, 3.0, 6.0]))
    assert found.sharpe == pytest.approx(3.0 / math.sqrt(14.0 / 3.0))
    assert found.skewness == pytest.approx(4.5 / 3.5**1.5)
    assert found.kurtosis == pytest.approx(24.5 / 3.5**2)


@pytest.mark.parametrize("returns", [[], [0.01], [0.01] * 50])
def test_a_series_that_says_nothing_has_no_probability(returns):
    assert math.isnan(probabilistic_sharpe(sharpe_moments(np.array(returns))))
    assert math.isnan(deflated_sharpe(sharpe_moments(np.array(returns)), 3).probability)


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="0 trials"):
        expected_best_sharpe(0, 1.0)
