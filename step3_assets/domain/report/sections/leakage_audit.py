"""Section: the checks of the leakage audit."""

from step3_assets.domain.report import evidence_tables as evidence
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.audit.empty:
        yield "The leakage audit has not been run on these results: `step3 audit` runs it."
        return
    n_passed = int(inputs.audit["is_passed"].fillna(False).astype(bool).sum())
    yield f"{n_passed} of {fmt.plural(len(inputs.audit), 'check')} passed."
    yield evidence.audit_table(inputs.audit).markdown()


SECTION = Section(
    title="Leakage audit",
    order=180,
    question="Did any number depend on something known only later?",
    write=_write,
    tables=("audit",),
)
