"""Alpha against an independent library; beta is not skill; planted skill is found; refusals."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from step3_assets.domain.statistics.alpha import LAGS, at_exposure, equal_weight, jensen_alpha

LEVEL = 0.90


def bull(seed: int, n: int = 756, annual: float = 0.30) -> np.ndarray:
    """Session returns of a rising market with changing volatility and fat tails."""
    rng = np.random.default_rng(seed)
    vol = 0.01 * np.exp(0.4 * np.sin(np.arange(n) / 40.0 + rng.uniform(0, 6)))
    return annual / 252 + vol * rng.standard_t(5, n) / math.sqrt(5 / 3)


def blind_account(seed: int, market: np.ndarray, alpha_bps: float = 0.0) -> np.ndarray:
    """An account whose exposure changes at random, and follows past returns, not coming ones."""
    rng = np.random.default_rng(seed + 10_000)
    wave = np.convolve(rng.standard_normal(len(market) + 19), np.ones(20) / math.sqrt(20), "valid")
    exposure = np.clip(0.25 + 0.15 * wave, 0.0, 1.0)
    own = 0.002 * rng.standard_normal(len(market)) * exposure
    return exposure * market + own + alpha_bps * 1e-4


def test_alpha_beta_and_interval_are_those_of_statsmodels():
    market = bull(1)
    ours = blind_account(1, market)
    fitted = sm.OLS(ours, sm.add_constant(market)).fit(
        cov_type="HAC", cov_kwds={"maxlags": LAGS, "use_correction": True}, use_t=True
    )
    found = jensen_alpha(ours, market, LEVEL)
    assert found.alpha == pytest.approx(fitted.params[0], rel=1e-9)
    assert found.beta == pytest.approx(fitted.params[1], rel=1e-9)
    assert (found.lower, found.upper) == pytest.approx(fitted.conf_int(0.10)[0], rel=1e-8)
    assert found.t == pytest.approx(fitted.tvalues[0], rel=1e-8)


def test_being_long_in_a_rising_market_is_no_alpha():
    """Size: at a nominal 5 % over 300 bull worlds; raw returns would be called skill in most."""
    lower, sharpe = [], []
    for seed in range(13_000, 13_300):
        market = bull(seed)
        ours = blind_account(seed, market)
        lower.append(jensen_alpha(ours, market, LEVEL).lower > 0.0)
        sharpe.append(ours.mean() / ours.std() * math.sqrt(len(ours)) > 1.645)
    error = math.sqrt(0.05 * 0.95 / len(lower))
    assert abs(np.mean(lower) - 0.05) < 3 * error
    assert np.mean(sharpe) > 0.5


def test_planted_alpha_is_found():
    found = [
        jensen_alpha(blind_account(seed, bull(seed), alpha_bps=4.0), bull(seed), LEVEL).lower > 0.0
        for seed in range(13_500, 13_540)
    ]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize(
    ("ours", "market", "why"),
    [
        (np.zeros(100), bull(3, 100), "account's returns do not vary"),
        (np.full(100, 1e-3), bull(3, 100), "account's returns do not vary"),
        (bull(3, 100), np.full(100, 1e-3), "benchmark's returns do not vary"),
        (0.3 * bull(3, 100), bull(3, 100), "constant share of the benchmark"),
        (bull(3, 59), bull(4, 59), "59 sessions are too few"),
        (np.append(bull(3, 99), np.nan), bull(4, 100), "not finite"),
    ],
)
def test_an_undefined_alpha_says_why(ours, market, why):
    found = jensen_alpha(ours, market, LEVEL)
    assert math.isnan(found.alpha)
    assert math.isnan(found.t)
    assert why in found.undefined


def test_series_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="100 returns, 99"):
        jensen_alpha(bull(1, 100), bull(1, 99), LEVEL)


PATHS = pd.DataFrame(
    {
        "growth": [1.10, 0.90],
        "high": [1.20, 1.00],
        "low": [0.95, 0.80],
        "drawdown_frac": [0.08, 0.20],
    },
    index=pd.Index([1, 2], name="session"),
)


def test_a_share_of_an_account_moves_by_that_share():
    half = at_exposure(PATHS, 0.5)
    expected = [[1.05, 1.10, 0.975, 0.04], [0.95, 1.00, 0.90, 0.10]]
    np.testing.assert_allclose(half.to_numpy(), expected)
    pd.testing.assert_frame_equal(at_exposure(PATHS, 1.0), PATHS)
    np.testing.assert_allclose(at_exposure(PATHS, 0.0).to_numpy(), [[1, 1, 1, 0]] * 2)


def test_equal_parts_are_the_mean_and_need_the_same_sessions():
    other = PATHS.assign(growth=[1.0, 1.0])
    np.testing.assert_allclose(equal_weight([PATHS, other])["growth"], [1.05, 0.95])
    with pytest.raises(ValueError, match="different sessions"):
        equal_weight([PATHS, PATHS.iloc[:1]])
    with pytest.raises(ValueError, match="no benchmark"):
        equal_weight([])
