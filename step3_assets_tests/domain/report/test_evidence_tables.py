"""What the page says of statistics and of the audit, word for word."""

from dataclasses import replace

from step3_assets.domain.report.evidence_tables import (
    audit_table,
    methods_table,
    statistics_table,
)
from step3_assets.domain.report.page import write_page
from step3_assets_tests.domain.report.frames import empty, make_inputs

INPUTS = make_inputs(n_months=2)


def test_a_statistic_has_its_interval_and_its_sentence():
    rows = statistics_table(INPUTS.statistics).rows
    assert rows[0] == (
        "Calmar", "0.214", "-0.310 to 1.020", "Calmar 0.214: not told from 0.",
    )  # fmt: skip
    assert rows[1][:3] == ("Probability of backtest overfitting", "not available", "")
    assert rows[2][1] == "-0.0012"
    assert methods_table(INPUTS.statistics).rows[0] == ("Calmar", "a \\| b")


def test_a_check_passes_or_fails():
    assert audit_table(INPUTS.audit).rows == (
        ("Known at", "PASS", "17 features, every one known at the decision."),
        ("Time travel models", "FAIL", "2019-11: lgbm\\_mean differs."),
    )


def test_both_stand_on_the_page_and_their_absence_is_said():
    page = write_page(INPUTS)
    assert "1 of 2 checks passed." in page
    assert "Intervals are two-sided at 90%" in page
    bare = write_page(replace(INPUTS, statistics=empty("statistics"), audit=empty("audit")))
    assert "No statistic was computed." in bare
    assert "has not been run on these results" in bare
