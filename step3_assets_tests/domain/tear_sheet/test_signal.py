"""Measures of scores: planted orders are found, noise is not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from step3_assets.domain.tear_sheet.signal import (
    decile_turnover,
    forward_returns,
    monotonicity,
    monthly_rank_ic,
    rank_ic,
)


def test_rank_ic_is_that_of_scipy_with_ties():
    rng = np.random.default_rng(1)
    score = pd.Series(rng.integers(0, 9, 300).astype(float))
    outcome = score * 0.1 + rng.normal(0, 1, 300)
    assert rank_ic(score, outcome) == pytest.approx(next(iter(stats.spearmanr(score, outcome))))
    assert np.isnan(rank_ic(score * 0, outcome))


def test_months_with_few_rows_have_no_ic():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"month": ["a"] * 40 + ["b"] * 19, "s": rng.normal(size=59)})
    assert list(monthly_rank_ic(rows.assign(o=rows["s"]), "s", "o").items()) == [("a", 1.0)]


def test_forward_returns_are_read_off_the_bars():
    dates = pd.date_range("2023-01-02 15:00", periods=6, freq="h", tz="UTC")
    bars = pd.DataFrame({"symbol": "QQQ", "date": dates, "close": np.exp([0, 1, 3, 6, 10, 15])})
    events = pd.DataFrame({"symbol": "QQQ", "decision_time_utc": dates[[1, 4]]}, index=[7, 3])
    found = forward_returns(events, bars, (1, 3))
    assert found.to_numpy()[0].tolist() == pytest.approx([2.0, 9.0])
    assert found[1].tolist() == pytest.approx([2.0, 5.0])
    assert found[3].isna().tolist() == [False, True]


def test_turnover_of_deciles_between_still_and_random():
    n = 4000
    times = pd.date_range("2023-01-02", periods=n, freq="h", tz="UTC")
    rows = pd.DataFrame({"symbol": "QQQ", "decision_time_utc": times, "rising": np.arange(n)})
    rows["random"] = np.random.default_rng(3).permutation(n)
    assert decile_turnover(rows, "rising") == pytest.approx(9 / (n - 1))
    assert decile_turnover(rows, "random") == pytest.approx(0.9, abs=0.02)


def test_monotonicity_of_a_rising_and_a_falling_series():
    assert monotonicity(pd.Series([1.0, 2.0, 5.0])) == pytest.approx(1.0)
    assert monotonicity(pd.Series([3.0, 2.0, 1.0])) == pytest.approx(-1.0)
