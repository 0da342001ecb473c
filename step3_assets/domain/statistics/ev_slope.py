"""Slope of realised net return on ``ev_final``: did a higher expected value earn more?

Belongs here: the slope and its confidence interval. Does not belong here: deciles and drawing
(:mod:`step3_assets.domain.report.ev_calibration`).

A label may span more than a day, sometimes a weekend, and symbols share noise. All rows of two
weeks, over all symbols, therefore form one cluster, and the standard error is the jackknife over
these clusters. ``benchmarks/size.py`` measures the size of the test that the lower bound implies;
with days as clusters it would reject 8 % of null slopes at a nominal 5 %.

Sources: J. Mincer and V. Zarnowitz (1969), *The Evaluation of Economic Forecasts*: a calibrated
forecast has slope 1; the jackknife is that of :func:`.clustered.jackknife_ols`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import is_flat
from step3_assets.domain.statistics.clustered import jackknife_ols

NUMBERS = ("ev_final", "net_logret")
MIN_ROWS = 30
CLUSTER_WEEKS = 2
MIN_CLUSTERS = 6
"""Three months; with fewer clusters the jackknife estimates the error poorly."""


@dataclass(frozen=True)
class EvSlope:
    """Slope of realised net return on ``ev_final``: 1 means calibrated, 0 means no information.

    Parameters
    ----------
    slope, lo, hi : float
        Ordinary least squares with a confidence interval over clusters of two weeks; NaN if
        undefined.
    n_rows, n_days, n_clusters : int
        Number of rows, UTC days and clusters of two weeks.
    level : float
        Two-sided level of the interval.
    undefined : str
        Reason why there is no slope; empty if there is one.
    """

    slope: float
    lo: float
    hi: float
    n_rows: int
    n_days: int
    n_clusters: int
    level: float = 0.95
    undefined: str = ""


def ev_slope(joined: pd.DataFrame, level: float = 0.95) -> EvSlope:
    """Slope of realised ``net_logret`` on ``ev_final`` over final labels of test events.

    Parameters
    ----------
    joined : DataFrame
        ``decision_time_utc``, ``ev_final`` and ``net_logret`` (log returns); rows in which
        ``ev_final`` or ``net_logret`` is missing or not finite are left out.
    level : float
    """
    from scipy import stats

    columns = [joined[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in NUMBERS]
    is_known = np.isfinite(columns[0]) & np.isfinite(columns[1])
    ev, net = (column[is_known] for column in columns)
    days = utc_days(joined.loc[is_known, "decision_time_utc"])
    clusters = (days.astype("int64") + 3) // (7 * CLUSTER_WEEKS)
    counts = {
        "n_rows": len(ev),
        "n_days": len(np.unique(days)),
        "n_clusters": len(np.unique(clusters)),
        "level": level,
    }
    undefined = _why_undefined(ev, net, counts["n_clusters"])
    if undefined:
        return EvSlope(slope=np.nan, lo=np.nan, hi=np.nan, undefined=undefined, **counts)
    # Standardised, so that small values do not make the matrix singular.
    centre, scale = float(np.mean(ev)), float(np.std(ev))
    x = np.column_stack([np.ones(len(ev)), (ev - centre) / scale])
    try:
        beta, covariance = jackknife_ols(x, net, clusters)
    except np.linalg.LinAlgError:
        undefined = "expected values vary in one fortnight only"
        return EvSlope(slope=np.nan, lo=np.nan, hi=np.nan, undefined=undefined, **counts)
    slope, error = float(beta[1]) / scale, float(np.sqrt(covariance[1, 1])) / scale
    half = float(stats.t.ppf(0.5 + level / 2.0, counts["n_clusters"] - 1)) * error
    return EvSlope(slope=slope, lo=slope - half, hi=slope + half, **counts)


def _why_undefined(ev: np.ndarray, net: np.ndarray, n_clusters: int) -> str:
    if len(ev) < MIN_ROWS:
        return f"{len(ev)} events have an expected value and a final label; {MIN_ROWS} are needed"
    if n_clusters < MIN_CLUSTERS:
        return f"events lie in {n_clusters} fortnight(s); {MIN_CLUSTERS} are needed"
    if is_flat(ev):
        return "expected values do not vary"
    if is_flat(net):
        return "realised net does not vary"
    return ""


def utc_days(stamps: pd.Series) -> np.ndarray:
    """UTC day of each timestamp, as ``datetime64[D]``."""
    naive = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return naive.to_numpy(dtype="datetime64[us]").astype("datetime64[D]")
