"""Each criterion of a statistic passes and fails when it should, and fails when unknown."""

import math

import numpy as np
import pytest

from step3_assets.config import AcceptanceConfig, Step3Config
from step3_assets.domain.acceptance.verdict import judge, verdict
from step3_assets_tests.domain.acceptance.test_verdict import CONFIG, criterion, passing_tables

ROW_OF = {
    "calmar_lower_bound": "calmar",
    "probabilistic_sharpe": "probabilistic_sharpe",
    "deflated_sharpe": "deflated_sharpe",
    "backtest_overfitting": "backtest_overfitting",
    "gate_permutation_p": "gate_permutation_p",
    "ev_slope_lower_bound": "ev_slope",
    "alpha_lower_bound": "alpha",
    "calmar_over_same_exposure": "calmar_gain_over_same_exposure",
}


def put(name: str, **values) -> dict:
    tables = passing_tables()
    rows = tables["statistics"].copy()
    for column, value in values.items():
        rows.loc[rows["name"] == name, column] = value
    return tables | {"statistics": rows}


@pytest.mark.parametrize(
    ("name", "values", "value", "threshold"),
    [
        ("calmar_lower_bound", {"lower": -0.01}, -0.01, 0.0),
        ("calmar_lower_bound", {"lower": 0.0}, 0.0, 0.0),
        ("probabilistic_sharpe", {"value": 0.949}, 0.949, 0.95),
        ("deflated_sharpe", {"value": 0.949, "n": 40}, 0.949, 0.95),
        ("backtest_overfitting", {"value": 0.51, "n": 40}, 0.51, 0.5),
        ("gate_permutation_p", {"value": 0.051}, 0.051, 0.05),
        ("ev_slope_lower_bound", {"lower": -0.2}, -0.2, 0.0),
        ("alpha_lower_bound", {"lower": 0.0}, 0.0, 0.0),
        ("alpha_lower_bound", {"lower": -0.02}, -0.02, 0.0),
        ("calmar_over_same_exposure", {"value": 0.0}, 0.0, 0.0),
        ("calmar_over_same_exposure", {"value": -0.3}, -0.3, 0.0),
    ],
)
def test_a_criterion_fails_on_its_own_fault(name, values, value, threshold):
    tables = put(ROW_OF[name], **values)
    row = criterion(tables, name)
    assert (row["is_passed"], row["value"], row["threshold"]) == (False, value, threshold)
    assert row["evidence"] == f"So it is said of {ROW_OF[name]}."
    assert verdict(judge(tables, CONFIG)) == f"PROMOTE NOTHING: failed {name}"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("probabilistic_sharpe", {"value": 0.95}),
        ("deflated_sharpe", {"value": 0.95}),
        ("backtest_overfitting", {"value": 0.5, "n": 2}),
        ("gate_permutation_p", {"value": 0.05}),
    ],
)
def test_a_value_at_its_threshold_passes(name, values):
    assert criterion(put(name, **values), name)["is_passed"]


@pytest.mark.parametrize("name", ROW_OF)
@pytest.mark.parametrize("how", ["no value", "no row", "two rows"])
def test_what_is_unknown_fails_and_says_why(name, how):
    if how == "no value":
        tables = put(ROW_OF[name], value=np.nan, lower=np.nan, n=7, sentence="Could not: dark.")
        said = "Could not: dark"
    else:
        tables = passing_tables()
        rows = tables["statistics"]
        own = rows["name"] == ROW_OF[name]
        kept = rows[~own] if how == "no row" else rows.loc[rows.index.repeat(1 + own)]
        tables["statistics"] = kept
        said = "statistics has 0 rows" if how == "no row" else "statistics has 2 rows"
    row = criterion(tables, name)
    assert row["is_passed"] is False
    assert math.isnan(row["value"])
    assert row["evidence"].startswith("Not evaluated, so not passed: ")
    assert said in row["evidence"]


def test_one_configuration_was_not_chosen_and_the_criterion_says_so():
    row = criterion(put("backtest_overfitting", sentence="Does not apply."), "backtest_overfitting")
    assert (row["is_passed"], row["value"], row["evidence"]) == (True, 0.0, "Does not apply.")


def test_many_configurations_without_a_pbo_fail():
    assert not criterion(put("backtest_overfitting", n=12), "backtest_overfitting")["is_passed"]


def test_intervals_stand_beside_their_criteria():
    row = criterion(passing_tables(), "calmar_lower_bound")
    assert (row["value"], row["lower"], row["upper"]) == (0.2, 0.2, 2.9)
    assert math.isnan(criterion(passing_tables(), "probabilistic_sharpe")["lower"])


def test_thresholds_are_settings():
    strict = AcceptanceConfig(min_probabilistic_sharpe=0.99, max_permutation_p=0.001)
    config = Step3Config(acceptance=strict)
    assert not criterion(passing_tables(), "probabilistic_sharpe", config)["is_passed"]
    assert not criterion(passing_tables(), "gate_permutation_p", config)["is_passed"]
