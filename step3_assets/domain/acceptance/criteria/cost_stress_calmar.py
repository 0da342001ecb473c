"""The criterion ``cost_stress_calmar``: the platform still makes money at higher costs."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.series import stress_series
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, metric_of


def _find(tables: Tables, config: Step3Config) -> Finding:
    factor = config.acceptance.cost_stress_factor
    value = metric_of(tables, stress_series(factor), "calmar")
    n_trades = metric_of(tables, stress_series(factor), "n_trades")
    return Finding(
        value,
        0.0,
        f"With costs times {factor:g} and every decision taken again, {n_trades:.0f} trades give "
        f"a Calmar of {value:.3f}; it must stay above 0.",
    )


CRITERION = Criterion(
    name="cost_stress_calmar",
    label="Cost stress, Calmar",
    position=90,
    comparison=">",
    number="fine_ratio",
    asks="Calmar above 0 with costs times `cost_stress_factor`, every decision taken again",
    find=_find,
    also=(("acceptance.cost_stress_factor", "lower"),),
)
