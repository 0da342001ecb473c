"""Probability that a random choice of trades does as well as the gate's."""

import math

import pandas as pd

from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import MissingMetric, table_of
from step3_assets.domain.statistics.permutation import gate_null
from step3_assets.domain.statistics.results import BPS, Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def candidates_of(results: Results) -> pd.DataFrame:
    """Every candidate with a final label: its net return in bps and whether it was traded."""
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
        raise MissingMetric(found.undefined)
    return StatisticRow(
        value=found.p_value,
        method=f"{settings.n_permutations} shifts of all trades by whole sessions, within years",
        sentence=f"The trades made {found.net_bps:.1f} bps of log return on average; the same "
        f"trades at other times of these years made {found.null_mean_bps:.1f} "
        f"({found.level:.0%} of shifts {found.null_lower_bps:.1f} to {found.null_upper_bps:.1f}), "
        f"and did as well with probability {found.p_value:.3f}.",
        n=found.n_trades,
    )


STATISTIC = Statistic(
    name="gate_permutation_p",
    position=8,
    label="Gate against random choice, p",
    decimals=3,
    is_probability=True,
    says="how often the same trades at other times do as well",
    method="the trades of all symbols shifted together by whole sessions, circularly within blocks "
    "of about twelve months; mean excess over the block divided by its standard error over weeks; "
    "p = (1 + as good) / (1 + draws), Phipson and Smyth 2010",
    limits="whether the market was worth trading: a good year raises both. Shifted trades may "
    "overlap although real ones may not, so the test is conservative for a gate that is nearly "
    "always in a trade",
    compute=_compute,
)
