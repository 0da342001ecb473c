"""Section: whether the probabilities were right."""

from step3_assets.domain.report import score_tables as tables
from step3_assets.domain.report.inputs import ReportInputs, score_outcomes
from step3_assets.domain.report.reliability import inner_scores, out_of_sample_scores
from step3_assets.domain.report.score_figures import reliability_figure
from step3_assets.domain.report.section import Blocks, Figure, Section

RELIABILITY = Figure(
    "reliability.png",
    "Reliability of the probabilities, raw and calibrated",
    lambda inputs, small: reliability_figure(
        inputs.reliability_bins,
        inputs.scores,
        inputs.events_outcomes,
        is_synthetic=inputs.is_synthetic,
        small=small,
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    n_bins = inputs.config.models.calibration.n_bins
    joined = score_outcomes(inputs.scores, inputs.events_outcomes)
    scores = [
        *inner_scores(inputs.model_metrics),
        *out_of_sample_scores(joined, inputs.model_metrics, n_bins),
    ]
    yield RELIABILITY.markdown()
    yield (
        "A calibrated probability lies on the dashed line. Inner out-of-fold rows lie before each "
        "test month and chose the calibrator; the test months chose nothing. When the Brier score "
        "is no better than the base rate's, the probabilities separate winners from losers no "
        "better than the share of winners does."
    )
    yield tables.probability_table(scores).markdown()
    yield (
        f"The expected calibration error (ECE) uses {n_bins} bins of equal width; inner "
        "out-of-fold it is the mean over folds. The plot bins the test months by equal count "
        "and leaves out bins with fewer than 20 rows."
    )


SECTION = Section(
    title="Reliability",
    order=90,
    question="Are the probabilities right?",
    write=_write,
    tables=("model_metrics", "reliability_bins", "scores", "events"),
    figures=(RELIABILITY,),
)
