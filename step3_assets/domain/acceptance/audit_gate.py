"""The gate over table ``audit``: results that may have looked ahead are not promoted.

Belongs here: the audit as one gate. Does not belong here: a check
(:mod:`step3_assets.domain.audit`), the verdict (:mod:`step3_assets.domain.acceptance.verdict`).
"""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.statistical_gates import Gate
from step3_assets.domain.portfolio.stored_figures import Finding, MissingFigure, Tables, table_of


def _leakage_audit(tables: Tables, _config: Step3Config) -> Finding:
    from step3_assets.domain.audit.run import CHECKS, failed_checks

    audit = table_of(tables, "audit")
    if audit.empty:
        raise MissingFigure("the leakage audit has not been run on these results")
    failed = failed_checks(audit)
    sentence = f"All {len(CHECKS)} checks of the leakage audit passed."
    if failed:
        sentence = f"The leakage audit failed: {', '.join(failed)}."
    return Finding(float(len(failed)), 0.0, sentence)


AUDIT_GATES: dict[str, tuple[str, Gate]] = {"leakage_audit": ("==", _leakage_audit)}
