"""Section: whether recent data still looks like the data that trained the models."""

from step3_assets.domain.report import drift_tables as monitoring
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.drift_figures import outcomes_figure, psi_figure
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Figure, Section

FEATURES = Figure(
    "drift_features.png",
    "Heat map of feature stability by month",
    lambda inputs, small: psi_figure(inputs.drift, is_synthetic=inputs.is_synthetic, small=small),
)
OUTCOMES = Figure(
    "drift_outcomes.png",
    "Brier score, calibration error and EV slope by month",
    lambda inputs, small: outcomes_figure(
        inputs.drift, is_synthetic=inputs.is_synthetic, small=small
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    rows, config = inputs.drift, inputs.config.drift
    if rows.empty:
        yield "Nothing was monitored: materialize `drift`."
        return
    yield monitoring.state_sentence(rows)
    yield (
        f"At the close of each test month its last {fmt.plural(config.window_months, 'month')} "
        f"({config.ev_window_months} for the slope) are compared with the training window of the "
        "first model that scored them, which saw none of them. Outcomes count where the label "
        "was final at that close."
    )
    yield monitoring.newest_table(rows, config).markdown()
    yield (
        f"A metric without an interval warns when it exceeds a limit that chance alone exceeds in "
        f"{config.warn_rate:.0%} of months. The limit of a stability index (PSI) is at least "
        f"{config.psi_warn:g}, the usual rule, and higher for features that move slowly: as long a "
        "stretch of the training window differs from the rest of it by up to that much. A metric "
        "with an interval warns when the whole interval lies beyond the limit."
    )
    yield FEATURES.markdown()
    yield OUTCOMES.markdown()
    yield monitoring.features_table(rows).folded("Every feature in the newest month")
    yield monitoring.history_table(rows).markdown()
    yield (
        "Costs are watched only as far as bars show them: how far the price moves from the "
        "decision's close to the entry's open. Bars do not show spread, queue and impact."
    )


SECTION = Section(
    title="Monitoring",
    order=170,
    question="Does recent data still look like the training data?",
    write=_write,
    tables=("drift",),
    figures=(FEATURES, OUTCOMES),
)
