"""The slope of realised on expected: known answers, an independent formula, its refusals."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.report.ev_calibration import clustered_ols, ev_deciles, ev_slope


def world(slope: float, n: int = 3000, noise: float = 0.004, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ev = rng.normal(0.0, 1e-3, n)
    stamps = pd.Timestamp("2020-01-01 15:00", tz="UTC") + pd.to_timedelta(np.arange(n) // 4, "D")
    net = slope * ev + rng.normal(0, noise, n)
    return pd.DataFrame({"ev_final": ev, "net_logret": net, "decision_time_utc": stamps})


def test_the_covariance_is_the_textbook_sum_over_clusters():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(60), rng.normal(size=60)])
    y, groups = rng.normal(size=60), np.repeat(np.arange(12), 5)
    beta, covariance = clustered_ols(x, y, groups)
    expected_beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    residual = y - x @ expected_beta
    meat = sum(
        np.outer(x[groups == g].T @ residual[groups == g], x[groups == g].T @ residual[groups == g])
        for g in range(12)
    )
    inverse = np.linalg.inv(x.T @ x)
    np.testing.assert_allclose(beta, expected_beta, rtol=1e-12)
    np.testing.assert_allclose(covariance, 12 / 11 * 59 / 58 * inverse @ meat @ inverse, rtol=1e-12)


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_a_planted_slope_is_found(slope):
    found = ev_slope(world(slope))
    assert found.lo < slope < found.hi
    assert found.hi - found.lo < 0.8
    assert (found.n_rows, found.n_days) == (3000, 750)


def test_copies_of_a_day_do_not_narrow_the_interval():
    once = ev_slope(world(1.0, n=400))
    fourfold = ev_slope(pd.concat([world(1.0, n=400)] * 4))
    assert fourfold.slope == pytest.approx(once.slope)
    assert fourfold.hi - fourfold.lo == pytest.approx(once.hi - once.lo, rel=0.01)


@pytest.mark.parametrize(
    "rows",
    [world(1.0, n=29), world(1.0, n=36), world(1.0).assign(ev_final=2e-4), world(1.0).iloc[:0]],
    ids=["too few rows", "too few days", "one expected value", "nothing"],
)
def test_no_slope_is_claimed_from_too_little(rows):
    assert np.isnan([ev_slope(rows).slope, ev_slope(rows).lo, ev_slope(rows).hi]).all()


def test_deciles_hold_every_known_row_in_order():
    rows = world(1.0, n=103)
    rows.loc[[0, 1], "ev_final"] = np.nan
    rows.loc[2, "net_logret"] = np.nan
    deciles = ev_deciles(rows)
    assert deciles["decile"].tolist() == list(range(1, 11))
    assert deciles["n_rows"].tolist() == [10] * 10
    assert deciles["ev_bps"].is_monotonic_increasing
    known = rows.dropna()
    assert (deciles["net_bps"] * deciles["n_rows"]).sum() == pytest.approx(
        known["net_logret"].sum() * 1e4
    )


@pytest.mark.parametrize("n", [0, 1, 4])
def test_few_rows_give_few_deciles_without_intervals(n):
    deciles = ev_deciles(world(1.0, n=max(n, 1)).iloc[:n])
    assert len(deciles) == n
    assert deciles["lo_bps"].isna().all()
