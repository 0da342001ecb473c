"""Population stability index of features, and how large it is if nothing is wrong.

Belongs here: bins from training rows, the index, and its bound from the history of the training
window. Does not belong here: which rows are recent
(:mod:`step3_assets.domain.monitoring.window`).

Sources: the index is the symmetric Kullback-Leibler divergence of binned shares (H. Jeffreys 1946;
N. Siddiqi, *Credit Risk Scorecards*, 2006, for its use and the mark of 0.25). On independent rows
it is chi-square over the number of rows; market signals persist for weeks, so a window of three
months holds far fewer independent rows than rows. Their number is estimated from training itself,
as surveys do for clustered rows (J. Rao and A. Scott 1984, second-order correction): the index of
every window of the same length against the rest of training has a mean and a variance, which give
the degrees of freedom of a chi-square. Because the mean is an estimate from about a dozen windows,
the bound is one of an F distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import CATEGORICAL_FEATURES
from step3_assets.config import DriftConfig

MIN_INDEPENDENT_WINDOWS = 4
MIN_VARIANCE = 1e-12


@dataclass(frozen=True)
class FeatureShift:
    """How far the recent values of one feature are from the training rows.

    Parameters
    ----------
    feature : str
    psi : float
        0 where the shares are equal.
    usual : float
        Mean index of windows of the same length inside training; NaN where training holds fewer
        than four.
    warn_bound, error_bound : float
        Limits that the index exceeds by chance at the two alarm rates, from windows inside
        training; NaN like `usual`.
    """

    feature: str
    psi: float
    usual: float
    warn_bound: float
    error_bound: float


def psi(recent: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Population stability index of counts in the same bins.

    Parameters
    ----------
    recent, reference : ndarray, shape (..., n_bins)
        Rows in each bin.

    Returns
    -------
    ndarray, shape (...,)
        Sum of ``(p - q) ln(p / q)`` over bins. Half a row is added to each bin, so that an empty
        one is finite; a bin that is empty on both sides everywhere is left out.

    Examples
    --------
    Shares of 1/4 and 3/4 against 1/2 each, up to the half rows:

    >>> float(psi(np.array([25e6, 75e6]), np.array([50e6, 50e6])).round(4))
    0.2747
    """
    used = (recent.sum(axis=tuple(range(recent.ndim - 1))) > 0) | (
        reference.sum(axis=tuple(range(reference.ndim - 1))) > 0
    )
    p, q = (_shares(counts[..., used]) for counts in (recent, reference))
    return np.sum((p - q) * np.log(p / q), axis=-1)


def _shares(counts: np.ndarray) -> np.ndarray:
    padded = counts + 0.5
    return padded / padded.sum(axis=-1, keepdims=True)


def bin_edges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Inner edges of bins that hold about equally many of `values`; NaN is left out.

    A feature of at most `n_bins` distinct values gets a bin for each.
    """
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= n_bins:
        return distinct[1:]
    return np.unique(np.quantile(known, np.arange(1, n_bins) / n_bins))


def place(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each value, ``edges[k - 1] <= value < edges[k]``; missing ones get the last bin."""
    bins = np.searchsorted(edges, values, side="right")
    return np.where(np.isfinite(values), bins, len(edges) + 1)


def feature_shifts(
    recent: pd.DataFrame, reference: pd.DataFrame, features: Sequence[str], drift: DriftConfig
) -> list[FeatureShift]:
    """Index of each feature between the recent rows and those of the training window.

    Parameters
    ----------
    recent, reference : DataFrame
        `features` and ``month`` of candidates; the reference is the training window, from which
        alone bins and categories come.
    features : sequence of str
    drift : DriftConfig
        `psi_bins`; `min_feature_rows`: training windows with fewer rows are left out of the usual
        index; `warn_rate` and `error_rate`: chance that any one of the features exceeds its bound,
        so that each gets an equal share of the rate.
    """
    months = sorted(set(reference["month"]))
    row_month = reference["month"].map({m: i for i, m in enumerate(months)}).to_numpy()
    width = max(recent["month"].nunique(), 1)
    found, windows = [], []
    for name in features:
        old, new = _coded(reference[name], recent[name])
        edges = bin_edges(old, drift.psi_bins)
        n_places = len(edges) + 2
        flat = row_month * n_places + place(old, edges)
        by_month = np.bincount(flat, minlength=len(months) * n_places)
        by_month = by_month.reshape(len(months), n_places)
        counts = np.bincount(place(new, edges), minlength=n_places)
        found.append(float(psi(counts, by_month.sum(axis=0))))
        windows.append(usual_psi(by_month, width, drift.min_feature_rows))
    usual = np.array(windows)
    if usual.shape[1] < MIN_INDEPENDENT_WINDOWS * width:
        unknown = np.full(len(found), np.nan)
        means, warns, errors = unknown, unknown, unknown
    else:
        means = usual.mean(axis=1)
        warns = _bounds(usual, width, drift.warn_rate / len(features))
        errors = _bounds(usual, width, drift.error_rate / len(features))
    return [
        FeatureShift(
            feature=name,
            psi=found[i],
            usual=float(means[i]),
            warn_bound=float(warns[i]),
            error_bound=float(errors[i]),
        )
        for i, name in enumerate(features)
    ]


def usual_psi(by_month: np.ndarray, width: int, min_rows: int) -> np.ndarray:
    """Index of every run of `width` months inside training against the rest of training.

    Parameters
    ----------
    by_month : ndarray, shape (n_months, n_bins)
        Rows of each training month in each bin.
    width, min_rows : int
        Months of a run, and the rows it must have.
    """
    sums = np.concatenate([np.zeros((1, by_month.shape[1])), np.cumsum(by_month, axis=0)])
    inside = sums[width:] - sums[:-width]
    inside = inside[inside.sum(axis=1) >= min_rows]
    return psi(inside, sums[-1] - inside) if len(inside) else np.empty(0)


def _bounds(usual: np.ndarray, width: int, rate: float) -> np.ndarray:
    """Limit that the index of one more window exceeds with probability `rate`, by feature.

    Parameters
    ----------
    usual : ndarray, shape (n_features, n_windows)
        Overlapping windows of `width` months: they count as one in `width`.
    width : int
    rate : float
    """
    from scipy import stats

    mean, variance = usual.mean(axis=1), usual.var(axis=1, ddof=1)
    freedom = 2.0 * mean**2 / np.maximum(variance, MIN_VARIANCE)
    return mean * stats.f.isf(rate, np.maximum(freedom, MIN_VARIANCE), usual.shape[1] / width - 1)


def _coded(reference: pd.Series, recent: pd.Series) -> tuple[np.ndarray, ...]:
    """Both as float: a category as its position in training, an unknown category as missing."""
    if reference.name not in CATEGORICAL_FEATURES:
        return reference.to_numpy(dtype=np.float64), recent.to_numpy(dtype=np.float64)
    places = {category: float(i) for i, category in enumerate(sorted(reference.dropna().unique()))}
    return tuple(s.map(places).to_numpy(dtype=np.float64) for s in (reference, recent))
