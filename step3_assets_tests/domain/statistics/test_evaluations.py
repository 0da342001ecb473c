"""Running the platform again with other settings is a trial, and counts as one."""

import json
from datetime import date

import pandas as pd
import pytest

from step3_assets.config import GateConfig, LightGBMConfig, ModelConfig, Step3Config
from step3_assets.domain.search.settings import trading_hash
from step3_assets.domain.statistics.evaluations import (
    LONGEST,
    Shown,
    configuration_hash,
    count_evaluations,
    evaluation_rows,
    span_of,
    with_run,
)
from step3_assets.domain.statistics.trials import Trials

MONTHS = [date(2020, m, 1) for m in range(1, 5)]
PLAIN = Step3Config()
BOLD = Step3Config(gate=GateConfig(k=0.0), models=ModelConfig(lightgbm=LightGBMConfig(n_rounds=7)))


def run_of(
    config: Step3Config, returns: list[float], months=MONTHS, version="1", span=LONGEST
) -> pd.DataFrame:
    table = pd.DataFrame(
        {"series": "platform", "month": months[: len(returns)], "return_frac": returns}
    )
    other = table.assign(series="mock_baseline", return_frac=9.0)
    settings = dict.fromkeys(months, config)
    return evaluation_rows(pd.concat([table, other]), settings, "data", version, span)


def counted(evaluations: pd.DataFrame, config: Step3Config = PLAIN, months=MONTHS) -> Trials:
    hash_ = configuration_hash(dict.fromkeys(months, config))
    return count_evaluations(Trials(), evaluations, Shown(hash_, "1", LONGEST, months))


@pytest.fixture
def plain() -> pd.DataFrame:
    return run_of(PLAIN, [0.01, -0.02, 0.03, 0.00])


def test_the_first_configuration_counts_once_however_often_it_is_run(plain):
    again = with_run(plain, run_of(PLAIN, [0.02, -0.02, 0.03, 0.00]))
    assert again["return_frac"].tolist() == [0.02, -0.02, 0.03, 0.00]
    trials = counted(again)
    assert (trials.n_trials, trials.is_recorded) == (1, True)
    assert trials.monthly_returns is None


def test_other_settings_and_other_code_count_each_and_bring_their_returns(plain):
    both = with_run(plain, run_of(BOLD, [0.05, 0.01, -0.01, 0.02]))
    newer = with_run(both, run_of(PLAIN, [0.00, 0.00, 0.01, 0.00], version="2"))
    trials = counted(newer)
    assert trials.n_trials == 3
    assert trials.monthly_returns is not None
    assert trials.monthly_returns.shape == (4, 3)
    assert trials.monthly_returns[f"{trading_hash(BOLD)}@1@longest"].tolist() == [
        0.05,
        0.01,
        -0.01,
        0.02,
    ]


def test_a_run_on_some_of_the_months_counts_without_returns(plain):
    part = with_run(plain, run_of(BOLD, [0.05, 0.01]))
    trials = counted(part)
    assert trials.n_trials == 2
    assert trials.monthly_returns is None


def test_other_spans_of_the_same_data_are_trials_whichever_months_they_met(plain):
    shorter = run_of(PLAIN, [0.01, -0.02], span="2020-01 to 2020-02")
    elsewhere = run_of(PLAIN, [0.05], months=[date(2024, 1, 1)], span="2024-01 to 2024-01")
    trials = counted(with_run(with_run(plain, shorter), elsewhere))
    assert trials.n_trials == 3
    assert trials.monthly_returns is None  # no other run has every month


def test_the_longest_span_is_one_trial_however_the_data_grow():
    first, last = date(2020, 1, 1), date(2020, 4, 1)
    assert span_of(MONTHS, (first, last)) == LONGEST
    assert span_of(MONTHS, (first, date(2020, 5, 1))) == "2020-01 to 2020-04"
    assert span_of(MONTHS[1:], (first, last)) == "2020-02 to 2020-04"


def test_the_search_s_own_trials_are_added_to_and_keep_their_returns(plain):
    searched = Trials(5, pd.DataFrame({"a": [0.1, 0.2], "b": [0.0, 0.1]}), is_recorded=True)
    both = with_run(plain, run_of(BOLD, [0.05, 0.01, -0.01, 0.02]))
    trials = count_evaluations(searched, both, Shown(trading_hash(PLAIN), "1", LONGEST, MONTHS))
    assert trials.n_trials == 6
    assert trials.monthly_returns is searched.monthly_returns


def test_what_differs_from_the_defaults_is_told():
    assert set(run_of(PLAIN, [0.1])["settings"]) == {"{}"}
    told = json.loads(run_of(BOLD, [0.1])["settings"].iloc[0])
    assert told == {"gate": {"k": 0.0}, "models": {"lightgbm": {"n_rounds": 7}}}


def test_settings_by_month_have_one_hash_of_their_own():
    mixed = {MONTHS[0]: PLAIN, MONTHS[1]: BOLD}
    assert configuration_hash(dict.fromkeys(MONTHS, BOLD)) == trading_hash(BOLD)
    assert configuration_hash(mixed) not in {trading_hash(PLAIN), trading_hash(BOLD)}
    assert configuration_hash(mixed) != configuration_hash({MONTHS[0]: BOLD, MONTHS[1]: PLAIN})
