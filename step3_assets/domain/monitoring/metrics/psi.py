"""Population stability index of every feature: do candidates still look like training rows?"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from step3_assets.domain.monitoring.feature_shift import FeatureShift, feature_shifts
from step3_assets.domain.monitoring.line import Line, clamp_bound, state_above
from step3_assets.domain.monitoring.metric import DriftMetric
from step3_assets.domain.monitoring.window import Window


def _measure(metric: DriftMetric, window: Window) -> Iterator[Line]:
    drift, n_rows = window.drift, len(window.candidates)
    features = window.config.models.features
    if n_rows < drift.min_feature_rows or window.trained.empty:
        for name in features:
            yield replace(metric.not_enough(n_rows, drift), feature=name)
        return
    for shift in feature_shifts(window.candidates, window.trained, features, drift):
        yield _line(shift, n_rows, window)


def _line(shift: FeatureShift, n_rows: int, window: Window) -> Line:
    drift = window.drift
    warn = clamp_bound(drift.psi_warn, shift.warn_bound, drift.psi_certain)
    error = clamp_bound(drift.psi_error, shift.error_bound, drift.psi_certain)
    state = state_above(shift.psi, warn, error)
    usual = "" if np.isnan(shift.usual) else f" (as long a stretch of it: {shift.usual:.2f})"
    reading = "as in training" if state == "quiet" else "another population than trained the models"
    return Line(
        metric="psi",
        n_rows=n_rows,
        min_rows=drift.min_feature_rows,
        state=state,
        sentence=f"{shift.feature}: index {shift.psi:.2f} against training{usual}; {reading}.",
        feature=shift.feature,
        value=shift.psi,
        reference=shift.usual,
        threshold=warn,
    )


METRIC = DriftMetric(
    name="psi",
    position=1,
    label="Feature stability (PSI)",
    decimals=2,
    rows_setting="min_feature_rows",
    row_noun="candidates",
    check="psi",
    check_text="Features are distributed as in training.",
    recent="candidates of the last `window_months` (3) test months, one line for each feature",
    reference="the training window of the fold of the first of these, in deciles cut on it alone",
    warns="above 0.25 and above chance; above 4 always",
    errors="above 1 and above chance; above 4 always",
    measure=_measure,
    is_per_feature=True,
)
