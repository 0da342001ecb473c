"""The criterion ``calmar_over_same_exposure``: Calmar beats buy-and-hold of the same size."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion, number_of, statistic
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables


def _find(tables: Tables, _config: Step3Config) -> Finding:
    row = statistic(tables, "calmar_gain_over_same_exposure")
    return Finding(number_of(row), 0.0, str(row["sentence"]))


CRITERION = Criterion(
    name="calmar_over_same_exposure",
    label="Calmar over buy-and-hold at the same exposure",
    position=167,
    comparison=">",
    number="fine_ratio",
    asks="Calmar above that of buy-and-hold scaled to the account's own mean exposure",
    find=_find,
)
