"""Brier score against the base rate: an independent library, planted skill, pure noise."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from step3_assets.domain.statistics.brier import BrierGain, brier_gain


def world(skill: float, n: int = 2000, seed: int = 0):
    rng = np.random.default_rng(seed)
    truth = np.clip(0.45 + skill * rng.normal(size=n), 0.02, 0.98)
    won = (rng.random(n) < truth).astype(float)
    return truth, np.full(n, 0.45), won, np.arange(n) // 4


def gain(skill: float, **kwargs) -> BrierGain:
    return brier_gain(*world(skill, **kwargs), n_lags=5, level=0.90)


def test_figures_and_p_value_are_those_of_a_hac_regression_on_a_constant():
    p, base, won, days = world(0.05, n=600)
    found = brier_gain(p, base, won, days, n_lags=5, level=0.90)
    fitted = sm.OLS((base - won) ** 2 - (p - won) ** 2, np.ones(600)).fit(
        cov_type="hac-groupsum", cov_kwds={"time": days, "maxlags": 5, "use_correction": False}
    )
    assert found.gain == pytest.approx(fitted.params[0], rel=1e-10)
    assert (found.lower, found.upper) == pytest.approx(fitted.conf_int(alpha=0.10)[0], rel=1e-9)
    assert found.p_value == pytest.approx(stats.norm.sf(fitted.tvalues[0]), rel=1e-9)
    assert found.brier_base - found.brier == pytest.approx(found.gain)


def test_skill_is_found():
    found = gain(0.15)
    assert found.lower > 0.0
    assert found.p_value < 0.01


def test_overconfident_noise_is_worse_than_the_base_rate():
    rng = np.random.default_rng(1)
    _, base, won, days = world(0.0)
    found = brier_gain(rng.random(2000), base, won, days, n_lags=5, level=0.90)
    assert found.upper < 0.0


def test_no_skill_is_seldom_found():
    rng = np.random.default_rng(2)
    found = 0
    for seed in range(200):
        _, base, won, days = world(0.0, n=400, seed=seed)
        p = np.clip(0.45 + 0.01 * rng.normal(size=400), 0, 1)
        found += brier_gain(p, base, won, days, n_lags=5, level=0.90).p_value < 0.05
    assert found / 200 < 0.11


@pytest.mark.parametrize("n", [0, 29, 36])
def test_too_little_says_nothing(n):
    assert math.isnan(gain(0.1, n=n).gain)


def test_the_base_rate_gains_nothing_over_itself():
    _, base, won, days = world(0.0)
    found = brier_gain(base, base, won, days, n_lags=5, level=0.90)
    assert (found.gain, found.lower, math.isnan(found.p_value)) == (0.0, 0.0, True)
