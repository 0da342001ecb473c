"""How evenly the gain is spread over years: the share that is left without the best year."""

import math

import pandas as pd

from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import MissingMetric, series_of
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    months = series_of(results.tables, "portfolio_months", PLATFORM)
    years = pd.Series([month.year for month in months["month"]], index=months.index)
    gains = months["pnl_constant_usd"].astype("float64").groupby(years).sum()
    total, best = float(gains.sum()), gains.idxmax()
    if not (math.isfinite(total) and total > 0.0):
        raise MissingMetric("the account gained nothing, so there is no gain to divide among years")
    if len(gains) < 2:
        raise MissingMetric("the results lie in one calendar year")
    left = 1.0 - float(gains.max()) / total
    n_lost = int((gains < 0.0).sum())
    return StatisticRow(
        value=left,
        method="P&L of calendar years on a constant account",
        sentence=f"{int((gains > 0.0).sum())} of {len(gains)} calendar years gained and {n_lost} "
        f"lost; without {best}, the best, {left:.0%} of the gain is left.",
        n=len(gains),
    )


STATISTIC = Statistic(
    name="gain_without_best_year",
    position=13,
    label="Share of the gain left without the best year",
    decimals=2,
    says="how evenly the gain is spread over the years",
    method="P&L of each calendar year on an account of constant size; 1 minus the best year's "
    "share of the sum",
    limits="whether the gain will continue; the first and the last year may be incomplete",
    compute=_compute,
)
