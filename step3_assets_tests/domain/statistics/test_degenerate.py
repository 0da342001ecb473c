"""Degenerate inputs: what is undefined is NaN with a reason, never huge and never certain."""

import math

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.core.dispersion import is_flat
from step3_assets.domain.statistics.bootstrap import (
    Resampling,
    account_sharpe,
    bootstrap_account,
    bootstrap_calmar_gain,
    bootstrap_mean,
    mean_block_length,
)
from step3_assets.domain.statistics.brier import brier_gain
from step3_assets.domain.statistics.overfitting import backtest_overfitting
from step3_assets.domain.statistics.sharpe_probability import (
    deflated_sharpe,
    probabilistic_sharpe,
    sharpe_moments,
)
from step3_assets.domain.statistics.trials import Trials

RESAMPLING = Resampling(level=0.9, n_resamples=100, seed=1)
_LEVELS = 10_000.0 * 1.001 ** np.arange(251)
_LINE = 10_000.0 + 0.0 * np.arange(251)
FLAT = {
    "constant gain": np.full(250, 0.001),
    "constant loss": np.full(250, -0.0004),
    "steady growth": _LEVELS[1:] / _LEVELS[:-1] - 1.0,
    "slow steady growth": np.diff(1e6 * 1.00001 ** np.arange(251))
    / (1e6 * 1.00001 ** np.arange(250)),
    "rounding around 0": 1e-17 * np.arange(250),
    "tiny constant": np.full(250, 1e-15),
    "never moved": _LINE[1:] / _LINE[:-1] - 1.0,
    "one return": np.array([0.01]),
    "no return": np.array([]),
    "a missing return": np.array([0.01, np.nan, 0.02]),
    "an infinite return": np.array([0.01, np.inf, 0.02]),
}


@pytest.mark.parametrize("returns", FLAT.values(), ids=FLAT)
@pytest.mark.parametrize("sharpes", [None, np.array([0.05, 0.1, 0.15])], ids=["alone", "trials"])
def test_a_series_without_dispersion_has_no_probability_and_a_reason(returns, sharpes):
    moments = sharpe_moments(returns)
    assert math.isnan(moments.sharpe)
    assert moments.undefined
    assert math.isnan(probabilistic_sharpe(moments))
    assert math.isnan(deflated_sharpe(moments, 100, sharpes).probability)


def test_a_series_with_little_dispersion_still_has_one():
    rng = np.random.default_rng(1)
    moments = sharpe_moments(1e-8 * rng.standard_normal(250))
    assert moments.undefined == ""
    assert 0.0 < probabilistic_sharpe(moments) < 1.0


def test_trials_whose_sharpe_is_undefined_do_not_widen_the_benchmark():
    rng = np.random.default_rng(2)
    moments = sharpe_moments(0.01 * rng.standard_normal(500) + 5e-4)
    known = np.array([0.02, 0.05, 0.01])
    with_undefined = np.array([0.02, np.nan, 0.05, np.inf, 0.01])
    assert deflated_sharpe(moments, 5, with_undefined) == deflated_sharpe(moments, 5, known)


def test_trials_that_never_moved_have_a_sharpe_of_zero_and_constant_ones_none():
    rng = np.random.default_rng(3)
    returns = pd.DataFrame({"a": rng.standard_normal(24), "b": 0.0, "c": 0.01})
    sharpes = Trials(3, returns, is_recorded=True).sharpes(21.0)
    assert np.isfinite(sharpes[0])
    assert sharpes[1] == 0.0
    assert np.isnan(sharpes[2])


@pytest.mark.parametrize(
    "growth", [np.full(60, 1.0), np.full(60, 1.001), 1.0 + FLAT["steady growth"]]
)
def test_an_account_without_dispersion_has_no_interval(growth):
    n = len(growth)
    paths = pd.DataFrame(
        {
            "growth": growth,
            "high": np.maximum(growth, 1.0),
            "low": np.minimum(growth, 1.0),
            "drawdown_frac": np.zeros(n),
        }
    )
    assert math.isnan(account_sharpe(paths.to_numpy()))
    found = bootstrap_account(paths, 3, RESAMPLING)
    assert math.isnan(found.sharpe.value)
    assert math.isnan(found.calmar.lower)
    gain = bootstrap_calmar_gain(paths, paths, 3, RESAMPLING)
    assert (gain.value, math.isnan(gain.lower)) == (0.0, True)


@pytest.mark.parametrize("values", [np.full(100, 3.0), np.zeros(100), np.ones(5), np.array([])])
def test_a_mean_of_values_that_do_not_vary_or_are_too_few_has_no_interval(values):
    found = bootstrap_mean(values, RESAMPLING)
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)
    assert math.isnan(mean_block_length(values))


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="1 value"):
        bootstrap_mean(np.append(np.arange(50.0), np.nan), RESAMPLING)


DAYS = np.repeat(np.arange(40), 5)


@pytest.mark.parametrize(
    ("p", "base", "won", "why"),
    [
        (np.full(200, 0.6), np.full(200, 0.5), np.ones(200), "differ by a constant"),
        (np.full(200, np.nan), np.full(200, 0.5), np.ones(200), "not finite"),
        (np.full(9, 0.6), np.full(9, 0.5), np.ones(9), "too few"),
    ],
)
def test_a_gain_without_an_error_is_undefined(p, base, won, why):
    found = brier_gain(p, base, won, DAYS[: len(p)], n_lags=5, level=0.9)
    assert math.isnan(found.gain)
    assert why in found.undefined


def test_overfitting_of_constant_returns_is_refused():
    rng = np.random.default_rng(4)
    returns = 0.02 * rng.standard_normal((24, 3))
    returns[:, 2] = 0.01
    with pytest.raises(ValueError, match=r"1 configuration\(s\) do not vary"):
        backtest_overfitting(returns, 4)


def test_a_configuration_that_stood_still_in_half_the_months_is_no_certain_winner():
    """Its constant gain over one half is no unbounded Sharpe ratio."""
    rng = np.random.default_rng(5)
    returns = 0.02 * rng.standard_normal((24, 4))
    returns[:, 3] = np.where(np.arange(24) < 12, 0.001, -0.001)
    assert np.isfinite(backtest_overfitting(returns, 2).logits).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], True),
        ([5.0], True),
        ([1e6, 1e6 + 1e-7], True),
        ([0.0, 1e-11], False),
        ([1e6, 1e6 + 1e-3], False),
    ],
)
def test_flat_means_up_to_rounding_error(values, expected):
    assert is_flat(np.array(values)) is expected
