"""The criterion ``worst_month``: no month lost more than the limit."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.core.months import month_label
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    Tables,
    all_folds,
    extreme_month,
    series_of,
)


def _find(tables: Tables, config: Step3Config) -> Finding:
    """The worst month, both in the portfolio and in folds that each start with a flat account."""
    through = series_of(tables, "portfolio_months", PLATFORM)
    found = [
        (*extreme_month(rows, "return_frac", lowest=True), where)
        for rows, where in ((through, "the portfolio"), (all_folds(tables), "its own fold"))
    ]
    month, value, where = min(found, key=lambda row: row[1])
    return Finding(
        value,
        config.acceptance.catastrophic_month_frac,
        f"Worst month {month_label(month)} with {value:.2%} in {where}.",
    )


CRITERION = Criterion(
    name="worst_month",
    label="Worst month",
    position=50,
    comparison=">=",
    number="percent",
    asks="no month lost more than the limit, in the portfolio or in its own fold",
    find=_find,
    setting="catastrophic_month_frac",
)
