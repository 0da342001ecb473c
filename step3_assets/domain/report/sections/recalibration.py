"""Section: whether weekly recalibration or retraining helps."""

from step3_assets.domain.report import recalibration_tables as weekly
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    rows = inputs.recalibration_comparison
    if rows.empty:
        yield (
            "Weekly recalibration has not been run over whole calendar months. `step3 "
            "recalibrate` runs it and reports here what it is worth."
        )
        return
    yield weekly.answer(rows, inputs.config.statistics.level)
    yield weekly.comparison_table(rows).markdown()
    yield weekly.reasons_table(inputs.recalibrations, rows).markdown()
    yield (
        "The same events, decided again by the same gate, sizes and account. A week's models saw "
        "only labels final before the week's first session. No other section of this page uses "
        "them."
    )


SECTION = Section(
    title="Weekly recalibration",
    order=100,
    question="Does recalibrating or retraining every week help?",
    write=_write,
    tables=("recalibration_comparison", "recalibrations"),
)
