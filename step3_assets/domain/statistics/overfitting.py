"""Probability of backtest overfitting, by combinatorially symmetric cross-validation.

Belongs here: the estimator over a matrix of returns. Does not belong here: which configurations
were tried.

Source: D. H. Bailey, J. Borwein, M. Lopez de Prado and Q. J. Zhu (2017), *The Probability of
Backtest Overfitting*, Journal of Computational Finance 20(4), section 3 (CSCV), definition 2.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from step3_assets.domain.core.dispersion import is_flat


@dataclass(frozen=True)
class BacktestOverfitting:
    """PBO and the splits that it was computed from.

    Parameters
    ----------
    pbo : float
        Share of the splits in which the configuration that was best in one half ranked at or below
        the median in the other half.
    logits : ndarray, shape (n_splits,)
        ``ln(w / (1 - w))`` for the relative rank ``w`` of that configuration, by split.
    n_trials, n_months, n_blocks, n_splits : int
    """

    pbo: float
    logits: np.ndarray
    n_trials: int
    n_months: int
    n_blocks: int
    n_splits: int


def even_blocks(n_months: int, most: int) -> int:
    """Largest even number of blocks, up to `most`, with at least two months each; 0 if none."""
    return max(0, min(most, n_months // 2) // 2 * 2)


def backtest_overfitting(returns: np.ndarray, n_blocks: int) -> BacktestOverfitting:
    """Estimate PBO.

    Parameters
    ----------
    returns : ndarray, shape (n_months, n_trials)
        Return of each configuration in each month, all months, in time order.
    n_blocks : int
        Even. The months are cut into this many consecutive blocks of equal length; if they do not
        divide evenly, the first blocks are a month longer. Every half of the blocks is in-sample
        once.

    Returns
    -------
    BacktestOverfitting
        Performance is the Sharpe ratio over the months of a half; it is 0 for a configuration whose
        returns do not vary in them. Ties get the average rank; among tied winners the first counts.

    Raises
    ------
    ValueError
        With fewer than two configurations, an odd number of blocks, more blocks than months, a
        return that is not finite, or a configuration whose returns are constant and not 0: it has
        no Sharpe ratio.
    """
    from scipy import stats

    values = np.asarray(returns, dtype=np.float64)
    n_months, n_trials = values.shape
    if n_trials < 2:
        raise ValueError(f"backtest_overfitting: {n_trials} configuration(s), at least 2 needed")
    if n_blocks < 2 or n_blocks % 2 or n_blocks > n_months:
        raise ValueError(f"backtest_overfitting: {n_blocks} blocks of {n_months} months")
    if not np.isfinite(values).all():
        raise ValueError("backtest_overfitting: a return is not finite")
    constant = sum(is_flat(column) and bool(column.any()) for column in values.T)
    if constant:
        raise ValueError(f"returns of {constant} configuration(s) do not vary: no Sharpe ratio")
    blocks = np.array_split(values, n_blocks)
    counts = np.array([len(b) for b in blocks], dtype=np.float64)
    centred = [b - values.mean(axis=0) for b in blocks]
    sums = np.array([b.sum(axis=0) for b in centred])
    squares = np.array([(b**2).sum(axis=0) for b in centred])
    halves = list(combinations(range(n_blocks), n_blocks // 2))
    inside = np.zeros((len(halves), n_blocks))
    inside[np.arange(len(halves))[:, None], np.array(halves)] = 1.0

    def sharpes(chosen: np.ndarray) -> np.ndarray:
        n = (chosen @ counts)[:, None]
        mean = chosen @ sums / n
        variance = np.maximum(chosen @ squares / n - mean**2, 0.0) * n / (n - 1.0)
        mean = mean + values.mean(axis=0)
        deviation = np.sqrt(variance)
        flat = deviation <= 1e-12 * np.maximum(np.abs(values).max(), 1e-300)
        return np.where(flat, 0.0, mean / np.where(flat, 1.0, deviation))

    best = np.argmax(sharpes(inside), axis=1)
    ranks = stats.rankdata(sharpes(1.0 - inside), axis=1)
    relative = ranks[np.arange(len(halves)), best] / (n_trials + 1)
    logits = np.log(relative / (1.0 - relative))
    pbo = float(np.mean(logits <= 0.0))
    return BacktestOverfitting(pbo, logits, n_trials, n_months, n_blocks, len(halves))
