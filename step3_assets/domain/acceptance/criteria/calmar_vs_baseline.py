"""The criterion ``calmar_vs_baseline``: no baseline does better over the baseline's months."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.series import MOCK, PLATFORM, PUBLISHED
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    Tables,
    calmar_over_months_of,
    metric_of,
    table_of,
)


def _find(tables: Tables, _config: Step3Config) -> Finding:
    """Compare over the months of each baseline; the baseline with the smallest margin binds."""
    ours, baseline = metric_of(tables, PLATFORM, "calmar"), metric_of(tables, MOCK, "calmar")
    compared = [(ours - baseline, ours, baseline, MOCK)]
    phrases = [f"{MOCK} {baseline:.3f}"]
    if (table_of(tables, "portfolio")["series"] == PUBLISHED).any():
        baseline = metric_of(tables, PUBLISHED, "calmar")
        same, n_months = calmar_over_months_of(tables, PUBLISHED)
        span = "" if same == ours else f", where the platform has {same:.3f}"
        compared.append((same - baseline, same, baseline, PUBLISHED))
        phrases.append(
            f"{PUBLISHED} {baseline:.3f} over its {n_months} months, partly in-sample and marked "
            f"at month ends only{span}"
        )
    else:
        phrases.append("no published baseline in the delivery")
    _, value, threshold, binding = min(compared)
    return Finding(
        value,
        threshold,
        f"Out-of-sample Calmar {ours:.3f}, marked at every bar close, against "
        f"{'; '.join(phrases)}. {binding} binds.",
    )


CRITERION = Criterion(
    name="calmar_vs_baseline",
    label="Calmar vs baseline",
    position=10,
    comparison=">=",
    number="fine_ratio",
    asks="out-of-sample Calmar at least that of every baseline over the baseline's months; the "
    "sentence names the one that binds, and `mock_baseline` must be there",
    find=_find,
)
