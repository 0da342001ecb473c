"""Probability calibration on out-of-fold predictions: Platt scaling or isotonic regression.

Belongs here: fitting, choosing and applying a calibrator, and its plain numbers. Does not belong
here: how out-of-fold predictions are made.

Sources: J. Platt, "Probabilistic outputs for support vector machines" (1999); B. Zadrozny and
C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (2002).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from step3_assets.config import CalibrationConfig
from step3_assets.domain.models.linear import sigmoid
from step3_assets.domain.models.probability_scores import log_loss
from step3_assets.domain.models.text_format import ModelIntegrityError

Numbers = dict[str, Any]
Split = tuple[np.ndarray, np.ndarray]


def fit_base_rate(y: np.ndarray, weights: np.ndarray) -> Numbers:
    """The share of winners whatever the model says; a half without rows."""
    total = float(weights.sum())
    rate = (float((weights * y).sum()) + 0.5) / (total + 1.0)
    return {"kind": "base_rate", "rate": rate}


def fit_platt(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Numbers:
    """Platt scaling, ``sigmoid(intercept + slope * logit(p))``, with ``slope >= 0``.

    A negative slope would turn the model's order around, so the base rate is fitted instead: the
    classifier has shown no skill out of fold.

    Parameters
    ----------
    p : ndarray, shape (n,)
        Raw out-of-fold probabilities.
    y, weights : ndarray, shape (n,)
    """
    from scipy.optimize import minimize

    x = logit(p)
    scale = float(x.std())
    if scale <= 0 or len(np.unique(y)) < 2:
        return _flat_platt(y, weights)
    z = (x - x.mean()) / scale

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        line = beta[0] + beta[1] * z
        error = weights * (sigmoid(line) - y)
        value = float((weights * (np.logaddexp(0.0, line) - y * line)).sum())
        return value, np.array([error.sum(), (error * z).sum()])

    result = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-8})
    intercept, slope = result.x[0] - result.x[1] * x.mean() / scale, result.x[1] / scale
    if not np.isfinite([intercept, slope]).all() or slope <= 0:
        return _flat_platt(y, weights)
    return {"kind": "platt", "intercept": float(intercept), "slope": float(slope)}


def fit_isotonic(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Numbers:
    """Isotonic regression, kept off 0 and 1 by half an independent row.

    Parameters are those of :func:`fit_platt`; the result holds the steps ``x`` and ``y``, between
    which it interpolates.
    """
    from sklearn.isotonic import IsotonicRegression

    margin = 0.5 / (float(weights.sum()) + 1.0)
    model = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip")
    model.fit(p, y, sample_weight=weights)
    return {
        "kind": "isotonic",
        "x": model.X_thresholds_.tolist(),
        "y": model.y_thresholds_.tolist(),
    }


def choose_calibrator(
    p: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    splits: Sequence[Split],
    config: CalibrationConfig,
) -> Numbers:
    """Fit the calibrator that had the lower log loss on rows it was not fitted on.

    Parameters
    ----------
    p, y, weights : ndarray, shape (n,)
        Out-of-fold raw probabilities, outcomes, and weights that sum to the number of independent
        rows.
    splits : sequence of (ndarray of bool, ndarray of bool)
        Fitting and judging rows, each fitting set over before its judging set begins.
    config : CalibrationConfig
        Isotonic regression takes part only where a fitting set has ``isotonic_min_rows``
        independent rows (sum of weights).

    Returns
    -------
    dict
        The calibrator fitted on all rows, with ``chosen_by``: the log loss of each candidate.
        Ties, and no split to judge on, go to Platt. The base rate where one class is missing.
    """
    if len(np.unique(y)) < 2:
        return {**fit_base_rate(y, weights), "chosen_by": {}}
    fits = {"platt": fit_platt, "isotonic": fit_isotonic}
    losses: dict[str, float] = {}
    judged = [
        (fit, judge)
        for fit, judge in splits
        if weights[fit].sum() >= config.isotonic_min_rows and judge.any()
    ]
    for name, fit_one in fits.items() if judged else ():
        parts = [
            (calibrate(fit_one(p[fit], y[fit], weights[fit]), p[judge]), y[judge], weights[judge])
            for fit, judge in judged
        ]
        predicted, outcome, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        losses[name] = log_loss(outcome, predicted, weight)
    best = min(losses, key=losses.__getitem__) if losses else "platt"
    return {**fits[best](p, y, weights), "chosen_by": losses}


def calibrate(numbers: Numbers, p: np.ndarray) -> np.ndarray:
    """Calibrated probability of each raw one; NaN stays NaN.

    Raises
    ------
    ModelIntegrityError
        If the numbers are of no known kind.
    """
    kind = numbers.get("kind")
    if kind == "platt":
        return sigmoid(numbers["intercept"] + numbers["slope"] * logit(p))
    if kind == "isotonic":
        return np.interp(p, numbers["x"], numbers["y"])
    if kind == "base_rate":
        return np.where(np.isnan(p), np.nan, numbers["rate"])
    raise ModelIntegrityError(f"calibrator of unknown kind {kind!r}")


def logit(p: np.ndarray) -> np.ndarray:
    """Log odds, with p kept within 1e-6 of 0 and 1."""
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(kept) - np.log1p(-kept)


def _flat_platt(y: np.ndarray, weights: np.ndarray) -> Numbers:
    rate = fit_base_rate(y, weights)["rate"]
    return {"kind": "platt", "intercept": float(logit(np.array([rate]))[0]), "slope": 0.0}
