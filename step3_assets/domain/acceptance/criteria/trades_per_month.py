"""The criterion ``trades_per_month``: there are enough trades to evaluate."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    Tables,
    metric_of,
    months_of_period,
    series_of,
)


def _find(tables: Tables, config: Step3Config) -> Finding:
    value = metric_of(tables, PLATFORM, "trades_per_month")
    n_trades, n_months = metric_of(tables, PLATFORM, "n_trades"), len(months_of_period(tables))
    held = series_of(tables, "portfolio_months", PLATFORM)["n_held"]
    n_empty = int((held == 0).sum())
    return Finding(
        value,
        config.acceptance.min_trades_per_month,
        f"{n_trades:.0f} trades in {n_months} calendar months, {n_empty} of them without one held.",
    )


CRITERION = Criterion(
    name="trades_per_month",
    label="Trades per month",
    position=40,
    comparison=">=",
    number="ratio",
    asks="mean over every calendar month, including months without trades",
    find=_find,
    setting="min_trades_per_month",
)
