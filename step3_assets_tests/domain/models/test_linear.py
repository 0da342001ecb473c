import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from step3_assets.config import LinearConfig
from step3_assets.domain.models import linear
from step3_assets.domain.models.text_format import ModelIntegrityError, dump_numbers, load_numbers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 3))
X[:5, 1] = np.nan
NET = 0.01 * RNG.standard_normal(400) + 0.004 * X[:, 0]
WON = (NET > 0).astype(float)
W = RNG.uniform(0.1, 1.0, 400)
NAMES = ["a", "b", "c"]
CONFIG = LinearConfig()
FITS = {
    "logistic": (linear.fit_logistic, WON),
    "ridge": (linear.fit_ridge, NET),
    "elasticnet": (linear.fit_elasticnet, NET),
}


@pytest.mark.parametrize("kind", FITS)
def test_equals_the_scikit_learn_pipeline(kind, monkeypatch):
    """Without clipping, the numbers predict what the estimator in a pipeline predicts."""
    monkeypatch.setattr(linear, "CLIP_QUANTILES", (0.0, 1.0))
    fit, target = FITS[kind]
    got = linear.predict_linear(fit(linear.Prepared.of(X), target, W, NAMES, CONFIG), X)
    spread = target.std() if kind == "elasticnet" else 1.0
    model = {
        "logistic": LogisticRegression(C=0.05, tol=1e-8),
        "ridge": Ridge(alpha=100.0),
        "elasticnet": ElasticNet(alpha=0.05 * spread, l1_ratio=0.5),
    }[kind]
    pipe = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model)
    weigh = {f"{type(model).__name__.lower()}__sample_weight": W}
    if kind == "elasticnet":  # only the ratio of penalty to target scale matters
        model.set_params(alpha=0.05)
        pipe.fit(X, (target - target.mean()) / spread, **weigh)
        expected = pipe.predict(X) * spread + target.mean()
    else:
        pipe.fit(X, target, **weigh)
        expected = pipe.predict_proba(X)[:, 1] if kind == "logistic" else pipe.predict(X)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", FITS)
def test_row_alone_equals_row_in_batch_to_the_bit(kind):
    fit, target = FITS[kind]
    numbers = load_numbers(dump_numbers(fit(linear.Prepared.of(X), target, W, NAMES, CONFIG)))
    batch = linear.predict_linear(numbers, X)
    alone = np.concatenate([linear.predict_linear(numbers, X[i : i + 1]) for i in range(len(X))])
    assert alone.tobytes() == batch.tobytes()


def test_preparation_is_that_of_the_training_rows():
    numbers = linear.fit_preparation(np.array([[1.0], [2.0], [3.0], [np.nan]]))
    assert numbers["median"] == [2.0]
    assert linear.prepare(numbers, np.array([[np.nan]]))[0, 0] == 0.0
    far = linear.prepare(numbers, np.array([[1e9]]))[0, 0]
    assert far == pytest.approx(linear.prepare(numbers, np.array([[3.0]]))[0, 0], abs=0.05)


def test_empty_and_constant_columns_do_no_harm():
    values = np.column_stack([np.full(400, np.nan), np.ones(400), X[:, 0]])
    numbers = linear.fit_ridge(linear.Prepared.of(values), NET, W, NAMES, CONFIG)
    assert numbers["coef"][:2] == [0.0, 0.0]
    assert np.isfinite(linear.predict_linear(numbers, values)).all()


def test_matrix_of_another_width_is_refused():
    numbers = linear.fit_ridge(linear.Prepared.of(X), NET, W, NAMES, CONFIG)
    with pytest.raises(ModelIntegrityError, match="model has 3 features, matrix has 2"):
        linear.predict_linear(numbers, X[:, :2])


def test_sigmoid_does_not_overflow():
    assert linear.sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
