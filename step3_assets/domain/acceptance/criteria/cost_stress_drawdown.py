"""The criterion ``cost_stress_drawdown``: the drawdown stays within its limit at higher costs."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.series import stress_series
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, metric_of


def _find(tables: Tables, config: Step3Config) -> Finding:
    factor = config.acceptance.cost_stress_factor
    value = metric_of(tables, stress_series(factor), "max_drawdown_frac")
    return Finding(
        value,
        config.acceptance.max_drawdown_frac,
        f"With costs times {factor:g} the deepest fall is {value:.2%} at bar closes.",
    )


CRITERION = Criterion(
    name="cost_stress_drawdown",
    label="Cost stress, drawdown",
    position=100,
    comparison="<=",
    number="percent",
    asks="deepest fall at bar closes with costs times `cost_stress_factor`",
    find=_find,
    also=(("acceptance.cost_stress_factor", "lower"),),
    setting="max_drawdown_frac",
)
