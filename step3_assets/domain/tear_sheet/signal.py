"""Measures of a score: rank information coefficient, its decay, deciles.

Belongs here: how the order of scores relates to the order of outcomes, and how fast scores change.
Does not belong here: whether an expected value is calibrated
(:mod:`step3_assets.domain.statistics.ev_slope`).
"""

import numpy as np
import pandas as pd

MIN_MONTH_ROWS = 20
HORIZONS = (1, 3, 6, 12, 24, 48)


def rank_ic(score: pd.Series, outcome: pd.Series) -> float:
    """Spearman's rank correlation of known pairs; NaN for fewer than three, or constants."""
    known = score.notna() & outcome.notna()
    if known.sum() < 3:
        return float("nan")
    x, y = score[known].rank().to_numpy(), outcome[known].rank().to_numpy()
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def monthly_rank_ic(rows: pd.DataFrame, score: str, outcome: str) -> pd.Series:
    """Rank IC of each month with at least 20 rows.

    Parameters
    ----------
    rows : DataFrame
        ``month`` and both columns.
    """
    by_month = {
        month: rank_ic(part[score], part[outcome])
        for month, part in rows.groupby("month")
        if len(part) >= MIN_MONTH_ROWS
    }
    return pd.Series(by_month, dtype="float64").dropna()


def forward_returns(
    events: pd.DataFrame, bars: pd.DataFrame, horizons: tuple[int, ...] = HORIZONS
) -> pd.DataFrame:
    """Log return from the close of the decision bar to the close of a later bar.

    Parameters
    ----------
    events : DataFrame
        ``symbol`` and ``decision_time_utc`` (the start of the decision bar).
    bars : DataFrame
        ``symbol, date, close``.
    horizons : tuple of int
        Bars ahead.

    Returns
    -------
    DataFrame
        One column a horizon, indexed as `events`; NaN where the bars end earlier.
    """
    out = pd.DataFrame(np.nan, index=events.index, columns=list(horizons))
    for symbol, part in events.groupby("symbol"):
        of_symbol = bars.loc[bars["symbol"] == symbol].sort_values("date")
        starts = pd.DatetimeIndex(of_symbol["date"])
        log_close = np.log(of_symbol["close"].to_numpy(dtype="float64"))
        at = starts.get_indexer(pd.DatetimeIndex(part["decision_time_utc"]))
        for horizon in horizons:
            ahead = at + horizon
            is_known = (at >= 0) & (ahead < len(log_close))
            values = np.full(len(part), np.nan)
            values[is_known] = log_close[ahead[is_known]] - log_close[at[is_known]]
            out.loc[part.index, horizon] = values
    return out


def decile_turnover(rows: pd.DataFrame, score: str, n_bins: int = 10) -> float:
    """Share of events whose tenth of `score` differs from that of the symbol's event before.

    Tenths are cut over all rows; with scores in random order the share is 90 %. NaN for fewer than
    ten rows.
    """
    known = rows.loc[rows[score].notna()].sort_values(["symbol", "decision_time_utc"])
    if len(known) < n_bins:
        return float("nan")
    rank = known[score].rank(method="first")
    tenth = ((rank - 1) * n_bins // len(known)).astype("int64")
    before = tenth.groupby(known["symbol"]).shift(1)
    moved = (tenth != before)[before.notna()]
    return float(moved.mean()) if len(moved) else float("nan")


def monotonicity(means: pd.Series) -> float:
    """Rank correlation of the number of a tenth with its mean outcome: 1 when every step rises."""
    return rank_ic(pd.Series(np.arange(len(means), dtype="float64")), means.reset_index(drop=True))
