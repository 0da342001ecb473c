"""The cost of entering, as far as bars show it, compared with the modelled cost.

Belongs here: intraday moves from the decision's close to the entry's open. Does not belong here:
spread, queue and impact, which bars do not show: the backtest and the shadow account fill at the
open by construction, and only real fills would show more.

Source: the move from decision price to fill is the delay part of the implementation shortfall
(A. Perold 1988, *The Implementation Shortfall: Paper versus Reality*). A label starts at the
entry's open, so the shortfall costs the backtest nothing; the half cost of one side should cover it
for a trader who is filled a moment later.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.config import StatisticsConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.statistics.clustered import mean_over_days
from step3_assets.domain.statistics.ev_slope import utc_days

BPS = 1e4


@dataclass(frozen=True)
class Bounded:
    """A mean with a one-sided lower confidence bound at each alarm rate.

    Parameters
    ----------
    value : float
    lower, upper : float
        Two-sided confidence interval.
    floors : tuple of float
        One-sided lower bound of the mean at each rate.
    """

    value: float
    lower: float
    upper: float
    floors: tuple[float, ...]


def entry_moves(events: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Intraday entries with their move from decision to entry and the modelled half cost.

    Parameters
    ----------
    events : DataFrame
        ``symbol``, ``decision_time_utc``, ``entry_open``, ``entry_overnight``, ``spread_half``,
        ``slip_half``. Overnight entries are left out: their gap is market risk, not delay.
    bars : DataFrame
        ``symbol``, ``date``, ``close`` of the decision bars.

    Returns
    -------
    DataFrame
        The columns of `events` and ``move_bps`` (``ln(entry_open / close)``; above 0 the long
        entry became dearer), ``half_cost_bps`` (``spread_half + slip_half``), ``jump_ratio``
        (``|move_bps| / half_cost_bps``). Known at the entry's open.
    """
    inside = events[(events["entry_overnight"] == 0) & events["entry_open"].notna()]
    closes = bars[["symbol", "date", "close"]].rename(columns={"date": "decision_time_utc"})
    rows = inside.merge(closes, on=EVENT_KEY, how="inner", validate="one_to_one")
    entry, close = (rows[c].to_numpy(dtype=np.float64) for c in ("entry_open", "close"))
    half = (rows["spread_half"] + rows["slip_half"]).to_numpy(dtype=np.float64) * BPS
    move = np.log(entry / close) * BPS
    return rows.assign(move_bps=move, half_cost_bps=half, jump_ratio=np.abs(move) / half)


def mean_with_floors(
    rows: pd.DataFrame, column: str, config: StatisticsConfig, rates: tuple[float, ...]
) -> Bounded:
    """Mean of dependent rows with its confidence bounds; errors as for the Brier score.

    Parameters
    ----------
    rows : DataFrame
        `column` and ``decision_time_utc``.
    column : str
    config : StatisticsConfig
        ``overlap_days`` (days over which rows depend on one another).
    rates : tuple of float
        One-sided alarm rates; the interval is that of the first, at both ends.
    """
    from scipy import stats

    days = utc_days(rows["decision_time_utc"])
    mean, error = mean_over_days(rows[column].to_numpy(), days, config.overlap_days)
    freedom = max(len(np.unique(days)) / (config.overlap_days + 1) - 1.0, 1.0)
    half = float(stats.t.isf(rates[0], freedom)) * error
    floors = tuple(mean - float(stats.t.isf(rate, freedom)) * error for rate in rates)
    return Bounded(value=mean, lower=mean - half, upper=mean + half, floors=floors)
