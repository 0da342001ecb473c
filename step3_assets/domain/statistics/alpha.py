"""Alpha: the return of an account beyond that of a constant share of its benchmark.

Belongs here: the regression, and the benchmark at the account's mean exposure. Does not belong
here: computing the benchmark (:mod:`step3_assets.domain.portfolio.reference_lines`).

In a rising market, every long position earns. Alpha removes the part that the account's beta
explains. The benchmark at equal exposure answers the same question without a regression: what would
a constant position of the account's mean size have earned?

Sources: M. C. Jensen (1968), *The Performance of Mutual Funds in the Period 1945-1964*, Journal of
Finance 23; W. K. Newey and K. D. West (1987), *A Simple, Positive Semi-Definite, Heteroskedasticity
and Autocorrelation Consistent Covariance Matrix*, Econometrica 55, eq. 5.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import is_flat

MIN_SESSIONS = 60
LAGS = 5
"""Number of sessions over which returns may be correlated: a position lasts up to two sessions, and
a week covers its after-effects."""


@dataclass(frozen=True)
class Alpha:
    """Intercept and slope of an account's session returns on those of its benchmark.

    Parameters
    ----------
    alpha, lower, upper : float
        Alpha per session, with its confidence interval; NaN if undefined.
    t : float
        Alpha divided by its standard error.
    beta, correlation : float
    n : int
        Number of sessions.
    level : float
        Two-sided level of the interval.
    undefined : str
        Reason why there is no alpha; empty if there is one.
    """

    alpha: float
    lower: float
    upper: float
    t: float
    beta: float
    correlation: float
    n: int
    level: float
    undefined: str = ""


def jensen_alpha(returns: np.ndarray, benchmark: np.ndarray, level: float) -> Alpha:
    """Regress session returns on those of a benchmark, with Newey-West standard errors.

    Parameters
    ----------
    returns, benchmark : ndarray, shape (n_sessions,)
        Simple returns of the same sessions.
    level : float
    """
    from scipy import stats

    n = len(returns)
    undefined = _why_undefined(returns, benchmark)
    if undefined:
        return Alpha(*[np.nan] * 6, n=n, level=level, undefined=undefined)
    centre, scale = float(np.mean(benchmark)), float(np.std(benchmark))
    x = np.column_stack([np.ones(n), (benchmark - centre) / scale])
    bread = np.linalg.inv(x.T @ x)
    fitted = bread @ (x.T @ returns)
    scores = x * (returns - x @ fitted)[:, None]
    meat = scores.T @ scores
    for lag in range(1, LAGS + 1):
        moved = scores[lag:].T @ scores[:-lag]
        meat += (1.0 - lag / (LAGS + 1)) * (moved + moved.T)
    covariance = n / (n - 2) * bread @ meat @ bread
    # Back to the benchmark's units: alpha is the value at a benchmark return of 0.
    at_zero = np.array([1.0, -centre / scale])
    alpha, error = float(at_zero @ fitted), float(np.sqrt(at_zero @ covariance @ at_zero))
    half = float(stats.t.ppf(0.5 + level / 2.0, n - 2)) * error
    return Alpha(
        alpha=alpha,
        lower=alpha - half,
        upper=alpha + half,
        t=alpha / error,
        beta=float(fitted[1]) / scale,
        correlation=float(np.corrcoef(returns, benchmark)[0, 1]),
        n=n,
        level=level,
    )


def _why_undefined(returns: np.ndarray, benchmark: np.ndarray) -> str:
    if len(returns) != len(benchmark):
        raise ValueError(f"jensen_alpha: {len(returns)} returns, {len(benchmark)} of the benchmark")
    if len(returns) < MIN_SESSIONS:
        return f"{len(returns)} sessions are too few; {MIN_SESSIONS} are needed"
    if not (np.isfinite(returns).all() and np.isfinite(benchmark).all()):
        return "a return is not finite"
    if is_flat(returns):
        return "the account's returns do not vary"
    if is_flat(benchmark):
        return "the benchmark's returns do not vary"
    slope = np.cov(returns, benchmark)[0, 1] / np.var(benchmark, ddof=1)
    if is_flat(returns - slope * benchmark):
        return "the account is a constant share of the benchmark, so no error can be estimated"
    return ""


def equal_weight(paths: list[pd.DataFrame]) -> pd.DataFrame:
    """Session paths of an equal-weight mix of several accounts, rebalanced every session.

    Parameters
    ----------
    paths : list of DataFrame
        From :func:`.bootstrap.session_paths`, of the same sessions.

    Raises
    ------
    ValueError
        If the list is empty, or the sessions differ.
    """
    if not paths:
        raise ValueError("there is no benchmark")
    if any(not path.index.equals(paths[0].index) for path in paths):
        raise ValueError("the benchmarks have different sessions")
    return sum(paths[1:], paths[0]) / len(paths)


def at_exposure(paths: pd.DataFrame, exposure_frac: float) -> pd.DataFrame:
    """Session paths of an account that holds a constant share of another one and the rest in cash.

    Parameters
    ----------
    paths : DataFrame
        From :func:`.bootstrap.session_paths`.
    exposure_frac : float
        The share held at the start of each session.
    """
    moved = paths[["growth", "high", "low"]]
    scaled = 1.0 + exposure_frac * (moved - 1.0)
    return scaled.assign(drawdown_frac=exposure_frac * paths["drawdown_frac"])[list(paths.columns)]
