import numpy as np
import pytest
from sklearn import metrics

from step3_assets.domain.models.probability_scores import (
    auc,
    brier,
    expected_calibration_error,
    log_loss,
    pinball,
    reliability,
)

RNG = np.random.default_rng(3)
Y = (RNG.random(500) < 0.4).astype(float)
P = np.round(RNG.random(500), 2)  # with ties
W = RNG.random(500)


def test_figures_equal_scikit_learn():
    assert brier(Y, P) == pytest.approx(metrics.brier_score_loss(Y, P))
    assert brier(Y, P, W) == pytest.approx(metrics.brier_score_loss(Y, P, sample_weight=W))
    kept = np.clip(P, 0.01, 0.99)
    assert log_loss(Y, kept, W) == pytest.approx(metrics.log_loss(Y, kept, sample_weight=W))
    assert auc(Y, P) == pytest.approx(metrics.roc_auc_score(Y, P))
    assert pinball(Y, P, 0.9) == pytest.approx(metrics.mean_pinball_loss(Y, P, alpha=0.9))


def test_log_loss_is_finite_at_zero_and_one():
    assert np.isfinite(log_loss(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


def test_auc_with_one_outcome_is_unknown():
    assert np.isnan(auc(np.ones(3), np.array([0.1, 0.2, 0.3])))


def test_reliability_by_hand():
    y, p = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.05, 0.15, 0.19, 1.0])
    bins = reliability(y, p, 10)
    assert bins["bin"].tolist() == [0, 1, 9]
    assert bins["n_rows"].tolist() == [1, 2, 1]
    assert bins["p_mean"].tolist() == pytest.approx([0.05, 0.17, 1.0])
    assert bins["y_mean"].tolist() == [0.0, 1.0, 1.0]
    assert bins["p_lo"].tolist() == pytest.approx([0.0, 0.1, 0.9])
    # (1 * 0.05 + 2 * 0.83 + 1 * 0) / 4
    assert expected_calibration_error(y, p, 10) == pytest.approx(0.4275)
