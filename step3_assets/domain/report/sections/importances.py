"""Section: which features the models use."""

from step3_assets.domain.report import importance_tables as models
from step3_assets.domain.report.importance_figures import importance_figure
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Figure, Section, long_table

IMPORTANCES = Figure(
    "importances.png",
    "Heat map of each feature's share of gain by fold",
    lambda inputs, small: importance_figure(
        inputs.importances, is_synthetic=inputs.is_synthetic, small=small
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.importances.empty:
        yield "No fold has a model to look into."
        return
    yield IMPORTANCES.markdown()
    yield (
        "Gain is how much a feature's splits reduced the training loss. SHAP is the mean absolute "
        "contribution of a feature to the scores of the test month's candidates. Both say what "
        "the models use, not whether they are right to."
    )
    table = models.importance_table(inputs.importances)
    yield long_table(table, f"Every feature ({len(table.rows)})")


SECTION = Section(
    title="What the models look at",
    order=150,
    question="Which features drive the models?",
    write=_write,
    tables=("importances",),
    figures=(IMPORTANCES,),
)
