"""Intervals: the value computed another way, the spread in closed form, coverage."""

import math

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import optimal_block_length

from step3_assets.domain.portfolio import metrics
from step3_assets.domain.statistics.bootstrap import (
    Resampling,
    account_calmar,
    account_sharpe,
    bootstrap_account,
    bootstrap_calmar_gain,
    bootstrap_mean,
    mean_block_length,
    session_paths,
)

RESAMPLING = Resampling(level=0.90, n_resamples=400, seed=11)


def account(seed: int = 0, n_sessions: int = 130, drift: float = 2e-4) -> pd.DataFrame:
    """Seven marks a session, from 14:30 to 20:00 UTC."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2021-01-04", periods=n_sessions, tz="UTC")
    ends = [d + pd.Timedelta(hours=15) + pd.Timedelta(hours=h) for d in days for h in range(7)]
    steps = np.exp(drift + 0.004 * rng.standard_t(4, len(ends)))
    return pd.DataFrame({"bar_end_utc": ends, "equity_usd": 10_000.0 * np.cumprod(steps)})


def test_the_point_figures_are_those_of_the_portfolio():
    equity = account()
    paths = session_paths(equity, 10_000.0)
    values = equity["equity_usd"].to_numpy()
    growth = metrics.cagr(10_000.0, values[-1], 6)
    expected = metrics.calmar(growth, metrics.max_drawdown(values, 10_000.0))
    found = bootstrap_account(paths, 6, RESAMPLING)
    assert found.calmar.value == pytest.approx(expected, rel=1e-10)
    returns = metrics.session_returns(equity, 10_000.0).to_numpy()
    assert found.sharpe.value == pytest.approx(metrics.sharpe(returns), rel=1e-10)
    assert (found.calmar.n, found.calmar.level) == (130, 0.90)
    assert found.calmar.lower < found.calmar.value < found.calmar.upper


def test_the_calmar_of_resampled_sessions_is_that_of_their_bars_laid_end_to_end():
    equity = account(seed=1, n_sessions=40)
    bars = equity["equity_usd"].to_numpy().reshape(40, 7)
    before = np.concatenate([[10_000.0], bars[:-1, -1]])
    inside = bars / before[:, None]
    paths = session_paths(equity, 10_000.0).to_numpy()
    order = np.random.default_rng(2).integers(0, 40, 40)
    level, curve = 10_000.0, []
    for session in order:
        curve += list(level * inside[session])
        level = curve[-1]
    expected = metrics.calmar(
        metrics.cagr(10_000.0, level, 2), metrics.max_drawdown(np.array(curve), 10_000.0)
    )
    assert account_calmar(paths[order], 2) == pytest.approx(expected, rel=1e-9)


def test_resampled_means_spread_as_politis_and_romano_say():
    """Their lemma 1: the variance of the resampled mean in closed form."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=300)
    for i in range(1, 300):
        x[i] += 0.6 * x[i - 1]
    found = bootstrap_mean(x, Resampling(level=0.6827, n_resamples=4000, seed=5))
    n, p = len(x), 1.0 / found.block_length
    centred = x - x.mean()
    lags = np.arange(1, n)
    covariance = np.array([centred[: n - i] @ centred[i:] / n for i in lags])
    weight = (1 - lags / n) * (1 - p) ** lags + lags / n * (1 - p) ** (n - lags)
    # c_i of the lemma wraps around: sum over both arcs of the circle.
    variance = (centred @ centred / n + 2.0 * float(_wrapped(weight, covariance, lags, n, p))) / n
    assert (found.upper - found.lower) / 2.0 == pytest.approx(math.sqrt(variance), rel=0.04)


def _wrapped(weight, covariance, lags, n, p):
    """Sum over lags of (1 - p)^i (c_i + c_{n-i}), the weight of the circular series."""
    circular = covariance + covariance[::-1]
    geometric = (1 - p) ** lags
    return ((1 - lags / n) * geometric * circular).sum()


def test_block_length_is_that_of_arch_and_at_least_one():
    rng = np.random.default_rng(6)
    x = rng.normal(size=400)
    for i in range(1, 400):
        x[i] += 0.7 * x[i - 1]
    assert mean_block_length(x) == float(optimal_block_length(x)["stationary"].iloc[0])
    assert mean_block_length(x) > 5.0
    assert mean_block_length(rng.normal(size=400)) >= 1.0
    assert math.isnan(mean_block_length(np.zeros(400)))
    assert math.isnan(mean_block_length(rng.normal(size=29)))


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    hits = 0
    for seed in range(150):
        x = rng.normal(size=120)
        for i in range(1, 120):
            x[i] += 0.4 * x[i - 1]
        found = bootstrap_mean(x, Resampling(level=0.90, n_resamples=200, seed=seed))
        hits += found.lower <= 0.0 <= found.upper
    assert 0.78 <= hits / 150 <= 0.96


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    paths = session_paths(account(), 10_000.0)
    assert bootstrap_account(paths, 6, RESAMPLING) == bootstrap_account(paths, 6, RESAMPLING)
    other = Resampling(level=0.90, n_resamples=400, seed=12)
    assert (
        bootstrap_account(paths, 6, other).calmar != bootstrap_account(paths, 6, RESAMPLING).calmar
    )


def test_an_account_that_never_moved_has_no_interval():
    flat = account().assign(equity_usd=10_000.0)
    found = bootstrap_account(session_paths(flat, 10_000.0), 6, RESAMPLING)
    assert found.calmar.value == 0.0
    assert math.isnan(found.calmar.lower)
    assert math.isnan(found.sharpe.value)
    assert math.isnan(account_sharpe(np.ones((1, 4))))


def test_no_trades_have_no_mean():
    assert math.isnan(bootstrap_mean(np.array([]), RESAMPLING).value)
    few = bootstrap_mean(np.array([1.0, 3.0]), RESAMPLING)
    assert few.value == 2.0
    assert math.isnan(few.lower)


def test_a_ruined_account_is_refused():
    ruined = account()
    ruined.loc[5, "equity_usd"] = 0.0
    with pytest.raises(ValueError, match="at or below zero"):
        session_paths(ruined, 10_000.0)


def test_the_gain_over_itself_is_nothing_and_over_a_worse_account_is_positive():
    ours = session_paths(account(seed=8, drift=8e-4), 10_000.0)
    worse = ours.assign(growth=ours["growth"] - 3e-3, low=ours["low"] - 3e-3)
    same = bootstrap_calmar_gain(ours, ours, 6, RESAMPLING)
    assert (same.value, math.isnan(same.lower)) == (0.0, True)
    gain = bootstrap_calmar_gain(ours, worse, 6, RESAMPLING)
    calmars = [account_calmar(p.to_numpy(), 6) for p in (ours, worse)]
    assert gain.value == pytest.approx(calmars[0] - calmars[1], rel=1e-12)


def test_accounts_of_different_sessions_are_not_compared():
    ours = session_paths(account(), 10_000.0)
    with pytest.raises(ValueError, match="different sessions"):
        bootstrap_calmar_gain(ours, ours.iloc[1:], 6, RESAMPLING)
