"""The ledger as a count: distinct configurations that met a test month."""

import json
from datetime import date

import pandas as pd
import pytest

from step3_assets.domain.statistics.trials import Trials

MONTHS = [date(2020, m, 1) for m in range(1, 7)]


def ledger(*rows: tuple) -> pd.DataFrame:
    """Rows of (epoch month, hash, first month, returns, state) of 2020."""
    return pd.DataFrame(
        [
            {
                "epoch": date(2020, epoch, 1),
                "config_hash": config,
                "first_month": date(2020, first, 1),
                "last_month": date(2020, first + len(returns) - 1, 1),
                "month_returns": json.dumps(returns),
                "state": state,
            }
            for epoch, config, first, returns, state in rows
        ]
    )


TRIED = ledger(
    (4, "default", 1, [0.01, 0.02, -0.01], "complete"),
    (4, "a", 1, [0.03, 0.00, 0.01], "complete"),
    (4, "b", 1, [-0.03], "pruned"),
    (7, "default", 4, [0.02, 0.01, 0.00], "complete"),
    (7, "c", 4, [0.01, 0.01, 0.02], "complete"),
    (7, "c", 4, [0.01, 0.01, 0.02], "complete"),
)


def test_the_same_configuration_counts_once_and_a_pruned_one_too():
    trials = Trials.from_ledger(TRIED, {"default"}, MONTHS)
    assert trials.is_recorded
    assert trials.n_trials == 4
    assert Trials.from_ledger(TRIED, {"default", "never tried"}, MONTHS).n_trials == 5


def test_returns_are_those_of_the_last_epoch_searched_on_these_months():
    returns = Trials.from_ledger(TRIED, {"default"}, MONTHS).monthly_returns
    assert returns is not None
    assert list(returns.columns) == ["default", "c"]
    assert list(returns.index) == MONTHS[3:]
    assert returns["c"].tolist() == [0.01, 0.01, 0.02]
    early = Trials.from_ledger(TRIED, {"default"}, MONTHS[:3])
    assert early.n_trials == 3, "c met none of these months"
    assert early.monthly_returns is not None
    assert list(early.monthly_returns.columns) == ["default", "a"]


def test_months_that_are_no_test_months_do_not_count():
    trials = Trials.from_ledger(TRIED, {"default"}, [date(2021, 1, 1), date(2021, 2, 1)])
    assert (trials.n_trials, trials.monthly_returns, trials.is_recorded) == (1, None, True)


def test_an_empty_ledger_is_none():
    assert Trials.from_ledger(TRIED.iloc[:0], {"default"}, MONTHS) == Trials()


def test_a_monthly_ratio_shrinks_by_the_root_of_the_observations_in_a_month():
    """Sharpe ratios grow with the root of time: 0.4 a month is 0.1 on a clock of 16 a month."""
    returns = pd.DataFrame({"a": [0.01, 0.03, -0.02, 0.04], "b": [0.02, -0.01, 0.0, 0.01]})
    monthly = returns.mean() / returns.std(ddof=1)
    found = Trials(2, returns, is_recorded=True).sharpes(16.0)
    assert found == pytest.approx((monthly / 4.0).to_list())
