"""Whether probabilities are as good on recent outcomes as they were out of fold in training.

Belongs here: Brier score and expected calibration error of recent rows with what chance explains.
Does not belong here: fitting a calibrator (:mod:`step3_assets.domain.models.calibration`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from step3_assets.domain.statistics.clustered import mean_over_days


@dataclass(frozen=True)
class Held:
    """A recent figure held against the one from training.

    Parameters
    ----------
    value, trained : float
    lower, upper : float
        Interval of `value`; NaN where it has none.
    bounds : tuple of float
        What `value` exceeds by chance at each alarm rate asked for, when nothing changed.
    """

    value: float
    trained: float
    lower: float
    upper: float
    bounds: tuple[float, ...]


def brier_against_training(
    p: np.ndarray,
    won: np.ndarray,
    trained: np.ndarray,
    n_trained: float,
    days: np.ndarray,
    *,
    n_lags: int,
    level: float,
    rates: Sequence[float],
) -> Held:
    """Brier score of recent rows against the out-of-fold score of the fold that scored each.

    Parameters
    ----------
    p, won : ndarray, shape (n_rows,)
        Calibrated probability; outcome, 0 or 1.
    trained : ndarray, shape (n_rows,)
        Out-of-fold Brier score of each row's fold.
    n_trained : float
        Rows that score rests on: its own error is added.
    days : ndarray, shape (n_rows,)
        Day of each decision, sorting in time order.
    n_lags : int
        Days a label may reach over.
    level : float
        Two-sided level of the interval.
    rates : sequence of float
        One-sided alarm rates.

    Returns
    -------
    Held
        Errors as in :func:`~step3_assets.domain.statistics.clustered.mean_over_days`, with a t
        distribution of as many degrees as there are stretches of ``n_lags + 1`` days, less one.
    """
    from scipy import stats

    reference = float(trained.mean())
    excess, error = mean_over_days((p - won) ** 2 - trained, days, n_lags)
    error *= float(np.sqrt(1.0 + len(p) / n_trained))
    freedom = max(len(np.unique(days)) / (n_lags + 1) - 1.0, 1.0)
    value = reference + excess
    half = float(stats.t.ppf(0.5 + level / 2.0, freedom)) * error
    bounds = tuple(reference + float(stats.t.isf(rate, freedom)) * error for rate in rates)
    return Held(value, reference, value - half, value + half, bounds)


def ece_against_training(
    p: np.ndarray,
    won: np.ndarray,
    trained: float,
    weeks: np.ndarray,
    *,
    n_bins: int,
    n_draws: int,
    seed: int,
    rates: Sequence[float],
) -> Held:
    """Expected calibration error of recent rows, with that of honest probabilities beside it.

    An honest forecast has an error above 0 too: every bin is off by chance. How far, is drawn: the
    sum of misses in each bin and week keeps its size and gets a random sign, the same for a whole
    week (a wild cluster bootstrap with the null imposed; Cameron, Gelbach and Miller 2008).

    Parameters
    ----------
    p, won : ndarray, shape (n_rows,)
    trained : float
        Out-of-fold error in training: no alarm below it.
    weeks : ndarray, shape (n_rows,)
        Week of each decision: labels of one week depend on one another.
    n_bins : int
        Bins of equal width on [0, 1].
    n_draws, seed : int
    rates : sequence of float
        One-sided alarm rates.
    """
    bins = np.clip((p * n_bins).astype(int), 0, n_bins - 1)
    _, week = np.unique(weeks, return_inverse=True)
    misses = np.zeros((int(week.max()) + 1, n_bins))
    np.add.at(misses, (week, bins), won - p)
    value = float(np.abs(misses.sum(axis=0)).sum() / len(p))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(n_draws, len(misses)))
    drawn = np.abs(signs @ misses).sum(axis=1) / len(p)
    bounds = tuple(max(trained, float(np.quantile(drawn, 1.0 - rate))) for rate in rates)
    return Held(value, trained, np.nan, np.nan, bounds)
