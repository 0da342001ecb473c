"""Section: how much of the result could be chance."""

from step3_assets.domain.report import evidence_tables as evidence
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.statistics.empty:
        yield "No statistic was computed."
        return
    level = inputs.config.statistics.level
    yield (
        "How much of the result could be chance. Confidence intervals are two-sided at "
        f"{level:.0%}. A statistic that cannot be computed says why, and its criterion fails."
    )
    yield evidence.expected_gain(inputs.statistics, inputs.portfolio)
    yield evidence.statistics_table(inputs.statistics, level).markdown()
    yield evidence.methods_table(inputs.statistics).folded("How each statistic is computed")


SECTION = Section(
    title="How much could be chance",
    order=20,
    question="Could luck alone explain the result?",
    write=_write,
    tables=("statistics", "portfolio"),
)
