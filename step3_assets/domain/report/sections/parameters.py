"""Section: which settings the nested search chose, epoch by epoch."""

from step3_assets.domain.report import importance_tables as models
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section


def _write(inputs: ReportInputs) -> Blocks:
    rows, search = inputs.tuned_params, inputs.config.search
    if search.is_enabled:
        yield (
            "The months of an epoch run on the settings that its search chose on folds wholly "
            "before it. The best trial replaces the settings before it only where its objective "
            f"is higher by {search.min_gain:g} and the probability that luck makes the best of "
            f"all trials as good is at most {search.max_p_value:g} (maxT of Westfall and Young, "
            "over months)."
        )
    else:
        yield (
            "No search is in force: every month ran on the documented settings."
            + ("" if rows.empty else " What `step3 optuna-search` would choose:")
        )
    if rows.empty:
        return
    yield models.epochs_table(rows).markdown()
    yield "Settings of each epoch's best trial, in force or not:"
    yield models.params_table(rows).markdown()


SECTION = Section(
    title="Parameters across epochs",
    order=160,
    question="Which settings did the search choose, and when?",
    write=_write,
    tables=("tuned_params",),
)
