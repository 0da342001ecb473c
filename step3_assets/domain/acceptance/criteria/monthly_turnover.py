"""The criterion ``monthly_turnover``: no fold exceeds the turnover limit."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.core.months import month_label
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, all_folds, extreme_month


def _find(tables: Tables, config: Step3Config) -> Finding:
    month, value = extreme_month(all_folds(tables), "turnover", lowest=False)
    return Finding(
        value,
        config.acceptance.max_monthly_turnover,
        f"Most traded month {month_label(month)}: {value:.1f} times the capital, both sides "
        f"counted.",
    )


CRITERION = Criterion(
    name="monthly_turnover",
    label="Monthly turnover",
    position=80,
    comparison="<=",
    number="ratio",
    asks="value traded in any fold, over capital, both sides counted",
    find=_find,
    setting="max_monthly_turnover",
)
