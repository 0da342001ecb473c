"""The criterion ``leakage_audit``: results that may have looked ahead are not promoted."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.stored_metrics import Finding, MissingMetric, Tables, table_of


def _find(tables: Tables, _config: Step3Config) -> Finding:
    from step3_assets.domain.audit.run import CHECKS, failed_checks

    audit = table_of(tables, "audit")
    if audit.empty:
        raise MissingMetric("the leakage audit has not been run on these results")
    failed = failed_checks(audit)
    sentence = f"All {len(CHECKS)} checks of the leakage audit passed."
    if failed:
        sentence = f"The leakage audit failed: {', '.join(failed)}."
    return Finding(float(len(failed)), 0.0, sentence)


CRITERION = Criterion(
    name="leakage_audit",
    label="Leakage audit",
    position=170,
    comparison="==",
    number="tally",
    asks="every check of the [leakage audit](audit.md) passed, on the data, settings and models "
    "that are stored now",
    find=_find,
    needs_store=True,
)
