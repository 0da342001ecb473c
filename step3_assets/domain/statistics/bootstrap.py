"""Stationary-bootstrap confidence intervals of Calmar, Sharpe and net return per trade.

Belongs here: resampling in blocks of random length (library ``arch``) and the metrics of each
resample. Does not belong here: their formulas (:mod:`step3_assets.domain.portfolio.metrics`).

An account is resampled by New York sessions. Each session keeps its path of bar closes. The
drawdown inside a session is therefore preserved, and the point estimate equals that of table
``portfolio``.

Sources: D. N. Politis and J. P. Romano (1994), *The Stationary Bootstrap*, JASA 89, section 2; the
mean block length is that of D. N. Politis and H. White (2004), *Automatic Block-Length Selection
for the Dependent Bootstrap*, Econometric Reviews 23, eq. 9, as corrected by Patton, Politis and
White (2009).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import is_flat
from step3_assets.domain.portfolio.metrics import (
    DRAWDOWN_FLOOR,
    MONTHS_PER_YEAR,
    SESSIONS_PER_YEAR,
    session_labels,
)

MIN_OBSERVATIONS = 30
"""With fewer sessions or trades, a block length cannot be estimated."""


@dataclass(frozen=True)
class BootstrapInterval:
    """A metric with its percentile confidence interval.

    Parameters
    ----------
    value : float
        The metric itself; NaN when it is undefined.
    lower, upper : float
        Quantiles of the resampled metric that leave ``(1 - level) / 2`` outside on each side; NaN
        with fewer than :data:`MIN_OBSERVATIONS` observations or without variation.
    level : float
        Two-sided level.
    n : int
        Number of observations: sessions or trades.
    block_length : float
        Mean block length, in observations.
    """

    value: float
    lower: float
    upper: float
    level: float
    n: int
    block_length: float


@dataclass(frozen=True)
class AccountIntervals:
    """Calmar and Sharpe of one account, on the same resamples."""

    calmar: BootstrapInterval
    sharpe: BootstrapInterval


@dataclass(frozen=True)
class Resampling:
    """How confidence intervals are computed: two-sided level, number of resamples, seed."""

    level: float
    n_resamples: int
    seed: int


def session_paths(equity: pd.DataFrame, start_equity: float) -> pd.DataFrame:
    """Path of each session, for an account that starts the session with 1 USD.

    Parameters
    ----------
    equity : DataFrame
        ``bar_end_utc`` and ``equity_usd`` in time order at every bar close, also while the account
        holds no position.
    start_equity : float
        Equity before the first mark, USD; must be above zero, like every mark.

    Returns
    -------
    DataFrame
        By session date: ``growth`` (close divided by the previous close), ``high`` and ``low``
        (extremes of the bar closes divided by the previous close), ``drawdown_frac`` (deepest fall
        between bar closes of the session, its opening level included).

    Raises
    ------
    ValueError
        If the equity is ever zero or below: growth is undefined then.
    """
    values = equity["equity_usd"].to_numpy(dtype=np.float64)
    if start_equity <= 0.0 or not np.all(values > 0.0):
        raise ValueError("session_paths: equity at or below zero")
    sessions, first = np.unique(session_labels(equity), return_index=True)
    edges = [*first, len(values)]
    rows, before = [], start_equity
    for start, end in pairwise(edges):
        path = np.concatenate([[1.0], values[start:end] / before])
        fall = float(np.max(1.0 - path / np.maximum.accumulate(path)))
        rows.append((path[-1], path.max(), path.min(), fall))
        before = values[end - 1]
    index = pd.Index(sessions, name="session")
    return pd.DataFrame(rows, index=index, columns=["growth", "high", "low", "drawdown_frac"])


def account_calmar(paths: np.ndarray, n_months: int) -> float:
    """Calmar ratio of consecutive sessions.

    Parameters
    ----------
    paths : ndarray, shape (n_sessions, 4)
        Columns of :func:`session_paths`.
    n_months : int
        Number of calendar months that the sessions represent.
    """
    level = np.cumprod(paths[:, 0])
    before = np.concatenate([[1.0], level[:-1]])
    peak_after = np.maximum.accumulate(before * paths[:, 1])
    peak = np.concatenate([[1.0], np.maximum(peak_after[:-1], 1.0)])
    drawdown = float(max(np.max(1.0 - before * paths[:, 2] / peak), np.max(paths[:, 3])))
    growth = float(level[-1]) ** (MONTHS_PER_YEAR / n_months) - 1.0
    return growth / max(drawdown, DRAWDOWN_FLOOR)


def account_sharpe(paths: np.ndarray) -> float:
    """Annualised Sharpe ratio of sessions; NaN if returns do not vary beyond rounding error."""
    returns = paths[:, 0] - 1.0
    if is_flat(returns):
        return math.nan
    return float(np.mean(returns)) / float(np.std(returns, ddof=1)) * math.sqrt(SESSIONS_PER_YEAR)


def mean_block_length(series: np.ndarray) -> float:
    """Mean block length of the stationary bootstrap by Politis and White; at least 1.

    NaN with fewer than :data:`MIN_OBSERVATIONS` observations, or if the series does not vary beyond
    rounding error.
    """
    if len(series) < MIN_OBSERVATIONS or is_flat(series):
        return math.nan
    from arch.bootstrap import optimal_block_length

    length = float(optimal_block_length(series)["stationary"].iloc[0])
    return max(1.0, length) if math.isfinite(length) else math.nan


def bootstrap_account(
    paths: pd.DataFrame, n_months: int, resampling: Resampling
) -> AccountIntervals:
    """Confidence intervals of the Calmar and Sharpe ratios.

    Parameters
    ----------
    paths : DataFrame
        From :func:`session_paths`.
    n_months : int
        Number of calendar months of the period; a resample represents the same number.
    resampling : Resampling

    Returns
    -------
    AccountIntervals
        An account whose equity never changed has a Calmar of 0 and no interval.
    """
    values = paths.to_numpy(dtype=np.float64)

    def metrics(sample: np.ndarray) -> np.ndarray:
        return np.array([account_calmar(sample, n_months), account_sharpe(sample)])

    calmar, sharpe = _intervals(values, values[:, 0] - 1.0, metrics, resampling)
    return AccountIntervals(calmar, sharpe)


def bootstrap_calmar_gain(
    ours: pd.DataFrame, other: pd.DataFrame, n_months: int, resampling: Resampling
) -> BootstrapInterval:
    """Confidence interval of the difference between two Calmar ratios, on the same resamples.

    Parameters
    ----------
    ours, other : DataFrame
        From :func:`session_paths`, of the same sessions.
    n_months : int
    resampling : Resampling

    Raises
    ------
    ValueError
        If the two do not have the same sessions.
    """
    if not ours.index.equals(other.index):
        raise ValueError("bootstrap_calmar_gain: the accounts have different sessions")
    values = np.hstack([ours.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64)])

    def metrics(sample: np.ndarray) -> np.ndarray:
        return np.array(
            [account_calmar(sample[:, :4], n_months) - account_calmar(sample[:, 4:], n_months)]
        )

    return _intervals(values, values[:, 0] - values[:, 4], metrics, resampling)[0]


def bootstrap_mean(series: np.ndarray, resampling: Resampling) -> BootstrapInterval:
    """Confidence interval of the mean of a series in time order, such as net bps of trades."""
    values = np.asarray(series, dtype=np.float64)
    if len(values) == 0:
        return BootstrapInterval(math.nan, math.nan, math.nan, resampling.level, 0, math.nan)
    return _intervals(values[:, None], values, lambda s: s.mean(axis=0), resampling)[0]


def _intervals(
    rows: np.ndarray,
    series: np.ndarray,
    metrics: Callable[[np.ndarray], np.ndarray],
    resampling: Resampling,
) -> list[BootstrapInterval]:
    """Resample rows in blocks of the length estimated from `series`; one interval per metric."""
    if not np.isfinite(rows).all():
        raise ValueError(f"{int((~np.isfinite(rows)).any(axis=1).sum())} value(s) are not finite")
    values, n = metrics(rows), len(rows)
    length = mean_block_length(series)
    if math.isnan(length):
        bounds = np.full((2, len(values)), math.nan)
    else:
        from arch.bootstrap import StationaryBootstrap

        generator = np.random.default_rng(resampling.seed)
        sampler = StationaryBootstrap(length, rows, seed=generator)  # pyright: ignore[reportArgumentType]
        drawn = sampler.apply(metrics, resampling.n_resamples)
        tail = (1.0 - resampling.level) / 2.0
        bounds = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return [
        BootstrapInterval(
            value=float(v),
            lower=float(lo),
            upper=float(hi),
            level=resampling.level,
            n=n,
            block_length=length,
        )
        for v, lo, hi in zip(values, bounds[0], bounds[1], strict=True)
    ]
