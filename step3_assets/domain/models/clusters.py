"""Generalised least squares for events that are decided at the same instant.

Belongs here: the gradient of squared error when outcomes of one instant share their noise. Does not
belong here: boosting itself, or overlap in time.

Two ETFs that move together have similar outcomes: most of the error in predicting one event is also
in its twin, the other symbol's event at the same instant. Their *difference* is far less noisy than
either, and tells more about the features (Zellner 1962, seemingly unrelated regressions). Only
events of the same decision instant are combined: their features precede the noise of both. Weighing
neighbours in time against each other would instead mix a feature with noise that it already
contains (Hansen and Hodrick 1980).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

Objective = Callable[[np.ndarray, object], tuple[np.ndarray, np.ndarray]]


def instants(events: pd.DataFrame) -> np.ndarray:
    """Number of the decision instant of each event, shape (n,)."""
    return pd.factorize(events["decision_time_utc"])[0]


def clustered_error(
    target: np.ndarray, weights: np.ndarray, clusters: np.ndarray, correlation: float
) -> Objective:
    """Gradient and curvature of half the GLS error, for LightGBM.

    With m rows in a cluster, noise of variance ``1 / weight`` and one correlation within clusters,
    the inverse covariance is ``(I - c J) / (1 - correlation)`` with
    ``c = correlation / (1 + (m - 1) correlation)`` and J all ones.

    Parameters
    ----------
    target, weights : ndarray, shape (n,)
    clusters : ndarray of int, shape (n,)
        Equal numbers for rows of the same instant.
    correlation : float
        0 to below 1; 0 is weighted least squares.

    Returns
    -------
    callable
        Takes predictions of shape (n,), and a data set, which it ignores.

    Examples
    --------
    >>> error = clustered_error(np.zeros(2), np.ones(2), np.zeros(2, dtype=int), 0.5)
    >>> [part.round(3).tolist() for part in error(np.array([1.0, 1.0]), None)]
    [[0.667, 0.667], [1.333, 1.333]]
    """
    root = np.sqrt(weights)
    size = np.bincount(clusters)[clusters]
    share = correlation / (1.0 + (size - 1.0) * correlation)
    curvature = weights * (1.0 - share) / (1.0 - correlation)

    def error(predicted: np.ndarray, _data: object) -> tuple[np.ndarray, np.ndarray]:
        residual = root * (predicted - target)
        common = np.bincount(clusters, residual)[clusters]
        return root * (residual - share * common) / (1.0 - correlation), curvature

    return error
