"""Tables of scores: what is compared is compared on the same rows."""

import numpy as np
import pytest

from step3_assets.domain.report.reliability import ProbabilityScore
from step3_assets.domain.report.score_tables import probability_table


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
