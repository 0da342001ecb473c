"""Label arithmetic on stored rows, for the check of the table."""

import numpy as np
import pytest

from step3_assets.domain.delivery import label_arithmetic_problems, read_delivery
from step3_assets_tests.domain.delivery.mutation import copy_good


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    return read_delivery(copy_good(tmp_path_factory.mktemp("rules"), has_pending=True)).events


def test_consistent_labels_have_no_problem(events):
    assert "pending" in set(events["maturity"])
    assert label_arithmetic_problems(events) == []


@pytest.mark.parametrize(
    ("column", "amount", "blamed"),
    [
        ("exit_open", 0.01, ["gross_logret"]),
        ("entry_open", -0.01, ["gross_logret"]),
        ("gross_logret", 1e-8, ["gross_logret", "net_logret"]),
        ("net_logret", 1e-8, ["net_logret"]),
        ("net_logret", 1e-10, []),
        ("cost_rt", 1e-4, ["net_logret"]),
    ],
)
def test_returns_must_follow_from_prices_and_costs(events, column, amount, blamed):
    spoiled = events.copy()
    spoiled.loc[4, column] += amount
    problems = label_arithmetic_problems(spoiled)
    assert [problem.column for problem in problems] == blamed
    assert all(problem.rows == (4,) for problem in problems)
    assert all(str(events.loc[4, "decision_time_utc"]) in problem.message for problem in problems)


def test_y_is_the_sign_of_the_net_return(events):
    spoiled = events.assign(y=1 - events["y"])
    (problem,) = label_arithmetic_problems(spoiled)
    assert problem.column == "y"
    assert problem.n_rows == (events["maturity"] != "pending").sum()


def test_a_horizon_exit_that_was_cut_must_say_so(events):
    cut = np.flatnonzero((events["truncated_horizon"] == 1) & (events["exit_reason"] == "horizon"))
    assert len(cut)
    (problem,) = label_arithmetic_problems(events.assign(truncated_horizon=events["y"] * 0))
    assert problem.column == "label_end_idx"
    assert problem.rows == tuple(int(row) for row in cut[:5])
