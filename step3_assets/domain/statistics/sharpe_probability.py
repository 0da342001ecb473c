"""Probabilistic and deflated Sharpe ratio.

Belongs here: the probability that the true Sharpe ratio exceeds a benchmark, and the Sharpe ratio
that the best of N trials without skill is expected to reach. Does not belong here: counting trials.

Sharpe ratios here are per observation, never annualised; kurtosis is 3 for a normal series.

Sources: D. H. Bailey and M. Lopez de Prado (2012), *The Sharpe Ratio Efficient Frontier*, Journal
of Risk 15(2), eq. 11; the same (2014), *The Deflated Sharpe Ratio*, Journal of Portfolio Management
40(5), eq. 1 and 2.
"""

import math
from dataclasses import dataclass

import numpy as np

from step3_assets.domain.core.dispersion import is_flat


@dataclass(frozen=True)
class SharpeMoments:
    """The moments that determine the probability of a Sharpe ratio.

    Parameters
    ----------
    sharpe : float
        Mean divided by standard deviation (n - 1), per observation.
    skewness, kurtosis : float
        Sample moments, without bias correction; kurtosis of a normal series is 3.
    n : int
        Number of observations.
    undefined : str
        Reason why the moments are NaN; empty if they are not.
    """

    sharpe: float
    skewness: float
    kurtosis: float
    n: int
    undefined: str = ""


@dataclass(frozen=True)
class DeflatedSharpe:
    """The deflated Sharpe ratio and its benchmark.

    Parameters
    ----------
    probability : float
        Probability that the true Sharpe ratio exceeds `benchmark`.
    benchmark : float
        Sharpe ratio that the best of `n_trials` without skill is expected to show, per observation.
    n_trials : int
    trial_variance : float
        Variance of the trials' Sharpe ratios, per observation.
    """

    probability: float
    benchmark: float
    n_trials: int
    trial_variance: float


def sharpe_moments(returns: np.ndarray) -> SharpeMoments:
    """Moments of a return series; NaN with a reason if they are undefined.

    They are undefined for fewer than two observations, for observations that are not finite and for
    a series that does not vary beyond rounding error.
    """
    from scipy import stats

    values = np.asarray(returns, dtype=np.float64)
    undefined = _why_undefined(values)
    if undefined:
        return SharpeMoments(math.nan, math.nan, math.nan, len(values), undefined)
    return SharpeMoments(
        sharpe=float(values.mean() / values.std(ddof=1)),
        skewness=float(stats.skew(values)),
        kurtosis=float(stats.kurtosis(values, fisher=False)),
        n=len(values),
    )


def _why_undefined(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{len(values)} return(s) have no deviation"
    if not np.isfinite(values).all():
        return f"{int((~np.isfinite(values)).sum())} of {len(values)} returns are not finite"
    if is_flat(values):
        return "the account never moved" if not values.any() else "the returns do not vary"
    return ""


def probabilistic_sharpe(moments: SharpeMoments, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio exceeds a benchmark (2012, eq. 11).

    Parameters
    ----------
    moments : SharpeMoments
    benchmark : float
        Per observation.

    Returns
    -------
    float
        NaN if the moments are NaN, or if the variance in eq. 11 is not positive.

    Examples
    --------
    The paper's hedge fund: 24 months, Sharpe ratio 0.458, skewness -2.448, kurtosis 10.164.

    >>> round(probabilistic_sharpe(SharpeMoments(0.458, -2.448, 10.164, 24)), 3)
    0.913
    """
    from scipy import stats

    sr = moments.sharpe
    variance = 1.0 - moments.skewness * sr + (moments.kurtosis - 1.0) / 4.0 * sr**2
    if not variance > 0.0:
        return math.nan
    z = (sr - benchmark) * math.sqrt(moments.n - 1) / math.sqrt(variance)
    return float(stats.norm.cdf(z))


def expected_best_sharpe(n_trials: int, trial_variance: float) -> float:
    """Sharpe ratio that the best of N independent trials without skill is expected to show.

    Parameters
    ----------
    n_trials : int
        At least 1; a single trial is expected to show 0.
    trial_variance : float
        Variance of the trials' Sharpe ratios.

    Returns
    -------
    float
        In the unit of the square root of `trial_variance` (2014, eq. 1; the Euler-Mascheroni
        constant weights the two quantiles).
    """
    from scipy import stats

    if n_trials < 1:
        raise ValueError(f"expected_best_sharpe: {n_trials} trials")
    if n_trials == 1:
        return 0.0
    gamma = float(np.euler_gamma)
    first = stats.norm.ppf(1.0 - 1.0 / n_trials)
    second = stats.norm.ppf(1.0 - 1.0 / (n_trials * math.e))
    return float(math.sqrt(trial_variance) * ((1.0 - gamma) * first + gamma * second))


def deflated_sharpe(
    moments: SharpeMoments, n_trials: int, trial_sharpes: np.ndarray | None = None
) -> DeflatedSharpe:
    """Probabilistic Sharpe ratio against the best of N trials without skill (2014, eq. 2).

    Parameters
    ----------
    moments : SharpeMoments
        Moments of the chosen series.
    n_trials : int
        Number of configurations ever evaluated on these months, including the chosen one.
    trial_sharpes : ndarray, optional
        Sharpe ratios of the trials, per observation of the chosen series. With fewer than two
        finite ones, the variance of the estimator at a true Sharpe ratio of 0 is used,
        ``1 / (n - 1)``.
    """
    known = np.asarray([] if trial_sharpes is None else trial_sharpes, dtype=np.float64)
    known = known[np.isfinite(known)]
    variance = 1.0 / (moments.n - 1) if moments.n > 1 else math.nan
    if len(known) >= 2:
        variance = float(np.var(known, ddof=1))
    benchmark = expected_best_sharpe(n_trials, variance)
    return DeflatedSharpe(
        probability=probabilistic_sharpe(moments, benchmark),
        benchmark=benchmark,
        n_trials=n_trials,
        trial_variance=variance,
    )
