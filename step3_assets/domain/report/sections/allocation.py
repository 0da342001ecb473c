"""Section: the same decisions under other divisions of capital."""

from step3_assets.domain.report import account_tables as account
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.allocation_comparison.empty:
        yield "No allocation was compared."
        return
    yield (
        "The same decisions under each allocation of capital among symbols. Weights are set at "
        "each month's start from data before it. The one in use was not chosen on these months."
    )
    yield account.allocation_table(inputs.allocation_comparison).markdown()
    yield account.weights_table(inputs.allocation_weights).markdown()


SECTION = Section(
    title="Allocation",
    order=50,
    question="Would another division of capital among symbols have done better?",
    write=_write,
    tables=("allocation_comparison", "allocation_weights"),
)
