"""Whether the weights of training rows carry their outcomes.

Belongs here: the check of whatever weights training gives its rows. Does not belong here: how
training weighs (:func:`step3_assets.domain.models.training.weigh`).

A weight that is computed from labels that begin later, such as average uniqueness, is related to
what happened next: more candidates follow where the price rises. Losers then weigh more, and every
level is too low. Two tests, both clustered by week: the weighted level against the unweighted one,
and the correlation of weight and outcome.
"""

import numpy as np

from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS, Fold
from step3_assets.domain.models import training
from step3_assets.domain.models.head import TrainingRows

MAX_ABS_T = 4.0
"""One fold's chance of a false alarm is below one in ten thousand."""


def check_weights(inputs: AuditInputs) -> Evidence:
    """Weigh the training rows of sampled folds and compare weights with outcomes."""
    faults, n_rows = [], 0
    for month in inputs.sampled:
        fold = Fold(
            month,
            inputs.folds[inputs.folds["month"] == month],
            inputs.fold_members[inputs.fold_members["month"] == month],
        )
        first = add_months(month, -LOOK_BACK_MONTHS)
        inside = (inputs.events["month"] >= first) & (inputs.events["month"] <= month)
        rows = training.weigh(training.gather_training(inputs.events[inside], fold.members).rows)
        n_rows += len(rows.events)
        faults += [f"{month_label(month)}: {fault}" for fault in weight_faults(rows)]
    if faults:
        return Evidence(False, "; ".join(faults))
    return Evidence(True, f"The weights of {n_rows:,} training rows say nothing of their outcomes.")


def weight_faults(rows: TrainingRows) -> list[str]:
    """What is wrong with the weights of some training rows.

    Equal weights have no fault. Otherwise the difference of the weighted and the unweighted mean
    outcome is tested against its standard error, and so is the correlation: both are the same sum
    over rows, so one t serves for both.
    """
    weights, outcome = rows.weights, rows.scaled_gross
    if len(weights) < 2 or np.ptp(weights) <= 1e-12 * abs(float(weights.mean())):
        return []
    excess = weights / weights.mean() - 1.0
    scores = excess * (outcome - outcome.mean())
    days = rows.events["decision_time_utc"].dt.tz_localize(None)
    weeks = (days.to_numpy(dtype="datetime64[D]").astype(np.int64) + 3) // 7
    _, codes = np.unique(weeks, return_inverse=True)
    sums = np.bincount(codes, scores)
    error = float(np.sqrt((sums**2).sum()))
    t = float(sums.sum()) / error if error > 0 else 0.0
    if abs(t) <= MAX_ABS_T:
        return []
    weighted, plain = float(np.average(outcome, weights=weights)), float(outcome.mean())
    correlation = float(np.corrcoef(weights, outcome)[0, 1])
    return [
        f"weights carry the outcome: the weighted level is {weighted:.4f} of u_atr, the unweighted "
        f"{plain:.4f}; correlation {correlation:.2f}, t {t:.1f}"
    ]


CHECKS = (
    AuditCheck(
        name="weights_know_no_outcome",
        position=90,
        does="whatever weights training gives the rows of sampled folds: the weighted level "
        "equals the unweighted one and weights do not follow outcomes, within four "
        "standard errors by week",
        planted="uniqueness as a weight; weights tilted toward winners or losers",
        run=check_weights,
    ),
)
