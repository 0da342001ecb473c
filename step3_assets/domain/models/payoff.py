"""Payoffs conditional on winning and losing, as shares of the barriers.

Belongs here: fitting the two ratios and the structural expected value. Does not belong here:
probabilities.

Barriers are not payoffs: the exit is at the open after the touch, so many targets end inside
``a_tp`` and half the stops beyond ``b_sl``, a horizon exit ends anywhere, and the probability is
that of ``net_logret > 0``, not of the target.
"""

from typing import Any

import numpy as np
import pandas as pd

from step3_assets.domain.models.text_format import ModelIntegrityError

Numbers = dict[str, Any]

BARRIER: Numbers = {"kind": "barrier", "gain": [1.0, 1.0], "loss": [1.0, 1.0]}

# An overnight ratio leans on the ratio of all rows as if on this many independent rows of it.
PRIOR_ROWS = 100.0


def fit_payoff(events: pd.DataFrame, weights: np.ndarray) -> Numbers:
    """Fit the ratios of gross outcome to barrier, apart for intraday and overnight entries.

    Parameters
    ----------
    events : DataFrame, n rows
        Training rows with ``gross_logret``, ``y``, ``a_tp``, ``b_sl``, ``entry_overnight``.
    weights : ndarray, shape (n,)
        Average uniqueness: they sum to the number of independent rows.

    Returns
    -------
    dict
        ``gain``: weighted gross gain of the winners over their ``a_tp``, ``loss``: weighted gross
        loss of the losers over their ``b_sl``; each [intraday, overnight], shrunk to the ratio of
        both, or 1 where there is no such row.
    """
    won = events["y"].to_numpy(dtype=np.float64) > 0
    gross = events["gross_logret"].to_numpy(dtype=np.float64)
    overnight = events["entry_overnight"].to_numpy() > 0
    gain = _ratios(gross, events["a_tp"].to_numpy(), weights, won, overnight)
    loss = _ratios(-gross, events["b_sl"].to_numpy(), weights, ~won, overnight)
    return {"kind": "payoff", "gain": gain, "loss": loss}


def structural_ev(numbers: Numbers, p: np.ndarray, events: pd.DataFrame) -> np.ndarray:
    """``p * gain - (1 - p) * loss - cost_rt``, log return, shape (n,); NaN where p is.

    Parameters
    ----------
    numbers : dict
        Result of :func:`fit_payoff`, or :data:`BARRIER` to take the barriers as they are.
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
    def sums(of: np.ndarray) -> tuple[float, float, float]:
        w = weights[of]
        return float((w * outcome[of]).sum()), float((w * barrier[of]).sum()), float(w.sum())

    total, reach, n = sums(rows)
    pooled = total / reach if reach > 0 else 1.0
    typical = reach / n if n > 0 else 1.0
    ratios = []
    for part in (rows & ~overnight, rows & overnight):
        got, reached, _ = sums(part)
        prior = PRIOR_ROWS * typical
        ratios.append((got + prior * pooled) / (reached + prior))
    return ratios
