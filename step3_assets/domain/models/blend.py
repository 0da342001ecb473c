"""Expected value: the mean head's own calibration, and the weights of the two estimates.

Belongs here: how much an out-of-fold prediction is believed. Does not belong here: how it is made,
or what the gate asks of it.

Noise is some ten times the signal. What the mean head says beyond the training mean is believed by
a slope between what out-of-fold rows show and what such heads are worth on worlds with a known
edge; t statistics are clustered by week, because labels overlap across days and symbols.

Each estimate is calibrated before it is mixed, so the weights divide one unit of belief between the
two. Where departures show no evidence out of fold both are 0, and nothing trades. The evidence is
that of departures alone: levels of neighbouring windows differ by luck, and a level that was lucky
would otherwise speak for or against a head that it says nothing about.
"""

from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import BlendConfig

Numbers = dict[str, Any]


def clustered_slope(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, clusters: np.ndarray
) -> tuple[float, float]:
    """Weighted slope of y on x through the origin, and its standard error.

    Parameters
    ----------
    x, y, weights : ndarray, shape (n,)
    clusters : ndarray, shape (n,)
        Rows of one cluster may depend on each other in any way (Liang and Zeger 1986).

    Returns
    -------
    slope, standard_error : float
        ``(0, inf)`` when x has no variation.
    """
    moment = float((weights * x * x).sum())
    if not moment > 0:
        return 0.0, float("inf")
    slope = float((weights * x * y).sum()) / moment
    _, codes = np.unique(clusters, return_inverse=True)
    scores = np.bincount(codes, weights * x * (y - slope * x))
    return slope, float(np.sqrt((scores**2).sum())) / moment


def fit_mean_calibrator(
    predicted: np.ndarray,
    centre: np.ndarray,
    outcome: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    config: BlendConfig,
) -> tuple[float, float]:
    """Slope by which the mean head's departures from the training mean are believed, and its t.

    The precision-weighted mean of the out-of-fold slope and the prior, which is the posterior mean
    where both errors are normal.

    Parameters
    ----------
    predicted, outcome : ndarray, shape (n,)
        Out of fold, in units of ``u_atr``.
    centre : ndarray, shape (n,)
        Training mean of the inner fold that predicted the row.
    weights, clusters : ndarray, shape (n,)
    config : BlendConfig

    Returns
    -------
    slope : float
        Between 0 and 1: a departure is never enlarged.
    t : float
        Of the out-of-fold slope alone, without the prior; 0 where departures do not vary.
    """
    total = weights.sum()
    x = predicted - centre
    x = x - (weights * x).sum() / total
    y = outcome - (weights * outcome).sum() / total
    slope, error = clustered_slope(x, y, weights, clusters)
    if not np.isfinite(error) or error <= 0:
        return 0.0, 0.0
    data, prior = error**-2, config.prior_slope_error**-2
    posterior = (data * slope + prior * config.prior_slope) / (data + prior)
    return min(1.0, max(0.0, posterior)), slope / error


def fit_blend(
    ev_struct: np.ndarray,
    ev_ml: np.ndarray,
    net: np.ndarray,
    weights: np.ndarray,
    slope_t: float,
    config: BlendConfig,
) -> Numbers:
    """Weights of the two expected values: least squares with ``w_struct + w_mean = 1``.

    Parameters
    ----------
    ev_struct, ev_ml, net : ndarray, shape (n,)
        Out of fold, log return.
    weights : ndarray, shape (n,)
    slope_t : float
        Evidence for the mean head's departures, of :func:`fit_mean_calibrator`.
    config : BlendConfig

    Returns
    -------
    dict
        ``w_struct`` and ``w_mean``, both >= 0; their sum is 1, or 0 where the evidence is below
        ``config.min_squared_t``; ``slope_t``.
    """
    is_believed = slope_t > np.sqrt(config.min_squared_t)
    difference = ev_ml - ev_struct
    moment = float((weights * difference**2).sum())
    pulled = config.prior_strength * moment
    towards = float((weights * difference * (net - ev_struct)).sum())
    share = (towards + pulled * config.prior_mean_share) / (moment + pulled) if moment > 0 else 0.5
    w_mean = min(1.0, max(0.0, share))
    return {
        "w_struct": float(is_believed) * (1.0 - w_mean),
        "w_mean": float(is_believed) * w_mean,
        "slope_t": float(slope_t),
    }


def mean_ev(
    mean_scaled: np.ndarray,
    centre: float | np.ndarray,
    slope: float | np.ndarray,
    events: pd.DataFrame,
) -> np.ndarray:
    """Expected net return of the mean head, log return.

    Parameters
    ----------
    mean_scaled : ndarray, shape (n,)
        Prediction of the mean head, in units of ``u_atr``.
    centre, slope : float or ndarray
        Training mean, and how much of a departure from it is believed.
    events : DataFrame, n rows
        ``u_atr`` and ``cost_rt``.
    """
    scale = events["u_atr"].to_numpy(dtype=np.float64)
    cost = events["cost_rt"].to_numpy(dtype=np.float64)
    return scale * (centre + slope * (mean_scaled - centre)) - cost


def blended_ev(numbers: Numbers, ev_struct: np.ndarray, ev_ml: np.ndarray) -> np.ndarray:
    """``w_struct * ev_struct + w_mean * ev_ml``, log return."""
    return numbers["w_struct"] * ev_struct + numbers["w_mean"] * ev_ml
