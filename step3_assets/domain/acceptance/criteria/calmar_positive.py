"""The criterion ``calmar_positive``: the platform made money after costs."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, metric_of


def _find(tables: Tables, _config: Step3Config) -> Finding:
    value = metric_of(tables, PLATFORM, "calmar")
    word = "made money" if value > 0 else "made none"
    return Finding(
        value, 0.0, f"The platform {word} after costs (Calmar {value:.3f}): not trading scores 0."
    )


CRITERION = Criterion(
    name="calmar_positive",
    label="Calmar positive",
    position=20,
    comparison=">",
    number="fine_ratio",
    asks="Calmar above 0: a system that never trades scores 0, which may beat a losing baseline",
    find=_find,
)
