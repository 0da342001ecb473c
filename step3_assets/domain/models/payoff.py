"""Payoffs conditional on winning and losing, as shares of the barriers.

Belongs here: fitting the two ratios and the structural expected value. Does not belong here:
probabilities.

Barriers are not payoffs: the exit is at the open after the touch, so many target exits gain less
than ``a_tp`` and half the stops lose more than ``b_sl``; a horizon exit can end anywhere; and the
probability is that of ``net_logret > 0``, not of reaching the target.
"""

import numpy as np
import pandas as pd

from step3_assets.domain.models.text_format import ModelIntegrityError, Numbers

BARRIER: Numbers = {"kind": "barrier", "gain": [1.0, 1.0], "loss": [1.0, 1.0]}

# The ratio of all rows counts, within each part, as much as this many independent rows.
PRIOR_ROWS = 100.0


def fit_payoff(events: pd.DataFrame, weights: np.ndarray) -> Numbers:
    """Fit the ratios of gross outcome to barrier, separately for intraday and overnight entries.

    Parameters
    ----------
    events : DataFrame, n rows
        Training rows with ``gross_logret``, ``y``, ``a_tp``, ``b_sl``, ``entry_overnight``.
    weights : ndarray, shape (n,)
        They sum to the number of independent rows.

    Returns
    -------
    dict
        ``gain`` is the weighted gross gain of the winners over their ``a_tp``, ``loss`` the
        weighted gross loss of the losers over their ``b_sl``. Each is [intraday, overnight], shrunk
        to the ratio of both together, which is 1 if there is no such row.
    """
    won = events["y"].to_numpy(dtype=np.float64) > 0
    gross = events["gross_logret"].to_numpy(dtype=np.float64)
    overnight = events["entry_overnight"].to_numpy() > 0
    gain = _ratios(gross, events["a_tp"].to_numpy(), weights, won, overnight)
    loss = _ratios(-gross, events["b_sl"].to_numpy(), weights, ~won, overnight)
    return {"kind": "payoff", "gain": gain, "loss": loss}


def structural_ev(numbers: Numbers, p: np.ndarray, events: pd.DataFrame) -> np.ndarray:
    """``p * gain - (1 - p) * loss - cost_rt``, log return, shape (n,); NaN where p is NaN.

    Parameters
    ----------
    numbers : dict
        Result of :func:`fit_payoff`, or :data:`BARRIER` to use the barriers as payoffs.
    p : ndarray, shape (n,)
        Calibrated probability that ``net_logret > 0``.
    events : DataFrame, n rows
        With ``a_tp``, ``b_sl``, ``cost_rt``, ``entry_overnight``: known at the decision.
    """
    if not {"gain", "loss"} <= set(numbers):
        raise ModelIntegrityError("payoff without gain and loss")
    which = (events["entry_overnight"].to_numpy() > 0).astype(int)
    gain = np.asarray(numbers["gain"])[which] * events["a_tp"].to_numpy(dtype=np.float64)
    loss = np.asarray(numbers["loss"])[which] * events["b_sl"].to_numpy(dtype=np.float64)
    return p * gain - (1 - p) * loss - events["cost_rt"].to_numpy(dtype=np.float64)


def _ratios(
    outcome: np.ndarray,
    barrier: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    overnight: np.ndarray,
) -> list[float]:
    def sums(mask: np.ndarray) -> tuple[float, float, float]:
        w = weights[mask]
        return float((w * outcome[mask]).sum()), float((w * barrier[mask]).sum()), float(w.sum())

    outcome_sum, barrier_sum, n = sums(rows)
    pooled = outcome_sum / barrier_sum if barrier_sum > 0 else 1.0
    mean_barrier = barrier_sum / n if n > 0 else 1.0
    prior = PRIOR_ROWS * mean_barrier
    ratios = []
    for part in (rows & ~overnight, rows & overnight):
        outcome_sum, barrier_sum, _ = sums(part)
        ratios.append((outcome_sum + prior * pooled) / (barrier_sum + prior))
    return ratios
