"""Tables of scores: what is compared is compared on the same rows."""

import numpy as np
import pytest

from step3_assets.domain.report.reliability import ProbabilityScore
from step3_assets.domain.report.score_tables import calibration_sentence, probability_table


def score(name: str, brier: float, n_rows: int = 100) -> ProbabilityScore:
    return ProbabilityScore("test months", name, n_rows, brier, 0.69, 0.01)


@pytest.mark.parametrize(
    ("model", "base", "text"),
    [
        (score("x", 0.2450), score("Base rate", 0.25), "0.0050 better"),
        (score("x", 0.2550), score("Base rate", 0.25), "0.0050 worse"),
        (score("x", 0.25), score("Base rate", 0.25), "0.0000 equal"),
        (score("x", 0.2450, n_rows=99), score("Base rate", 0.25), "not available"),
        (score("x", np.nan), score("Base rate", 0.25), "not available"),
        (score("x", 0.2450), score("Base rate", np.nan), "not available"),
        (score("x", 0.2450), score("another", 0.25), "not available"),
    ],
    ids=["better", "worse", "equal", "other rows", "no score", "no base rate", "no base row"],
)
def test_brier_is_held_against_the_base_rate_of_the_same_rows(model, base, text):
    table = probability_table([model, base])
    assert table.rows[0][4] == text


@pytest.mark.parametrize(
    ("raw", "calibrated", "text"),
    [
        (0.2355, 0.2387, "**Calibration made the probabilities worse in the test months**"),
        (0.2387, 0.2355, "Calibration made the probabilities better"),
        (0.25, 0.25, "Calibration changed nothing"),
        (0.25, np.nan, ""),
    ],
)
def test_the_page_says_whether_calibration_helped(raw: float, calibrated: float, text: str):
    scores = [score("Classifier, raw", raw), score("Classifier, calibrated", calibrated)]
    found = calibration_sentence(scores)
    assert found.startswith(text)
    assert bool(found) == bool(text)
