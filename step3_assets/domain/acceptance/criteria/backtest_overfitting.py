"""The criterion ``backtest_overfitting``: choosing among configurations did not overfit."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion, number_of, statistic
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, finite


def _find(tables: Tables, config: Step3Config) -> Finding:
    """With a single trial nothing was chosen, so the probability of overfitting is 0."""
    row = statistic(tables, "backtest_overfitting")
    is_alone = finite(row["n"]) == 1.0 and finite(row["value"]) is None
    value = 0.0 if is_alone else number_of(row)
    return Finding(value, config.acceptance.max_pbo, str(row["sentence"]))


CRITERION = Criterion(
    name="backtest_overfitting",
    label="Backtest overfitting",
    position=140,
    comparison="<=",
    number="probability",
    asks="probability of backtest overfitting; 0 if only one configuration was ever run",
    find=_find,
    setting="max_pbo",
)
