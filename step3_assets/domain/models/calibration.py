"""Probability calibration on out-of-fold predictions, shrunk toward the raw probability.

Belongs here: fitting, choosing and applying a calibrator, and its stored numbers. Does not belong
here: how out-of-fold predictions are made.

Sources: J. Platt, "Probabilistic outputs for support vector machines" (1999); B. Zadrozny and
C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (2002);
M. Kull, T. Silva Filho and P. Flach, "Beta calibration" (2017); V. Vovk and I. Petej, "Venn-Abers
predictors" (2014).
"""

from collections.abc import Callable, Sequence

import numpy as np

from step3_assets.config import CalibrationConfig
from step3_assets.domain.models.linear import sigmoid
from step3_assets.domain.models.probability_scores import log_loss
from step3_assets.domain.models.text_format import ModelIntegrityError, Numbers

Split = tuple[np.ndarray, np.ndarray]

VENN_ABERS_POINTS = 21


def fit_base_rate(y: np.ndarray, weights: np.ndarray) -> Numbers:
    """The share of winners, independent of the model's probability; 0.5 without rows."""
    total = float(weights.sum())
    rate = (float((weights * y).sum()) + 0.5) / (total + 1.0)
    return {"kind": "base_rate", "rate": rate}


def fit_platt(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Numbers:
    """Platt scaling, ``sigmoid(intercept + slope * logit(p))``, with ``slope >= 0``.

    Outcomes are Platt's smoothed targets: with n independent winners a winner counts as
    ``(n + 1) / (n + 2)``, and a loser likewise, so that a small sample gives no extreme
    probabilities. A negative slope would reverse the model's order; then the base rate is fitted
    instead, because the classifier has no skill out of fold.

    Parameters
    ----------
    p : ndarray, shape (n,)
        Raw out-of-fold probabilities.
    y : ndarray, shape (n,)
        1 for a winner, 0 for a loser.
    weights : ndarray, shape (n,)
        They sum to the number of independent rows.
    """
    x = logit(p)
    scale = float(x.std())
    if scale <= 0 or len(np.unique(y)) < 2:
        return _flat_platt(y, weights)
    z = (x - x.mean()) / scale
    line = _fit_logistic(z[:, None], smoothed_targets(y, weights), weights)
    if line is None or line[1] <= 0:
        return _flat_platt(y, weights)
    intercept, slope = line[0] - line[1] * x.mean() / scale, line[1] / scale
    return {"kind": "platt", "intercept": float(intercept), "slope": float(slope)}


def fit_beta(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Numbers:
    """Beta calibration, ``sigmoid(c + a ln p - b ln(1 - p))`` with ``a, b >= 0``.

    Parameters and targets are those of :func:`fit_platt`. If a coefficient is negative, the two
    fits with one coefficient are compared by log loss.
    """
    if len(np.unique(y)) < 2:
        return _flat_platt(y, weights)
    both = np.column_stack([log_p(p), -log_p(1.0 - p)])
    target = smoothed_targets(y, weights)
    found = [_beta_numbers(both, used, target, weights) for used in ([0, 1], [0], [1])]
    if found[0] is not None:
        return found[0]
    single = [numbers for numbers in found[1:] if numbers is not None]
    if not single:
        return _flat_platt(y, weights)
    return min(single, key=lambda numbers: log_loss(target, _in_full(numbers, p), weights))


def _beta_numbers(
    both: np.ndarray, used: list[int], target: np.ndarray, weights: np.ndarray
) -> Numbers | None:
    """Fit the coefficients of some columns; None if one of them is negative."""
    columns = both[:, used]
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    if (scale <= 0).any():
        return None
    line = _fit_logistic((columns - centre) / scale, target, weights)
    if line is None or (line[1:] < 0).any():
        return None
    a, b = (
        float(line[1 + used.index(k)] / scale[used.index(k)]) if k in used else 0.0 for k in (0, 1)
    )
    intercept = float(line[0] - (line[1:] / scale * centre).sum())
    return {"kind": "beta", "intercept": intercept, "a": a, "b": b}


def smoothed_targets(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Platt's targets: ``(n1 + 1) / (n1 + 2)`` for winners, ``1 / (n0 + 2)`` for losers.

    Examples
    --------
    >>> smoothed_targets(np.array([0.0, 1.0, 1.0]), np.ones(3)).round(3)
    array([0.333, 0.75 , 0.75 ])
    """
    won = float(weights[y > 0].sum())
    lost = float(weights.sum()) - won
    return np.where(y > 0, (won + 1.0) / (won + 2.0), 1.0 / (lost + 2.0))


def fit_isotonic(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Numbers:
    """Isotonic regression, kept away from 0 and 1 by half an independent row.

    Parameters are those of :func:`fit_platt`. The result holds points ``x`` and ``y``, between
    which :func:`calibrate` interpolates.
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


def fit_venn_abers(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Numbers:
    """Venn-Abers prediction: isotonic regression with the new row added as a loser and as a winner.

    The two predictions p0 and p1 are merged into ``p1 / (1 - p0 + p1)``. It is evaluated at
    quantiles of `p`, between which :func:`calibrate` interpolates. The added row has the weight of
    one independent row. Parameters are those of :func:`fit_platt`.
    """
    from sklearn.isotonic import IsotonicRegression

    at = np.unique(np.quantile(p, np.linspace(0.0, 1.0, VENN_ABERS_POINTS)))
    merged = []
    for score in at:
        pair = []
        for outcome in (0.0, 1.0):
            model = IsotonicRegression(out_of_bounds="clip")
            model.fit(np.append(p, score), np.append(y, outcome), np.append(weights, 1.0))
            pair.append(float(model.predict([score])[0]))
        merged.append(pair[1] / (1.0 - pair[0] + pair[1]))
    return {"kind": "venn_abers", "x": at.tolist(), "y": np.maximum.accumulate(merged).tolist()}


CANDIDATES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Numbers]] = {
    "platt": fit_platt,
    "beta": fit_beta,
    "isotonic": fit_isotonic,
    "venn_abers": fit_venn_abers,
}
"""Calibrators; each is shrunk toward the identity."""
NEEDS_ROWS = ("isotonic", "venn_abers")
"""Step functions, which need a minimum of independent rows."""
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of a calibrator's correction that are tried."""


def choose_calibrator(
    p: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    splits: Sequence[Split],
    config: CalibrationConfig,
) -> Numbers:
    """Fit the calibrator with the lowest penalised log loss on rows it was not fitted on.

    Each candidate is tried in full and shrunk toward the raw probability. Its gain in the log
    likelihood of the independent rows must exceed ``config.shrinkage`` times the square of the
    share of its correction; otherwise the raw probability is kept.

    Parameters
    ----------
    p, y, weights : ndarray, shape (n,)
        Out-of-fold raw probabilities, outcomes, and weights that sum to the number of independent
        rows.
    splits : sequence of (ndarray of bool, ndarray of bool)
        Fitting and validation rows; each fitting set ends before its validation set begins.
    config : CalibrationConfig
        Isotonic regression and Venn-Abers take part only where a fitting set has
        ``isotonic_min_rows`` independent rows (sum of weights).

    Returns
    -------
    dict
        The calibrator fitted on all rows, with ``share``, the part of its correction that is
        applied, and ``chosen_by``, the log loss of each candidate in full and of ``identity``. The
        identity if no split can be validated or no candidate gains enough; the base rate if one
        class is missing.
    """
    if len(np.unique(y)) < 2:
        return {**fit_base_rate(y, weights), "chosen_by": {}}
    usable = [
        (fit, validation)
        for fit, validation in splits
        if validation.any() and len(np.unique(y[fit])) == 2
    ]
    if not usable:
        return {"kind": "identity", "chosen_by": {}}
    pooled = np.concatenate([np.flatnonzero(validation) for _, validation in usable])
    raw, outcome, weight = p[pooled], y[pooled], weights[pooled]
    losses = {"identity": log_loss(outcome, raw, weight)}
    best, best_share, best_cost = "identity", 0.0, losses["identity"] * weight.sum()
    for name, fit_one in CANDIDATES.items():
        needed = config.isotonic_min_rows if name in NEEDS_ROWS else 0
        if min(weights[fit].sum() for fit, _ in usable) < needed:
            continue
        parts = [
            calibrate(fit_one(p[fit], y[fit], weights[fit]), p[validation])
            for fit, validation in usable
        ]
        calibrated = np.concatenate(parts)
        losses[name] = log_loss(outcome, calibrated, weight)
        for share in SHARES:
            loss = log_loss(outcome, shrunk(raw, calibrated, share), weight)
            cost = loss * weight.sum() + config.shrinkage * share**2
            if cost < best_cost:
                best, best_share, best_cost = name, share, cost
    if best == "identity":
        return {"kind": "identity", "chosen_by": losses}
    return {**CANDIDATES[best](p, y, weights), "share": best_share, "chosen_by": losses}


def shrunk(raw: np.ndarray, calibrated: np.ndarray, share: float) -> np.ndarray:
    """The probability between raw and calibrated, on the log-odds scale."""
    if share == 1.0:
        return calibrated
    return sigmoid((1.0 - share) * logit(raw) + share * logit(calibrated))


def calibrate(numbers: Numbers, p: np.ndarray) -> np.ndarray:
    """Calibrated probability of each raw one; NaN stays NaN.

    Raises
    ------
    ModelIntegrityError
        If the numbers are of an unknown kind.
    """
    return shrunk(p, _in_full(numbers, p), float(numbers.get("share", 1.0)))


def logit(p: np.ndarray) -> np.ndarray:
    """Log odds, finite also at 0 and 1."""
    return log_p(p) - log_p(1.0 - p)


def log_p(p: np.ndarray) -> np.ndarray:
    """Logarithm of a probability, of at least 1e-12."""
    return np.log(np.maximum(p, 1e-12))


def _in_full(numbers: Numbers, p: np.ndarray) -> np.ndarray:
    """The calibrator's probability before it is shrunk toward the raw one."""
    kind = numbers.get("kind")
    if kind == "identity":
        return p
    if kind == "platt":
        return sigmoid(numbers["intercept"] + numbers["slope"] * logit(p))
    if kind == "beta":
        line = numbers["intercept"] + numbers["a"] * log_p(p) - numbers["b"] * log_p(1.0 - p)
        return sigmoid(line)
    if kind in ("isotonic", "venn_abers"):
        return np.interp(p, numbers["x"], numbers["y"])
    if kind == "base_rate":
        return np.where(np.isnan(p), np.nan, numbers["rate"])
    raise ModelIntegrityError(f"calibrator of unknown kind {kind!r}")


def _fit_logistic(x: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Intercept and coefficients of weighted logistic regression on soft targets; None if it fails.

    Newton's method with halved steps. Soft targets keep the optimum finite.
    """
    design = np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(design.shape[1])

    def loss(at: np.ndarray) -> float:
        line = design @ at
        return float((weights * (np.logaddexp(0.0, line) - target * line)).sum())

    value = loss(beta)
    for _ in range(100):
        fitted = sigmoid(design @ beta)
        gradient = design.T @ (weights * (fitted - target))
        curvature = (design * (weights * fitted * (1.0 - fitted))[:, None]).T @ design
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        size = 1.0
        while size > 1e-8 and not loss(beta - size * step) <= value:
            size /= 2.0
        beta = beta - size * step
        new = loss(beta)
        if value - new <= 1e-12 * (1.0 + abs(value)):
            return beta if np.isfinite(beta).all() else None
        value = new
    return None


def _flat_platt(y: np.ndarray, weights: np.ndarray) -> Numbers:
    rate = fit_base_rate(y, weights)["rate"]
    return {"kind": "platt", "intercept": float(logit(np.array([rate]))[0]), "slope": 0.0}
