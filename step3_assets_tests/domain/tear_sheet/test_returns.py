"""Measures of returns against other libraries and against hand-worked paths."""

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from step3_assets.domain.tear_sheet.returns import (
    against,
    daily_returns,
    drawdowns,
    rolling,
    tails,
)

DAYS = pd.bdate_range("2023-01-02", periods=400)


def noise(seed: int, scale: float = 0.01) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).standard_t(5, 400) * scale, index=DAYS)


def equity_of(values: list[float]) -> pd.DataFrame:
    stamps = pd.date_range("2023-01-02 15:00", periods=len(values), freq="D", tz="UTC")
    return pd.DataFrame({"series": "platform", "bar_end_utc": stamps, "equity_usd": values})


def test_alpha_beta_and_correlation_are_those_of_scipy():
    benchmark = noise(1)
    series = 0.4 * benchmark + noise(2, 0.004) + 0.0003
    found = against(series, benchmark)
    slope, intercept, correlation, *_ = tuple(stats.linregress(benchmark, series))
    assert found.beta == pytest.approx(slope)
    assert found.alpha == pytest.approx(float(intercept) * 252)
    assert found.correlation == pytest.approx(correlation)
    assert found.n_sessions == 400


def test_against_a_benchmark_that_never_moves_nothing_is_known():
    found = against(noise(1), pd.Series(0.0, index=DAYS))
    assert np.isnan([found.alpha, found.beta, found.correlation]).all()


def test_tails_are_those_of_scipy_and_skfolio():
    from skfolio.measures import cvar, value_at_risk

    returns = noise(3)
    found = tails(returns)
    assert found.skewness == pytest.approx(stats.skew(returns))
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns))
    assert found.volatility == pytest.approx(returns.std() * np.sqrt(252))
    # skfolio takes the next observation where numpy interpolates between two
    assert found.value_at_risk == pytest.approx(value_at_risk(returns.to_numpy()), abs=4e-4)
    assert found.expected_shortfall == pytest.approx(cvar(returns.to_numpy()), abs=4e-4)
    assert (found.best, found.worst) == (returns.max(), returns.min())


@pytest.mark.parametrize("returns", [noise(1).head(19), pd.Series(0.0, index=DAYS)])
def test_without_dispersion_or_days_nothing_is_known(returns):
    assert np.isnan(tails(returns).volatility)


def test_drawdowns_by_hand():
    falls = drawdowns(
        equity_of([100.0, 90.0, 95.0, 101.0, 80.8, 90.9, 102.0, 100.0]), "platform", 100.0
    )
    assert [round(fall.depth, 6) for fall in falls] == [0.2, 0.1, round(2 / 102, 6)]
    deepest = falls[0]
    assert (deepest.peak_utc.day, deepest.trough_utc.day) == (5, 6)
    assert deepest.recovered_utc is not None
    assert (deepest.recovered_utc.day, deepest.n_days) == (8, 3)
    assert falls[2].recovered_utc is None


def test_a_fall_from_the_start_counts():
    falls = drawdowns(equity_of([95.0, 90.0]), "platform", 100.0)
    assert [fall.depth for fall in falls] == [pytest.approx(0.1)]


def test_daily_returns_begin_with_the_first_session():
    frame = pd.concat([equity_of([101.0, 99.0]), equity_of([7.0]).assign(series="other")])
    assert daily_returns(frame, "platform", 100.0).tolist() == pytest.approx([0.01, 99 / 101 - 1])
    assert daily_returns(frame, "none", 100.0).empty


def test_rolling_measures_are_those_of_each_window():
    series, benchmark = noise(4), noise(5)
    found = rolling(series, benchmark, 126)
    assert found.iloc[:125].isna().all().all()
    window, other = series.iloc[200:326], benchmark.iloc[200:326]
    row = found.iloc[325]
    assert row["sharpe"] == pytest.approx(window.mean() / window.std() * np.sqrt(252))
    assert row["beta"] == pytest.approx(next(iter(stats.linregress(other, window))))
    assert rolling(pd.Series(0.0, index=DAYS), None, 126)["sharpe"].isna().all()


NO_TAILS = {
    "an infinite day": [math.inf, *([0.01, -0.01] * 15)],
    "steady growth": np.full(30, 0.001),
    "too few": [0.01, -0.01],
    "none": [],
}


@pytest.mark.parametrize("values", NO_TAILS.values(), ids=NO_TAILS)
def test_days_without_a_distribution_have_no_tails(values):
    days = pd.Series(values, index=pd.bdate_range("2023-01-02", periods=len(values)), dtype=float)
    found = asdict(tails(days))
    assert found.pop("n_sessions") == len(values)
    assert all(math.isnan(value) for value in found.values())
    assert math.isnan(against(days, days).beta)


@pytest.mark.parametrize("worst", [0.0, 0.0001, -1e-300])
def test_without_a_losing_tail_there_is_no_tail_ratio(worst: float):
    values = [worst] * 3 + [0.01, 0.012] * 15
    found = tails(pd.Series(values, index=pd.bdate_range("2023-01-02", periods=len(values))))
    assert math.isnan(found.tail_ratio)
    assert found.volatility > 0.0
