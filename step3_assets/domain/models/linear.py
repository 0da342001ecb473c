"""The linear baselines: logistic (L2), Ridge and ElasticNet, each with its own preparation.

Belongs here: imputation, clipping and scaling fitted on training rows, the scikit-learn fit, its
numbers, prediction from the numbers, and the three heads. Does not belong here: which rows are
training rows.

A row's prediction has the same bits whether it is predicted alone or with others, so a live score
equals the score in a backtest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from step3_assets.config import LinearConfig
from step3_assets.domain.models.head import HeadTask, Target
from step3_assets.domain.models.text_format import (
    JSON_NUMBERS,
    ModelIntegrityError,
    Numbers,
    dump_numbers,
    load_numbers,
)

CLIP_QUANTILES = (0.005, 0.995)


def fit_preparation(values: np.ndarray) -> Numbers:
    """Median imputation, clipping at training quantiles, centring and scaling.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        NaN where missing. A column without any value is imputed with 0.

    Returns
    -------
    dict
        ``median``, ``low``, ``high``, ``mean``, ``scale``, each of length p.
    """
    empty = np.isnan(values).all(axis=0)
    filled = np.where(empty, 0.0, values)
    median = np.nanmedian(filled, axis=0)
    low, high = np.nanquantile(filled, CLIP_QUANTILES, axis=0)
    clipped = np.clip(np.where(np.isnan(filled), median, filled), low, high)
    scale = clipped.std(axis=0)
    return {
        "median": median.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "mean": clipped.mean(axis=0).tolist(),
        "scale": np.where(scale > 0, scale, 1.0).tolist(),
    }


def prepare(numbers: Numbers, values: np.ndarray) -> np.ndarray:
    """Apply what :func:`fit_preparation` fitted; shape (n, p), no NaN."""
    if values.shape[1] != len(numbers["median"]):
        raise ModelIntegrityError(
            f"model has {len(numbers['median'])} features, matrix has {values.shape[1]}"
        )
    filled = np.where(np.isnan(values), np.asarray(numbers["median"]), values)
    clipped = np.clip(filled, np.asarray(numbers["low"]), np.asarray(numbers["high"]))
    return (clipped - np.asarray(numbers["mean"])) / np.asarray(numbers["scale"])


@dataclass(frozen=True)
class Prepared:
    """Training rows, prepared for the linear baselines.

    Parameters
    ----------
    numbers : dict
        Result of :func:`fit_preparation`.
    values : ndarray of float64, shape (n, p)
        The rows after :func:`prepare`; no NaN.
    """

    numbers: Numbers
    values: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Prepared":
        """Fit the preparation on the rows and apply it to them."""
        numbers = fit_preparation(values)
        return cls(numbers=numbers, values=prepare(numbers, values))


def fit_logistic(
    rows: Prepared,
    target: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
    config: LinearConfig,
) -> Numbers:
    """L2 logistic regression of a 0/1 target.

    Parameters
    ----------
    rows : Prepared, n rows
    target, weights : ndarray, shape (n,)
        Both classes must occur.
    names : sequence of str, length p
    config : LinearConfig

    Returns
    -------
    dict
        The preparation, ``coef``, ``intercept`` and ``kind``.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=config.logistic_c, max_iter=1000, tol=1e-8)
    model.fit(rows.values, target.astype(int), sample_weight=weights)
    coef, intercept = np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])
    return _numbers("logistic", rows.numbers, names, coef, intercept)


def fit_ridge(
    rows: Prepared,
    target: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
    config: LinearConfig,
) -> Numbers:
    """Ridge regression; parameters and result as :func:`fit_logistic`."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=config.ridge_alpha, solver="cholesky")
    model.fit(rows.values, target, sample_weight=weights)
    return _numbers("ridge", rows.numbers, names, model.coef_, model.intercept_)


def fit_elasticnet(
    rows: Prepared,
    target: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
    config: LinearConfig,
) -> Numbers:
    """ElasticNet on the standardised target; parameters and result as :func:`fit_logistic`."""
    from sklearn.linear_model import ElasticNet

    centre, spread = float(target.mean()), float(target.std()) or 1.0
    model = ElasticNet(
        alpha=config.elasticnet_alpha, l1_ratio=config.elasticnet_l1_ratio, max_iter=5000
    )
    model.fit(rows.values, (target - centre) / spread, sample_weight=weights)
    coef, intercept = model.coef_ * spread, model.intercept_ * spread + centre
    return _numbers("elasticnet", rows.numbers, names, coef, intercept)


def predict_linear(numbers: Numbers, values: np.ndarray) -> np.ndarray:
    """Predict from the numbers: a probability for ``logistic``, else the target's own unit."""
    prepared = prepare(numbers, values)
    # A sum by row instead of a matrix product, because BLAS rounds differently by batch size.
    linear = (prepared * np.asarray(numbers["coef"])).sum(axis=1) + numbers["intercept"]
    return sigmoid(linear) if numbers["kind"] == "logistic" else linear


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function; NaN stays NaN."""
    from scipy.special import expit

    return expit(x)


def _numbers(
    kind: str, preparation: Numbers, names: Sequence[str], coef: np.ndarray, intercept: float
) -> Numbers:
    return {
        **preparation,
        "kind": kind,
        "names": list(names),
        "coef": np.asarray(coef, dtype=np.float64).tolist(),
        "intercept": float(intercept),
    }


@dataclass(frozen=True)
class LinearHead:
    """A linear baseline as a head; see :class:`.head.Head`."""

    name: str
    label: str
    target: Target
    fit_numbers: Callable[..., Numbers]
    level: float | None = None
    format: str = JSON_NUMBERS

    def fit(self, task: HeadTask) -> Numbers:
        """Fit the baseline."""
        outcome = task.rows.outcome(self.target)
        rows = task.once("linear preparation", lambda: Prepared.of(task.values))
        return self.fit_numbers(rows, outcome, task.weights, task.names, task.config.linear)

    def predict(self, model: Numbers, values: np.ndarray) -> np.ndarray:
        """Predict from the numbers."""
        return predict_linear(model, values)

    def dump(self, model: Numbers) -> str:
        """The numbers as JSON."""
        return dump_numbers(model)

    def load(self, text: str) -> Numbers:
        """The numbers."""
        return load_numbers(text)


LOGISTIC = LinearHead("logistic", "Logistic baseline", Target.WON, fit_logistic)
RIDGE = LinearHead("ridge", "Ridge baseline", Target.NET, fit_ridge)
ELASTICNET = LinearHead("elasticnet", "ElasticNet baseline", Target.NET, fit_elasticnet)
