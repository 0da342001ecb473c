"""The text of the page about statistics and audit, word for word."""

from dataclasses import replace

import pandas as pd
import pytest

from step3_assets.domain.report.evidence_tables import (
    audit_table,
    expected_gain,
    methods_table,
    statistics_table,
)
from step3_assets.domain.report.page import write_page
from step3_assets_tests.domain.report.frames import empty, make_inputs

INPUTS = make_inputs(n_months=2)


def test_a_statistic_has_its_interval_and_its_sentence():
    rows = statistics_table(INPUTS.statistics, 0.9).rows
    assert rows[0] == (
        "Calmar", "0.214", "-0.310 to 1.020", "Calmar 0.214: not told from 0.",
    )  # fmt: skip
    assert rows[1][:3] == ("Probability of backtest overfitting", "does not apply", "")
    assert rows[2][1] == "-0.0012"
    assert methods_table(INPUTS.statistics).rows[0] == ("Calmar", "a \\| b")


def test_a_check_passes_or_fails():
    assert audit_table(INPUTS.audit).rows == (
        ("Known at", "PASS", "17 features, every one known at the decision."),
        ("Time travel models", "FAIL", "2019-11: mean differs."),
    )


def test_both_stand_on_the_page_and_their_absence_is_said():
    page = write_page(INPUTS)
    assert "1 of 2 checks passed." in page
    assert "Confidence intervals are two-sided at 90%" in page
    bare = write_page(replace(INPUTS, statistics=empty("statistics"), audit=empty("audit")))
    assert "No statistic was computed." in bare
    assert "has not been run on these results" in bare


@pytest.mark.parametrize(
    ("mock", "gain", "said"),
    [
        (0.5, (0.2, 0.11, 0.29), "It is. The gain is 0.20, or +40% of the mock's 0.50 (90% interv"),
        (0.5, (0.2, -0.1, 0.6), "interval includes no gain at all. The gain is 0.20, or +40%"),
        (0.5, (0.2, 0.01, 0.6), "above the mock's, but the interval does not say by how much."),
        (0.5, (0.9, 0.4, 1.6), "It is more. The gain is 0.90, or +180%"),
        (0.5, (-0.2, -0.6, 0.05), "It is not: the interval lies below."),
        (-0.1, (0.4, 0.1, 0.9), "no percentage of it. The difference is 0.40 (90% interval 0.10"),
        (None, (0.4, 0.1, 0.9), "cannot be answered: there is no mock baseline."),
        (0.5, (float("nan"),) * 3, "cannot be answered: Calmar less that of the mock."),
    ],
)
def test_the_plans_expectation_is_answered_with_a_number_and_an_interval(mock, gain, said):
    value, lower, upper = gain
    statistics = pd.DataFrame(
        [("calmar_gain_over_mock", value, lower, upper, 0.9, "Calmar less that of the mock.")],
        columns=["name", "value", "lower", "upper", "level", "sentence"],
    )
    series = [("platform", 0.7)] + ([] if mock is None else [("mock_baseline", mock)])
    portfolio = pd.DataFrame(series, columns=["series", "calmar"])
    assert said in expected_gain(statistics, portfolio)
