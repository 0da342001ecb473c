"""Whether an expected value was worth what it said: deciles of ``ev_final`` and the slope.

Belongs here: realised net return against ``ev_final``, with intervals that do not take trades of
one day for independent. Does not belong here: drawing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

BPS = 1e4
MIN_ROWS = 30
MIN_DAYS = 10


@dataclass(frozen=True)
class EvSlope:
    """Slope of realised net on ``ev_final``: 1 is honest, 0 says nothing.

    Parameters
    ----------
    slope, lo, hi : float
        Ordinary least squares with 95 % interval clustered by day; NaN below 30 rows or 10 days,
        or when ``ev_final`` does not vary.
    n_rows, n_days : int
    """

    slope: float
    lo: float
    hi: float
    n_rows: int
    n_days: int


def clustered_ols(
    x: np.ndarray, y: np.ndarray, clusters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with a cluster-robust covariance.

    Parameters
    ----------
    x : ndarray, shape (n_rows, k)
        Regressors, the constant among them.
    y : ndarray, shape (n_rows,)
    clusters : ndarray, shape (n_rows,)
        Label of each row's cluster.

    Returns
    -------
    beta : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Liang and Zeger (1986) with the small-sample factor G/(G-1) * (n-1)/(n-k)
        (Cameron and Miller 2015, eq. 12).
    """
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ (x.T @ y)
    _, index = np.unique(clusters, return_inverse=True)
    n_clusters = int(index.max()) + 1
    sums = np.zeros((n_clusters, x.shape[1]))
    np.add.at(sums, index, x * (y - x @ beta)[:, None])
    n, k = x.shape
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    return beta, factor * bread @ (sums.T @ sums) @ bread


def _known(joined: pd.DataFrame) -> pd.DataFrame:
    rows = joined.loc[joined["ev_final"].notna() & joined["net_logret"].notna()]
    return pd.DataFrame(
        {
            "ev_bps": rows["ev_final"] * BPS,
            "net_bps": rows["net_logret"] * BPS,
            "day": rows["decision_time_utc"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%d"),
        }
    )


def ev_slope(joined: pd.DataFrame) -> EvSlope:
    """Slope of realised ``net_logret`` on ``ev_final`` over final labels of test events.

    Parameters
    ----------
    joined : DataFrame
        From :func:`~step3_assets.domain.report.inputs.score_outcomes`.
    """
    rows = _known(joined)
    n_rows, n_days = len(rows), rows["day"].nunique()
    if n_rows < MIN_ROWS or n_days < MIN_DAYS or np.ptp(rows["ev_bps"].to_numpy()) == 0.0:
        return EvSlope(np.nan, np.nan, np.nan, n_rows, n_days)
    x = np.column_stack([np.ones(n_rows), rows["ev_bps"].to_numpy()])
    beta, covariance = clustered_ols(x, rows["net_bps"].to_numpy(), rows["day"].to_numpy())
    half = float(stats.t.ppf(0.975, n_days - 1) * np.sqrt(covariance[1, 1]))
    return EvSlope(float(beta[1]), float(beta[1]) - half, float(beta[1]) + half, n_rows, n_days)


def ev_deciles(joined: pd.DataFrame, n_bins: int = 10) -> pd.DataFrame:
    """Mean ``ev_final`` and mean realised net, by tenth of ``ev_final``.

    Returns
    -------
    DataFrame
        ``decile`` (1 is the lowest), ``n_rows``, ``ev_bps``, ``net_bps``, ``lo_bps``, ``hi_bps``
        (95 %, clustered by day; NaN for fewer than two days). Empty when nothing is known.
    """
    rows = _known(joined).sort_values("ev_bps", kind="stable", ignore_index=True)
    bins = min(n_bins, len(rows))
    rows["decile"] = np.arange(len(rows)) * bins // max(len(rows), 1) + 1
    out = []
    for decile, part in rows.groupby("decile"):
        net, days = part["net_bps"].to_numpy(), part["day"].to_numpy()
        mean, half, n_days = float(net.mean()), np.nan, len(set(days))
        if n_days > 1:
            _, covariance = clustered_ols(np.ones((len(net), 1)), net, days)
            half = float(stats.t.ppf(0.975, n_days - 1) * np.sqrt(covariance[0, 0]))
        out.append((decile, len(net), part["ev_bps"].mean(), mean, mean - half, mean + half))
    names = ["decile", "n_rows", "ev_bps", "net_bps", "lo_bps", "hi_bps"]
    return pd.DataFrame(out, columns=names)
