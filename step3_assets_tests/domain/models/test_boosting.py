import numpy as np
import pytest

from step3_assets.config import LightGBMConfig
from step3_assets.domain.models.boosting import fit_booster, fit_mean_booster, predict_booster

RNG = np.random.default_rng(1)
X = RNG.standard_normal((900, 4))
Y = np.sign(X[:, 0] * X[:, 1]) + 0.5 * RNG.standard_normal(900)
W = np.ones(900)
CONFIG = LightGBMConfig(n_rounds=60, learning_rate=0.1, min_data_in_leaf=20)
MEAN = {"objective": "regression"}


def test_same_rows_same_bytes():
    assert fit_booster(X, Y, W, MEAN, CONFIG, 7) == fit_booster(X, Y, W, MEAN, CONFIG, 7)


def test_seed_matters():
    assert fit_booster(X, Y, W, MEAN, CONFIG, 7) != fit_booster(X, Y, W, MEAN, CONFIG, 8)


def test_row_alone_equals_row_in_batch_to_the_bit():
    text = fit_booster(X, Y, W, MEAN, CONFIG, 7)
    batch = predict_booster(text, X[:50])
    alone = np.concatenate([predict_booster(text, X[i : i + 1]) for i in range(50)])
    assert alone.tobytes() == batch.tobytes()


def test_finds_what_no_straight_line_does():
    text = fit_booster(X, Y, W, MEAN, CONFIG, 7)
    fresh = RNG.standard_normal((500, 4))
    assert np.corrcoef(predict_booster(text, fresh), np.sign(fresh[:, 0] * fresh[:, 1]))[0, 1] > 0.6


@pytest.mark.parametrize("alpha", [0.1, 0.9])
def test_quantile_covers_its_share(alpha):
    text = fit_booster(X, Y, W, {"objective": "quantile", "alpha": alpha}, CONFIG, 7)
    assert np.mean(predict_booster(text, X) >= Y) == pytest.approx(alpha, abs=0.06)


def test_classifier_gives_probabilities():
    text = fit_booster(X, (Y > 0).astype(float), W, {"objective": "binary"}, CONFIG, 7)
    p = predict_booster(text, X)
    assert ((p > 0) & (p < 1)).all()


def test_missing_values_are_routed():
    text = fit_booster(X, Y, W, MEAN, CONFIG, 7)
    assert np.isfinite(predict_booster(text, np.full((1, 4), np.nan))).all()


@pytest.mark.parametrize("n_rows", [20, 39])
def test_too_few_rows_to_split_say_their_mean(n_rows):
    """An early inner fold: LightGBM's own filter of features would leave it none, and it fails."""
    x, y, w = X[:n_rows], Y[:n_rows], W[:n_rows]
    text = fit_mean_booster(x, y, w, np.arange(n_rows), CONFIG, 7)
    assert predict_booster(text, X) == pytest.approx(np.full(900, y.mean()))
    text = fit_booster(x, (y > 0).astype(float), w, {"objective": "binary"}, CONFIG, 7)
    assert predict_booster(text, X) == pytest.approx(np.full(900, (y > 0).mean()))
