"""Expected calibration error of recent outcomes against the out-of-fold error in training."""

from collections.abc import Iterator

from step3_assets.domain.monitoring.calibration import (
    RecentOutcomes,
    calibration_line,
    ece_against_training,
    recent_outcomes,
)
from step3_assets.domain.monitoring.line import Line
from step3_assets.domain.monitoring.metric import DriftMetric
from step3_assets.domain.monitoring.window import Window


def _measure(metric: DriftMetric, window: Window) -> Iterator[Line]:
    found = recent_outcomes(window)
    if not isinstance(found, RecentOutcomes):
        yield metric.not_enough(found.n_rows, window.drift, found.sentence)
        return
    compared = ece_against_training(
        found,
        n_bins=window.config.models.calibration.n_bins,
        n_draws=window.drift.n_draws,
        seed=window.drift.seed,
        rates=window.rates,
    )
    yield calibration_line("ece", "Calibration error", compared, len(found.rows), window.drift)


METRIC = DriftMetric(
    name="ece",
    position=3,
    label="Calibration error (ECE)",
    decimals=4,
    rows_setting="min_outcome_rows",
    row_noun="final labels",
    check="calibration",
    check_text="Probabilities are as good as they were out of fold in training.",
    recent="final labels of the last `window_months` (3)",
    reference="out-of-fold calibration error, and what calibrated probabilities show by chance",
    warns="beyond both, 1 %",
    errors="beyond both, 0.1 %",
    measure=_measure,
    panel="calibration error",
)
