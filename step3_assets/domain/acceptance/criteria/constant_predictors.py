"""The criterion ``constant_predictors``: the classifier predicts more than one number."""

import math
from datetime import date

import numpy as np

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    MissingMetric,
    Tables,
    finite,
    months_of_period,
    named_months,
    table_of,
)

CLASSIFIER = "classifier"
P_STD = "p_std"
MIN_P_STD = 1e-6
"""With a smaller standard deviation, the classifier predicts one number for every candidate."""
MIN_ROWS_FOR_STD = 20


def _find(tables: Tables, _config: Step3Config) -> Finding:
    months = months_of_period(tables)
    deviation = _lowest_deviations(tables)
    unknown = [m for m in months if m not in deviation]
    if unknown:
        raise MissingMetric(
            f"the spread of the predicted probabilities of {named_months(unknown)} is unknown"
        )
    constant = [m for m in months if not deviation[m] > MIN_P_STD]
    sentence = (
        f"Predicted probabilities deviate by at least {min(deviation[m] for m in months):.2g} "
        f"in each of {len(months)} folds."
    )
    if constant:
        sentence = (
            f"The classifier predicts one number, whatever it sees, in {named_months(constant)}."
        )
    return Finding(float(len(constant)), 0.0, sentence)


def _lowest_deviations(tables: Tables) -> dict[date, float]:
    """Lowest known standard deviation of the classifier's probabilities, by month.

    The values come from ``model_metrics`` (metric ``p_std``, out of fold) and from the scores of
    months that have enough of them.
    """
    metrics, scores = table_of(tables, "model_metrics"), table_of(tables, "scores")
    recorded = metrics[(metrics["head"] == CLASSIFIER) & (metrics["metric"] == P_STD)]
    found = list(zip(recorded["month"], recorded["value"], strict=True))
    for month in sorted(set(scores["month"])):
        p = scores.loc[(scores["month"] == month) & scores["p_raw"].notna(), "p_raw"]
        if len(p) >= MIN_ROWS_FOR_STD:
            found.append((month, float(np.std(p.to_numpy()))))
    lowest: dict[date, float] = {}
    for month, value in found:
        known = finite(value)
        if known is not None:
            lowest[month] = min(known, lowest.get(month, math.inf))
    return lowest


CRITERION = Criterion(
    name="constant_predictors",
    label="Constant predictors",
    position=70,
    comparison="==",
    number="tally",
    asks="the classifier's probabilities vary, out of fold and in every month with "
    f"{MIN_ROWS_FOR_STD} scores",
    find=_find,
)
