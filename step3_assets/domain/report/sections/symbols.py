"""Section: what each symbol contributed."""

from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if not inputs.symbols:
        yield "No symbol has a fold."
        return
    yield money.symbols_note(inputs.symbols)
    yield money.symbols_table(inputs).markdown()


SECTION = Section(
    title="Symbols",
    order=60,
    question="Which symbol earned what?",
    write=_write,
    tables=("scores", "portfolio_trades", "portfolio"),
)
