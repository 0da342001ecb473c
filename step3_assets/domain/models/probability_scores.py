"""Quality of probabilities and quantiles: Brier, log loss, calibration error, AUC, pinball loss.

Belongs here: metrics from outcomes and predictions. Does not belong here: fitting, tables.

Rows have equal weights unless weights are given.
"""

import numpy as np
import pandas as pd


def brier(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean squared difference of outcome (0/1) and probability.

    Source: G. Brier, "Verification of forecasts expressed in terms of probability" (1950).

    Examples
    --------
    >>> brier(np.array([1, 0]), np.array([0.75, 0.25]))
    0.0625
    """
    return float(np.average((y - p) ** 2, weights=weights))


def log_loss(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean negative log likelihood; probabilities are kept within 1e-12 of 0 and 1."""
    kept = np.clip(p, 1e-12, 1 - 1e-12)
    return float(np.average(-(y * np.log(kept) + (1 - y) * np.log1p(-kept)), weights=weights))


def auc(y: np.ndarray, score: np.ndarray) -> float:
    """Probability that a winner scores above a loser, ties counting half; NaN with one class only.

    Examples
    --------
    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = y.astype(bool)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        return float("nan")
    ranks = pd.Series(score).rank().to_numpy()
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def pinball(y: np.ndarray, quantile: np.ndarray, level: float) -> float:
    """Mean pinball loss of a predicted quantile of `level`, in the unit of `y`.

    Examples
    --------
    >>> pinball(np.array([1.0, -1.0]), np.array([0.0, 0.0]), 0.1)
    0.5
    """
    error = y - quantile
    return float(np.mean(np.maximum(level * error, (level - 1) * error)))


def reliability(y: np.ndarray, p: np.ndarray, n_bins: int) -> pd.DataFrame:
    """Reliability bins of equal width on [0, 1].

    Returns
    -------
    DataFrame
        ``bin``, ``p_lo``, ``p_hi``, ``n_rows``, ``p_mean``, ``y_mean``; bins without rows are left
        out.
    """
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    place = np.clip((p * n_bins).astype(int), 0, n_bins - 1)
    counts = np.bincount(place, minlength=n_bins)
    used = np.flatnonzero(counts)
    sums = {name: np.bincount(place, x, minlength=n_bins) for name, x in (("p", p), ("y", y))}
    return pd.DataFrame(
        {
            "bin": used.astype("int64"),
            "p_lo": edges[used],
            "p_hi": edges[used + 1],
            "n_rows": counts[used].astype("int64"),
            "p_mean": sums["p"][used] / counts[used],
            "y_mean": sums["y"][used] / counts[used],
        }
    )


def expected_calibration_error(y: np.ndarray, p: np.ndarray, n_bins: int) -> float:
    """Mean distance of predicted and realised share over the reliability bins, by rows.

    Source: M. Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning"
    (2015).
    """
    bins = reliability(y, p, n_bins)
    gap = (bins["p_mean"] - bins["y_mean"]).abs()
    return float((gap * bins["n_rows"]).sum() / bins["n_rows"].sum())
