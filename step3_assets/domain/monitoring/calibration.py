"""Whether probabilities are as good on recent outcomes as they were out of fold in training.

Belongs here: the rows, the Brier score and the expected calibration error of recent outcomes, each
with the bound that chance alone can reach. Does not belong here: fitting a calibrator
(:mod:`step3_assets.domain.models.calibration`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.config import DriftConfig
from step3_assets.domain.core.instants import week_numbers
from step3_assets.domain.monitoring.line import Line, state_above
from step3_assets.domain.monitoring.window import Window
from step3_assets.domain.statistics.clustered import mean_over_days
from step3_assets.domain.statistics.ev_slope import utc_days


@dataclass(frozen=True)
class RecentOutcomes:
    """Recent rows with a calibrated probability and a final label.

    Parameters
    ----------
    rows : DataFrame
        ``p_calibrated``, ``y`` and, of the fold that scored each row, ``trained_brier``,
        ``trained_ece`` and ``n_trained``.
    p, won : ndarray, shape (n_rows,)
    days : ndarray of datetime64[D], shape (n_rows,)
    weeks : ndarray of int, shape (n_rows,)
        Monday to Sunday, UTC.
    """

    rows: pd.DataFrame
    p: np.ndarray
    won: np.ndarray
    days: np.ndarray
    weeks: np.ndarray


@dataclass(frozen=True)
class TooFewOutcomes:
    """Number of rows; `sentence` gives the reason if it is another one than too few rows."""

    n_rows: int
    sentence: str = ""


@dataclass(frozen=True)
class Comparison:
    """A recent metric, and the same metric in training.

    Parameters
    ----------
    value, trained : float
    lower, upper : float
        Confidence interval of `value`; NaN if there is none.
    bounds : tuple of float
        Limits that `value` exceeds by chance, at each alarm rate, if nothing has changed.
    """

    value: float
    trained: float
    lower: float
    upper: float
    bounds: tuple[float, ...]


def recent_outcomes(window: Window) -> RecentOutcomes | TooFewOutcomes:
    """The outcomes of a window, if there are enough of them over enough weeks."""
    drift = window.drift
    rows = window.outcomes[window.outcomes["p_calibrated"].notna()]
    rows = rows[rows["trained_brier"].notna() & rows["trained_ece"].notna()]
    days = utc_days(rows["decision_time_utc"])
    weeks = week_numbers(days.astype("int64"))
    n_weeks = len(np.unique(weeks))
    if len(rows) < drift.min_outcome_rows:
        return TooFewOutcomes(len(rows))
    if n_weeks < drift.min_weeks:
        text = f"Not enough yet: {n_weeks} of {drift.min_weeks} weeks with final labels."
        return TooFewOutcomes(len(rows), text)
    p, won = (rows[c].to_numpy(dtype=np.float64) for c in ("p_calibrated", "y"))
    return RecentOutcomes(rows=rows, p=p, won=won, days=days, weeks=weeks)


def brier_against_training(
    recent: RecentOutcomes, *, n_lags: int, level: float, rates: Sequence[float]
) -> Comparison:
    """Brier score of recent rows against the out-of-fold score of the fold that scored each.

    The out-of-fold score is an estimate as well, from ``n_trained`` rows: its error is added.

    Parameters
    ----------
    recent : RecentOutcomes
    n_lags : int
        Days that a label may span.
    level : float
        Two-sided level of the confidence interval.
    rates : sequence of float
        One-sided alarm rates.

    Returns
    -------
    Comparison
        Errors as in :func:`~step3_assets.domain.statistics.clustered.mean_over_days`, with a t
        distribution that has one degree of freedom for each stretch of ``n_lags + 1`` days, less
        one.
    """
    from scipy import stats

    trained, n_trained = (
        recent.rows[c].to_numpy(dtype=np.float64) for c in ("trained_brier", "n_trained")
    )
    reference = float(trained.mean())
    excess, error = mean_over_days((recent.p - recent.won) ** 2 - trained, recent.days, n_lags)
    error *= float(np.sqrt(1.0 + len(trained) / float(n_trained.mean())))
    freedom = max(len(np.unique(recent.days)) / (n_lags + 1) - 1.0, 1.0)
    value = reference + excess
    half = float(stats.t.ppf(0.5 + level / 2.0, freedom)) * error
    bounds = tuple(reference + float(stats.t.isf(rate, freedom)) * error for rate in rates)
    return Comparison(
        value=value, trained=reference, lower=value - half, upper=value + half, bounds=bounds
    )


def ece_against_training(
    recent: RecentOutcomes, *, n_bins: int, n_draws: int, seed: int, rates: Sequence[float]
) -> Comparison:
    """Expected calibration error of recent rows, against that of calibrated probabilities.

    Even calibrated probabilities have an error above 0, because every bin misses by chance. The
    size of that error is simulated: the sum of misses in each bin and week keeps its size and gets
    a random sign, the same for a whole week (a wild cluster bootstrap with the null imposed;
    Cameron, Gelbach and Miller 2008).

    Parameters
    ----------
    recent : RecentOutcomes
        Labels of one week depend on one another. No alarm is raised below the mean of
        ``trained_ece``, the out-of-fold error in training.
    n_bins : int
        Bins of equal width on [0, 1].
    n_draws, seed : int
    rates : sequence of float
        One-sided alarm rates.
    """
    p = recent.p
    trained = float(recent.rows["trained_ece"].mean())
    bins = np.clip((p * n_bins).astype(int), 0, n_bins - 1)
    _, week = np.unique(recent.weeks, return_inverse=True)
    misses = np.zeros((int(week.max()) + 1, n_bins))
    np.add.at(misses, (week, bins), recent.won - p)
    value = float(np.abs(misses.sum(axis=0)).sum() / len(p))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(n_draws, len(misses)))
    drawn = np.abs(signs @ misses).sum(axis=1) / len(p)
    bounds = tuple(max(trained, float(np.quantile(drawn, 1.0 - rate))) for rate in rates)
    return Comparison(value=value, trained=trained, lower=np.nan, upper=np.nan, bounds=bounds)


def calibration_line(
    metric: str, name: str, compared: Comparison, n_rows: int, drift: DriftConfig
) -> Line:
    """The line of a comparison with training."""
    warn, error = compared.bounds
    state = state_above(compared.value, warn, error)
    reading = (
        f"worse than that and than chance explains (up to {warn:.4f})"
        if state != "quiet"
        else f"within what chance explains (up to {warn:.4f})"
    )
    return Line(
        metric=metric,
        n_rows=n_rows,
        min_rows=drift.min_outcome_rows,
        state=state,
        sentence=f"{name} {compared.value:.4f} on {n_rows} recent outcomes, "
        f"{compared.trained:.4f} out of fold in training: {reading}.",
        value=compared.value,
        reference=compared.trained,
        lower=compared.lower,
        upper=compared.upper,
        threshold=warn,
    )
