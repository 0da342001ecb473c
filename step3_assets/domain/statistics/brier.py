"""Brier score of the probabilities compared with that of the base rate, with a test.

Belongs here: the difference and its standard error. Does not belong here: calibration.

Source: F. X. Diebold and R. S. Mariano (1995), *Comparing Predictive Accuracy*, Journal of Business
and Economic Statistics 13, eq. for S1, on the difference of squared errors. Labels overlap, so
errors are summed by day, and nearby days may be correlated (Driscoll and Kraay 1998).
"""

from dataclasses import dataclass

import numpy as np

from step3_assets.domain.core.dispersion import is_flat
from step3_assets.domain.models.probability_scores import brier
from step3_assets.domain.statistics.clustered import mean_over_days

MIN_ROWS = 30
MIN_DAYS = 10


@dataclass(frozen=True)
class BrierGain:
    """How much better the probabilities are than the base rate; above 0 is better.

    Parameters
    ----------
    gain, lower, upper : float
        Mean of ``(base - y)^2 - (p - y)^2`` with its normal confidence interval; NaN if undefined.
    p_value : float
        One-sided: probability of a gain at least this large if the true gain is 0.
    brier, brier_base : float
    level : float
    n_rows, n_days : int
    undefined : str
        Reason why there is no gain: fewer than 30 rows or 10 days, values that are not finite, or
        errors that differ by a constant; empty if there is one.
    """

    gain: float
    lower: float
    upper: float
    p_value: float
    brier: float
    brier_base: float
    level: float
    n_rows: int
    n_days: int
    undefined: str = ""


def brier_gain(
    p: np.ndarray,
    base_rate: np.ndarray,
    won: np.ndarray,
    days: np.ndarray,
    *,
    n_lags: int,
    level: float,
) -> BrierGain:
    """Compare the squared errors of two forecasts of the same outcomes.

    Parameters
    ----------
    p, base_rate : ndarray, shape (n_rows,)
        Calibrated probability, and the base rate of the labels that trained the row's fold.
    won : ndarray, shape (n_rows,)
        Outcome, 0 or 1.
    days : ndarray, shape (n_rows,)
        Day of each decision; days must sort in time order.
    n_lags : int
        Days that a label may span.
    level : float
    """
    from scipy import stats

    base_errors, errors = (base_rate - won) ** 2, (p - won) ** 2
    n_rows, n_days = len(won), len(np.unique(days))
    undefined = ""
    if n_rows < MIN_ROWS or n_days < MIN_DAYS:
        undefined = f"{n_rows} events on {n_days} days are too few"
    elif not np.isfinite(base_errors - errors).all():
        undefined = "probabilities or outcomes are not finite"
    elif is_flat(base_errors - errors) and np.any(base_errors != errors):
        undefined = "the squared errors differ by a constant, so their error cannot be estimated"
    if undefined:
        return BrierGain(
            *[float("nan")] * 6, level=level, n_rows=n_rows, n_days=n_days, undefined=undefined
        )
    gain, error = mean_over_days(base_errors - errors, days, n_lags)
    half = float(stats.norm.ppf(0.5 + level / 2.0)) * error
    p_value = float(stats.norm.sf(gain / error)) if error > 0.0 else float("nan")
    return BrierGain(
        gain=gain,
        lower=gain - half,
        upper=gain + half,
        p_value=p_value,
        brier=brier(won, p),
        brier_base=brier(won, base_rate),
        level=level,
        n_rows=n_rows,
        n_days=n_days,
    )
