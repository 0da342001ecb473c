"""Errors under dependence: an independent library, the textbook sum, refusals."""

import numpy as np
import pytest
import statsmodels.api as sm

from step3_assets.domain.statistics.clustered import clustered_ols, mean_over_days


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


def test_the_covariance_is_that_of_statsmodels():
    rng = np.random.default_rng(2)
    groups = np.sort(rng.integers(0, 25, 200))
    x = sm.add_constant(rng.normal(size=200))
    y = 0.3 * x[:, 1] + rng.normal(size=25)[groups] + rng.normal(size=200)
    fitted = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": groups})
    beta, covariance = clustered_ols(x, y, groups)
    np.testing.assert_allclose(beta, fitted.params, rtol=1e-10)
    np.testing.assert_allclose(covariance, fitted.cov_params(), rtol=1e-10)


@pytest.mark.parametrize("n_lags", [0, 1, 5])
def test_the_error_of_a_mean_is_the_one_of_driscoll_and_kraay(n_lags):
    rng = np.random.default_rng(3)
    days = np.sort(rng.integers(0, 60, 400))
    days = np.unique(days, return_inverse=True)[1]
    values = 0.2 + np.cumsum(rng.normal(size=60))[days] * 0.1 + rng.normal(size=400)
    fitted = sm.OLS(values, np.ones(400)).fit(
        cov_type="hac-groupsum",
        cov_kwds={"time": days, "maxlags": n_lags, "use_correction": False},
    )
    mean, error = mean_over_days(values, days, n_lags)
    assert mean == pytest.approx(fitted.params[0], rel=1e-12)
    assert error == pytest.approx(fitted.bse[0], rel=1e-10)


def test_what_does_not_vary_has_no_error():
    assert mean_over_days(np.full(40, 0.5), np.arange(40), 5) == (0.5, 0.0)
