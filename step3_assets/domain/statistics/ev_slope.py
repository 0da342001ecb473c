"""Slope of realised net on ``ev_final``: did a higher expected value earn more?

Belongs here: the slope and its confidence interval. Does not belong here: deciles and drawing
(:mod:`step3_assets.domain.report.ev_calibration`).

Source: J. Mincer and V. Zarnowitz (1969), *The Evaluation of Economic Forecasts*: a calibrated
forecast has slope 1. Errors clustered by day (Liang and Zeger 1986).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.statistics.clustered import clustered_ols

MIN_ROWS = 30
MIN_DAYS = 10


@dataclass(frozen=True)
class EvSlope:
    """Slope of realised net on ``ev_final``: 1 means calibrated, 0 means no information.

    Parameters
    ----------
    slope, lo, hi : float
        Ordinary least squares with an interval clustered by UTC day of the decision; NaN below 30
        rows or 10 days, or when ``ev_final`` does not vary.
    n_rows, n_days : int
    level : float
        Two-sided level of the interval.
    """

    slope: float
    lo: float
    hi: float
    n_rows: int
    n_days: int
    level: float = 0.95


def ev_slope(joined: pd.DataFrame, level: float = 0.95) -> EvSlope:
    """Slope of realised ``net_logret`` on ``ev_final`` over final labels of test events.

    Parameters
    ----------
    joined : DataFrame
        ``decision_time_utc``, ``ev_final`` and ``net_logret`` (log returns); rows where one of the
        two is missing are left out.
    level : float
    """
    from scipy import stats

    rows = joined.loc[joined["ev_final"].notna() & joined["net_logret"].notna()]
    ev, net = (rows[c].to_numpy(dtype=np.float64) for c in ("ev_final", "net_logret"))
    days = utc_days(rows["decision_time_utc"])
    n_rows, n_days = len(rows), len(np.unique(days))
    if n_rows < MIN_ROWS or n_days < MIN_DAYS or np.ptp(ev) == 0.0:
        return EvSlope(
            slope=np.nan, lo=np.nan, hi=np.nan, n_rows=n_rows, n_days=n_days, level=level
        )
    # In units of the spread of ev, so that small values do not make the matrix singular.
    scale = float(np.std(ev))
    x = np.column_stack([np.ones(n_rows), ev / scale])
    beta, covariance = clustered_ols(x, net, days)
    slope, error = float(beta[1]) / scale, float(np.sqrt(covariance[1, 1])) / scale
    half = float(stats.t.ppf(0.5 + level / 2.0, n_days - 1)) * error
    return EvSlope(
        slope=slope, lo=slope - half, hi=slope + half, n_rows=n_rows, n_days=n_days, level=level
    )


def utc_days(stamps: pd.Series) -> np.ndarray:
    """UTC day of each stamp, as ``datetime64[D]``."""
    naive = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return naive.to_numpy(dtype="datetime64[us]").astype("datetime64[D]")
