"""Brier score of recent outcomes against the out-of-fold score in training."""

from collections.abc import Iterator

from step3_assets.domain.monitoring.calibration import (
    RecentOutcomes,
    brier_against_training,
    calibration_line,
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
    compared = brier_against_training(
        found,
        n_lags=window.config.statistics.overlap_days,
        level=window.config.statistics.level,
        rates=window.rates,
    )
    yield calibration_line("brier", "Brier score", compared, len(found.rows), window.drift)


METRIC = DriftMetric(
    name="brier",
    position=2,
    label="Brier score",
    decimals=4,
    rows_setting="min_outcome_rows",
    row_noun="final labels",
    check="calibration",
    check_text="Probabilities are as good as they were out of fold in training.",
    recent="final labels of the last `window_months` (3)",
    reference="out-of-fold Brier score of each row's fold",
    warns="beyond chance, 1 %",
    errors="beyond chance, 0.1 %",
    measure=_measure,
    panel="Brier score",
)
