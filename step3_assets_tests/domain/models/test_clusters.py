"""GLS within decision instants: the gradient by matrices, and what it is good for."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import LightGBMConfig
from step3_assets.domain.models.boosting import fit_booster, fit_mean_booster, predict_booster
from step3_assets.domain.models.clusters import clustered_error, instants

RNG = np.random.default_rng(5)


def test_gradient_is_that_of_the_inverse_covariance():
    clusters = np.array([0, 0, 1, 2, 2, 2])
    weights = RNG.uniform(0.5, 2, 6)
    target, predicted = RNG.standard_normal((2, 6))
    same = clusters[:, None] == clusters[None, :]
    noise = np.where(same, 0.6, 0.0) + 0.4 * np.eye(6)
    noise /= np.sqrt(weights[:, None] * weights[None, :])
    precision = np.linalg.inv(noise)
    gradient, curvature = clustered_error(target, weights, clusters, 0.6)(predicted, None)
    np.testing.assert_allclose(gradient, precision @ (predicted - target), rtol=1e-12)
    np.testing.assert_allclose(curvature, np.diag(precision), rtol=1e-12)


def test_without_correlation_it_is_weighted_least_squares():
    target, weights = RNG.standard_normal(4), np.array([1.0, 2.0, 3.0, 4.0])
    gradient, curvature = clustered_error(target, weights, np.zeros(4, dtype=int), 0.0)(
        np.zeros(4), None
    )
    np.testing.assert_allclose(gradient, -weights * target)
    np.testing.assert_allclose(curvature, weights)


def test_instants_are_those_of_the_decision():
    times = pd.to_datetime(["2020-01-02 15:00", "2020-01-02 16:00", "2020-01-02 15:00"], utc=True)
    assert list(instants(pd.DataFrame({"decision_time_utc": times}))) == [0, 1, 0]


def missed_step(correlation: float, seed: int) -> float:
    """Squared miss of a step of 0.3 under shared noise of variance 1 and own noise of 0.09."""
    rng, n = np.random.default_rng(seed), 1500
    x = rng.standard_normal((2 * n, 1))
    shared = np.repeat(rng.standard_normal(n), 2)
    y = 0.15 * np.sign(x[:, 0]) + shared + 0.3 * rng.standard_normal(2 * n)
    config = LightGBMConfig(min_data_in_leaf=50, feature_fraction=1.0, twin_correlation=correlation)
    text = fit_mean_booster(x, y, np.ones(2 * n), np.repeat(np.arange(n), 2), config, 3)
    low, high = predict_booster(text, np.array([[-1.0], [1.0]]))
    return (high - low - 0.3) ** 2


def test_shared_noise_is_seen_through():
    alone, together = (
        np.mean([missed_step(correlation, seed) for seed in range(4)]) for correlation in (0.0, 0.9)
    )
    assert together < 0.5 * alone


def test_the_mean_stands_in_the_text_and_equals_lightgbms_own():
    x = RNG.standard_normal((900, 3))
    y = 5.0 + x[:, 0] + 0.1 * RNG.standard_normal(900)
    config = LightGBMConfig(min_data_in_leaf=20, twin_correlation=0.0)
    text = fit_mean_booster(x, y, np.ones(900), np.arange(900), config, 3)
    own = fit_booster(x, y, np.ones(900), {"objective": "regression"}, config, 3)
    assert predict_booster(text, x).mean() == pytest.approx(5.0, abs=0.05)
    np.testing.assert_allclose(predict_booster(text, x), predict_booster(own, x), atol=0.02)
