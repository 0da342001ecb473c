"""Realised net return by decile of ``ev_final``.

Belongs here: realised net return against ``ev_final``, with intervals that do not treat trades of
one day as independent. Does not belong here: the slope
(:mod:`step3_assets.domain.statistics.ev_slope`), drawing.
"""

import numpy as np
import pandas as pd

from step3_assets.domain.statistics.clustered import clustered_ols

BPS = 1e4


def _known(joined: pd.DataFrame) -> pd.DataFrame:
    rows = joined.loc[joined["ev_final"].notna() & joined["net_logret"].notna()]
    return pd.DataFrame(
        {
            "ev_bps": rows["ev_final"] * BPS,
            "net_bps": rows["net_logret"] * BPS,
            "day": rows["decision_time_utc"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%d"),
        }
    )


def ev_deciles(joined: pd.DataFrame, n_bins: int = 10, *, level: float) -> pd.DataFrame:
    """Mean ``ev_final`` and mean realised net, by tenth of ``ev_final``.

    Returns
    -------
    DataFrame
        ``decile`` (1 is the lowest), ``n_rows``, ``ev_bps``, ``net_bps``, ``lo_bps``, ``hi_bps``
        (at `level`, clustered by day; NaN for fewer than two days). Empty when nothing is known.
    """
    from scipy import stats

    rows = _known(joined).sort_values("ev_bps", kind="stable", ignore_index=True)
    bins = min(n_bins, len(rows))
    rows["decile"] = np.arange(len(rows)) * bins // max(len(rows), 1) + 1
    out = []
    for decile, part in rows.groupby("decile"):
        net, days = part["net_bps"].to_numpy(), part["day"].to_numpy()
        mean, half, n_days = float(net.mean()), np.nan, len(set(days))
        if n_days > 1:
            _, covariance = clustered_ols(np.ones((len(net), 1)), net, days)
            half = float(stats.t.ppf(0.5 + level / 2, n_days - 1) * np.sqrt(covariance[0, 0]))
        out.append((decile, len(net), part["ev_bps"].mean(), mean, mean - half, mean + half))
    names = ["decile", "n_rows", "ev_bps", "net_bps", "lo_bps", "hi_bps"]
    return pd.DataFrame(out, columns=names)
