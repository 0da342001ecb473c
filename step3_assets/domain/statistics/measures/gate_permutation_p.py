"""Probability that a random choice of trades does as well as the gate's."""

import math

import pandas as pd

from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_figures import MissingFigure, table_of
from step3_assets.domain.statistics.permutation import gate_null
from step3_assets.domain.statistics.results import BPS, Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def candidates_of(results: Results) -> pd.DataFrame:
    """Every candidate with a final label: its net in bps and whether the platform traded it."""
    decisions = table_of(results.tables, "portfolio_decisions")
    is_ours = (decisions["series"] == PLATFORM) & (decisions["status"] == "traded")
    traded = decisions.loc[is_ours, EVENT_KEY].assign(is_traded=True)
    candidates = results.scored.merge(traded, on=EVENT_KEY, how="left", validate="one_to_one")
    return candidates.assign(
        is_traded=candidates["is_traded"].notna(), net_bps=candidates["net_logret"] * BPS
    )


def _compute(results: Results) -> StatisticRow:
    settings = results.config.statistics
    found = gate_null(
        candidates_of(results),
        n_permutations=settings.n_permutations,
        level=settings.level,
        seed=settings.seed,
    )
    if math.isnan(found.p_value):
        raise MissingFigure("no trade, or none was chosen among others")
    return StatisticRow(
        value=found.p_value,
        method=f"{settings.n_permutations} draws by symbol and month",
        sentence=f"The trades made {found.net_bps:.1f} bps of log return on average; as many drawn "
        f"at random from the same symbols and months made {found.null_mean_bps:.1f} "
        f"({found.level:.0%} of draws {found.null_lower_bps:.1f} to {found.null_upper_bps:.1f}), "
        f"and did as well with probability {found.p_value:.3f}.",
        n=found.n_trades,
    )


STATISTIC = Statistic(
    name="gate_permutation_p",
    position=8,
    label="Gate against random choice, p",
    decimals=3,
    is_probability=True,
    says="how often random trades do as well",
    method="as many candidates drawn from the same symbol and month, mean net; "
    "p = (1 + as good) / (1 + draws), Phipson and Smyth 2010",
    limits="that the market was worth trading: a good month lifts both. Drawn trades may overlap "
    "where real ones may not, so the null is a little wide",
    compute=_compute,
)
