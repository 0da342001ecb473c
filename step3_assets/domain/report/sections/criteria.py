"""Section: each acceptance criterion, its value, its threshold and whether it passed."""

from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.acceptance.empty:
        yield "No criterion was evaluated, so nothing is promoted."
        return
    n_passed = int(inputs.acceptance["is_passed"].fillna(False).astype(bool).sum())
    n_all = fmt.plural(len(inputs.acceptance), "criterion", "criteria")
    yield f"{n_passed} of {n_all} passed. Promotion needs all."
    yield money.criteria_table(inputs.acceptance).markdown()


SECTION = Section(
    title="Criteria",
    order=10,
    question="Which acceptance criteria passed, and which held the system back?",
    write=_write,
    tables=("acceptance",),
)
