"""Section: which model version decides."""

from step3_assets.domain.report import evidence_tables as evidence
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.model_registry.empty:
        yield "No model is registered."
        return
    yield evidence.registry_table(inputs.model_registry).markdown()
    yield (
        "A new month's models run in the shadow first. `step3 registry promote` makes them "
        "champion only when every criterion and every check of the audit passed. "
        "`step3 registry list` shows every version."
    )


SECTION = Section(
    title="Model registry",
    order=190,
    question="Which model version decides?",
    write=_write,
    tables=("model_registry", "registry_transitions"),
)
