"""Section: which data, code and settings made the page."""

from step3_assets.domain.report import score_tables as tables
from step3_assets.domain.report.canvas import MARK
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.text_table import escape


def _write(inputs: ReportInputs) -> Blocks:
    kind = f"**{MARK}** (simulated bars)" if inputs.is_synthetic else "as delivered"
    yield "\n".join(
        (
            f"- Data: {escape(inputs.dataset_note)}; {kind}.",
            f"- Data version: `{inputs.dataset_version}`",
            f"- Code version: `{inputs.code_version}`",
            f"- Configuration: `{inputs.config.content_hash()}`",
        )
    )
    table = tables.settings_table(inputs.config)
    if not table.rows:
        yield "Every setting has its documented default."
        return
    yield "Settings that differ from their defaults:"
    yield table.markdown()


SECTION = Section(
    title="Data and settings",
    order=200,
    question="Which data, code and settings made this page?",
    write=_write,
)
