"""Expected value: calibration of the mean head, and the weights of the two expected values.

Belongs here: how far an out-of-fold prediction is trusted. Does not belong here: how it is made,
or the thresholds of the gate.

A departure is the difference of a prediction from the mean head's centre. Noise is about ten times
the signal, so departures are multiplied by a slope: the precision-weighted mean of the out-of-fold
slope and of a prior, which is the slope of such heads on worlds with a known edge. Standard errors
are clustered by week, because rows depend on each other across days and symbols.

Whether departures mean anything is tested separately. A bet on the departures is evaluated for each
week out of fold; the wealth of these bets is an e-value against the hypothesis that departures are
worthless. Trading opens when it is large enough. The level is left out of the test: levels of
neighbouring windows differ by chance, and would count as evidence for the departures.

Source of the e-value: the one-sided normal mixture of V. de la Pena, M. Klass and T. Lai,
"Self-normalized processes" (2004).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.config import BlendConfig
from step3_assets.domain.models.text_format import Numbers


def clustered_slope(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, clusters: np.ndarray
) -> tuple[float, float]:
    """Weighted slope of y on x through the origin, and its standard error.

    Parameters
    ----------
    x, y, weights : ndarray, shape (n,)
    clusters : ndarray, shape (n,)
        Rows of one cluster may depend on each other in any way (Liang and Zeger, 1986).

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


def fit_mean_slope(
    predicted: np.ndarray,
    centre: np.ndarray,
    outcome: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    config: BlendConfig,
) -> float:
    """Slope of the outcome on the mean head's departures from the training mean.

    The precision-weighted mean of the out-of-fold slope and the prior, which is the posterior mean
    if both errors are normal.

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
    float
        At least 0, and 0 if departures do not vary. It may exceed 1, because shallow and slow trees
        understate departures.
    """
    total = weights.sum()
    x = predicted - centre
    x = x - (weights * x).sum() / total
    y = outcome - (weights * outcome).sum() / total
    slope, error = clustered_slope(x, y, weights, clusters)
    if not np.isfinite(error) or error <= 0:
        return 0.0
    data, prior = error**-2, config.prior_slope_error**-2
    posterior = (data * slope + prior * config.prior_slope) / (data + prior)
    return max(0.0, posterior)


def log_evidence(
    departure: np.ndarray,
    excess: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    config: BlendConfig,
) -> float:
    """Natural logarithm of the e-value for departures of the right sign.

    The bet of a cluster is the weighted sum of departure times excess. With bets scaled to a mean
    square of 1, n of them and their sum S, the e-value mixes ``exp(m S - m^2 n / 2)`` over stakes m
    from a half-normal distribution of scale ``config.evidence_effect``.

    Parameters
    ----------
    departure, excess : ndarray, shape (n,)
        Out-of-fold prediction and outcome, both less the training mean.
    weights, clusters : ndarray, shape (n,)
    config : BlendConfig

    Returns
    -------
    float
        Minus infinity if there is no bet.

    Examples
    --------
    >>> weeks = np.arange(100)
    >>> right = log_evidence(np.ones(100), np.full(100, 0.5), np.ones(100), weeks, BlendConfig())
    >>> wrong = log_evidence(np.ones(100), np.full(100, -0.5), np.ones(100), weeks, BlendConfig())
    >>> right > 10, wrong < -2
    (True, True)
    """
    from scipy.special import log_ndtr

    _, codes = np.unique(clusters, return_inverse=True)
    bets = np.bincount(codes, weights * departure * excess)
    size = float(np.sqrt((bets**2).mean())) if len(bets) else 0.0
    if not size > 0:
        return float("-inf")
    total = float(bets.sum()) / size
    spread = config.evidence_effect**2
    room = 1.0 + spread * len(bets)
    at = total * np.sqrt(spread / room)
    return float(np.log(2.0) - 0.5 * np.log(room) + 0.5 * at**2 + log_ndtr(at))


def fit_blend(
    ev_struct: np.ndarray,
    ev_ml: np.ndarray,
    net: np.ndarray,
    weights: np.ndarray,
    evidence: float,
    config: BlendConfig,
) -> Numbers:
    """Weights of the two expected values: least squares with ``w_struct + w_mean = 1``.

    Parameters
    ----------
    ev_struct, ev_ml, net : ndarray, shape (n,)
        Out of fold, log return.
    weights : ndarray, shape (n,)
    evidence : float
        Result of :func:`log_evidence` for the mean head's departures.
    config : BlendConfig

    Returns
    -------
    dict
        ``w_struct`` and ``w_mean``, both >= 0. Their sum is 1, or 0 if the e-value is below
        ``config.open_at_evidence``.
    """
    is_open = evidence >= np.log(config.open_at_evidence)
    difference = ev_ml - ev_struct
    moment = float((weights * difference**2).sum())
    prior = config.prior_strength * moment
    product = float((weights * difference * (net - ev_struct)).sum())
    share = (product + prior * config.prior_mean_share) / (moment + prior) if moment > 0 else 0.5
    w_mean = min(1.0, max(0.0, share))
    return {
        "w_struct": float(is_open) * (1.0 - w_mean),
        "w_mean": float(is_open) * w_mean,
    }


@dataclass(frozen=True)
class MeanCalibration:
    """How the mean head's predictions become expected outcomes, in units of ``u_atr``.

    Parameters
    ----------
    centre : float or ndarray
        The prediction from which departures are counted.
    level : float or ndarray
        The expected outcome where the prediction equals the centre.
    slope : float or ndarray
        Factor of a departure.
    """

    centre: float | np.ndarray
    level: float | np.ndarray
    slope: float | np.ndarray

    @classmethod
    def of_numbers(cls, blend: Numbers) -> "MeanCalibration":
        """From the stored blend; the level is the centre if none was stored."""
        centre = blend["mean_centre"]
        return cls(centre=centre, level=blend.get("mean_level", centre), slope=blend["mean_slope"])


def mean_ev(
    mean_scaled: np.ndarray, calibration: MeanCalibration, events: pd.DataFrame
) -> np.ndarray:
    """Expected net return of the mean head, log return.

    Parameters
    ----------
    mean_scaled : ndarray, shape (n,)
        Prediction of the mean head, in units of ``u_atr``.
    calibration : MeanCalibration
    events : DataFrame, n rows
        ``u_atr`` and ``cost_rt``.
    """
    scale = events["u_atr"].to_numpy(dtype=np.float64)
    cost = events["cost_rt"].to_numpy(dtype=np.float64)
    departure = calibration.slope * (mean_scaled - calibration.centre)
    return scale * (calibration.level + departure) - cost


def blended_ev(numbers: Numbers, ev_struct: np.ndarray, ev_ml: np.ndarray) -> np.ndarray:
    """``w_struct * ev_struct + w_mean * ev_ml``, log return."""
    return numbers["w_struct"] * ev_struct + numbers["w_mean"] * ev_ml
