"""Slope of realised net on ``ev_final`` over recent outcomes."""

from collections.abc import Iterator

import numpy as np

from step3_assets.domain.monitoring.line import Line
from step3_assets.domain.monitoring.metric import DriftMetric
from step3_assets.domain.monitoring.window import Window
from step3_assets.domain.statistics.ev_slope import ev_slope

CALIBRATED_SLOPE = 1.0


def _measure(metric: DriftMetric, window: Window) -> Iterator[Line]:
    drift, rows = window.drift, window.outcomes_ev
    rows = rows[rows["ev_final"].notna()]
    if len(rows) < drift.min_ev_rows:
        yield metric.not_enough(len(rows), drift)
        return
    found = ev_slope(rows, window.config.statistics.level)
    if np.isnan(found.slope):
        text = f"Not enough yet: {found.undefined}."
        yield metric.not_enough(len(rows), drift, text)
        return
    at_warn_rate = ev_slope(rows, 1.0 - 2.0 * drift.warn_rate)
    state = "error" if at_warn_rate.hi < 0.0 else "warn" if at_warn_rate.hi < 1.0 else "quiet"
    reading = {
        "error": "candidates expected to earn more earned less",
        "warn": "differences in expected value are overstated",
        "quiet": "the interval does not exclude 1, the slope of a calibrated forecast",
    }[state]
    yield Line(
        metric="ev_slope",
        n_rows=found.n_rows,
        min_rows=drift.min_ev_rows,
        state=state,
        sentence=f"A candidate expected to earn 1 bp more earned {found.slope:.2f} bp more "
        f"({at_warn_rate.level:.0%} interval {at_warn_rate.lo:.2f} to {at_warn_rate.hi:.2f}): "
        f"{reading}.",
        value=found.slope,
        reference=CALIBRATED_SLOPE,
        lower=at_warn_rate.lo,
        upper=at_warn_rate.hi,
        threshold=CALIBRATED_SLOPE,
    )


METRIC = DriftMetric(
    name="ev_slope",
    position=4,
    label="EV calibration slope",
    decimals=2,
    rows_setting="min_ev_rows",
    row_noun="final labels",
    check="ev_slope",
    check_text="Candidates with a higher expected value still earn more.",
    recent="final labels of the last `ev_window_months` (12)",
    reference="1, the slope of a calibrated forecast",
    warns="surely below 1",
    errors="surely below 0",
    measure=_measure,
    panel="EV slope",
    warns_when="interval below",
)
