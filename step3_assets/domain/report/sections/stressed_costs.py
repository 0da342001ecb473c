"""Section: the same decisions under higher costs."""

from step3_assets.domain.report import account_tables as account
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.cost_stress.empty:
        yield "No stressed costs were run."
        return
    yield (
        "Each row takes every decision again, gate and size, with all modelled costs multiplied "
        "by the factor. The models are the same."
    )
    yield account.cost_stress_table(inputs.cost_stress).markdown()


SECTION = Section(
    title="Stressed costs",
    order=40,
    question="Does the result survive higher costs?",
    write=_write,
    tables=("cost_stress",),
)
