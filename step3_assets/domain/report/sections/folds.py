"""Section: what each fold trained on and what it dropped."""

from step3_assets.domain.report import score_tables as tables
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.score_figures import drop_reasons_figure
from step3_assets.domain.report.section import Blocks, Figure, Section, long_table

DROPS = Figure(
    "drop_reasons.png",
    "Training rows of each fold and rows dropped, by reason",
    lambda inputs, small: drop_reasons_figure(
        inputs.folds, is_synthetic=inputs.is_synthetic, small=small
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    if inputs.folds.empty:
        yield "There is no fold."
        return
    folds = inputs.config.folds
    yield (
        f"One fold per calendar month: a window of {folds.train_months} months before it, purged "
        "of labels that reach into it and embargoed by the longest horizon in the window. "
        f"{tables.n_dropped(inputs.folds):,} rows were dropped inside the windows, counted once "
        "per fold. *Month alone*: each fold's backtest starts its month without a position, so its "
        "trades are not those of the portfolio."
    )
    yield DROPS.markdown()
    yield tables.drops_table(inputs.folds).markdown()
    table = tables.folds_table(inputs)
    yield long_table(table, f"Every fold ({len(table.rows)})")


SECTION = Section(
    title="Folds",
    order=140,
    question="What did each month's models train on, and what was dropped?",
    write=_write,
    tables=("folds", "fold_backtests"),
    figures=(DROPS,),
)
