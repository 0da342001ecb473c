"""The search of an epoch: blind to what follows, the same for any workers and after a kill."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import Step3Config
from step3_assets.domain.core.months import month_range, month_start
from step3_assets.domain.search import epoch_search
from step3_assets.domain.search.epoch_search import (
    EpochResult,
    OnBatch,
    Workplace,
    search_epoch,
)
from step3_assets.domain.search.evidence import adjusted_p_values
from step3_assets.domain.search.settings import settings_by_month
from step3_assets.domain.search.walk import search_all
from step3_assets.domain.statistics.trials import Trials
from step3_assets_tests.domain.search.search_frames import (
    DATA_START,
    EPOCH,
    SMALL,
    searched_market,
    small_epoch,
)


@pytest.fixture(scope="module")
def market() -> tuple[pd.DataFrame, pd.DataFrame]:
    """With candidates that look their best just before the epoch and end within it."""
    events, bars = searched_market()
    start = month_start(EPOCH)
    over_the_edge = (events["decision_instant_utc"] < start) & (events["exit_time_utc"] >= start)
    assert over_the_edge.sum() >= 2
    events.loc[over_the_edge, ["trend_score", "vol_z"]] = 2.0
    events.loc[over_the_edge, "entry_overnight"] = 0
    return events, bars


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def undisturbed(market, folder) -> EpochResult:
    return search(market, SMALL, Workplace(folder))


def search(
    market: tuple[pd.DataFrame, pd.DataFrame],
    config: Step3Config,
    place: Workplace,
    on_batch: OnBatch | None = None,
) -> EpochResult:
    """Search the small epoch."""
    return search_epoch(*market, small_epoch(), config, place, on_batch)


def same(left: EpochResult, right: EpochResult) -> bool:
    return left.tuned_params.equals(right.tuned_params) and left.trials.equals(right.trials)


def future_changed(market, *, shift: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Whatever became known at the epoch's start or later, changed."""
    events, bars = (frame.copy() for frame in market)
    start = month_start(EPOCH)
    late = ~(events["exit_time_utc"] < start)
    events.loc[late, ["net_logret", "gross_logret"]] += shift
    events.loc[late, "exit_open"] *= np.exp(shift)
    events.loc[late, "y"] = (events.loc[late, "net_logret"] > 0).astype(events["y"].dtype)
    after = events["decision_instant_utc"] > start
    events.loc[after, ["trend_score", "vol_z", "u_atr"]] *= 1.5
    is_late = bars["bar_end_utc"] > start
    bars.loc[is_late, ["open", "close", "low"]] *= np.exp(shift)
    return events, bars


def test_what_follows_the_epochs_start_changes_nothing(market, undisturbed, tmp_path):
    again = search(future_changed(market, shift=0.05), SMALL, Workplace(tmp_path))
    assert same(again, undisturbed)


def test_without_the_cut_the_same_change_is_seen(market, undisturbed, tmp_path, monkeypatch):
    """The planted fault: were the future not cut off, the test above would fail."""
    monkeypatch.setattr(epoch_search, "known_before", lambda events, bars, _: (events, bars))
    changed = future_changed(market, shift=0.05)
    leaking = search(changed, SMALL, Workplace(tmp_path))
    assert not leaking.trials["month_returns"].equals(undisturbed.trials["month_returns"])


def test_two_workers_choose_the_same(market, undisturbed, tmp_path):
    assert same(search(market, SMALL, Workplace(tmp_path, place=2)), undisturbed)


@pytest.mark.parametrize("level", ["model", "gate", "allocation"])
def test_killed_and_taken_up_it_ends_as_undisturbed(
    market, undisturbed, folder, tmp_path, monkeypatch, level
):
    """Dies in a level's second batch, or before its only one; forecasts are those of another."""
    place = Workplace(tmp_path)
    place.cache.folder.symlink_to(folder / "cache")
    batches = []

    def dies(told: str, count: int, best: float) -> None:
        batches.append(told)
        if batches.count(level) == (1 if level == "allocation" else 2):  # the first is the start
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(market, SMALL, place, dies)
    assert same(search(market, SMALL, place), undisturbed)


def test_forecasts_are_made_once(market, undisturbed, folder, monkeypatch):
    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr("step3_assets.domain.search.forecasts.forecast", refuse)
    (folder / "optuna.journal").unlink()
    assert same(search(market, SMALL, Workplace(folder)), undisturbed)


def test_every_trial_has_a_row_with_what_it_was_evaluated_on(undisturbed):
    trials = undisturbed.trials
    assert trials.groupby("level").size().to_dict() == {"allocation": 8, "gate": 10, "model": 4}
    assert trials["trial_id"].is_unique
    complete = trials[trials["state"] == "complete"]
    assert set(complete["last_month"]) == {small_epoch().inner[-1]}
    assert [len(json.loads(x)) for x in complete["month_returns"]] == [4] * len(complete)
    assert (trials["evaluated_on"].str.contains("2017-03 to")).all()


def test_the_best_gate_trials_and_the_base_are_tried_under_every_allocation(undisturbed):
    trials = undisturbed.trials.set_index(["level", "number"])
    gates, shares = trials.loc["gate"], trials.loc["allocation"]
    asked = [json.loads(text) for text in shares["params"]]
    ranked = gates.drop(index=0)["objective"].sort_values(ascending=False, kind="stable")
    numbers = [0, *ranked.index[:3]]
    assert [(p["gate"], p["allocation"]) for p in asked] == [
        (n, method) for n in numbers for method in ("inverse_volatility", "calmar")
    ]
    # Three months hold no year of history: Calmar weights are equal, and so is all else.
    seeking = [i for i, p in enumerate(asked) if p["allocation"] == "calmar"]
    assert list(shares.iloc[seeking]["objective"]) == list(gates.loc[numbers, "objective"])


def test_the_choice_is_the_best_trading_trial(undisturbed):
    trials, row = undisturbed.trials, undisturbed.tuned_params.iloc[0]
    gates = trials[trials["level"] != "model"].reset_index(drop=True)
    best = gates.loc[gates["objective"].idxmax()]
    assert row["objective"] == best["objective"] > row["default_objective"]
    assert row["config_hash"] == best["config_hash"]
    switched = SMALL.search.model_copy(update={"is_enabled": True})
    config = SMALL.model_copy(update={"search": switched})
    months = [EPOCH, *small_epoch().inner]
    by_month = settings_by_month(config, undisturbed.tuned_params, months)
    assert by_month[EPOCH].models.content_hash() == best["models_hash"]
    assert by_month[small_epoch().inner[0]] == config, "months before it keep the base"
    off = settings_by_month(SMALL, undisturbed.tuned_params, months)
    assert set(map(id, off.values())) == {id(SMALL)}


def test_too_small_a_gain_keeps_the_documented_settings(market, undisturbed, folder):
    settings = SMALL.search.model_copy(update={"min_gain": 1e6})
    config = SMALL.model_copy(update={"search": settings})
    place = Workplace(folder)
    row = search(market, config, place).tuned_params.iloc[0]
    assert row["is_default"]
    assert row["config_hash"] == row["base_hash"]


def test_a_gain_that_luck_gives_keeps_the_documented_settings(market, undisturbed, folder):
    """Four months cannot show less than one in sixteen, however large the gain."""
    settings = SMALL.search.model_copy(update={"max_p_value": 0.06})
    config = SMALL.model_copy(update={"search": settings})
    row = search(market, config, Workplace(folder)).tuned_params.iloc[0]
    assert row["is_default"]
    assert row["config_hash"] == row["base_hash"]
    assert row["p_value"] >= 1 / 16
    assert row["objective"] == undisturbed.tuned_params.iloc[0]["objective"]


def test_the_scores_in_the_ledger_give_the_p_value_again(undisturbed):
    trials, row = undisturbed.trials, undisturbed.tuned_params.iloc[0]
    complete = trials[trials["state"] == "complete"].reset_index(drop=True)
    scores = np.array([json.loads(x) for x in complete["month_scores"]]).T
    default = scores[:, complete["level"].eq("model") & complete["number"].eq(0)][:, 0]
    p_values = adjusted_p_values(scores, default, SMALL.search.seed)
    chosen = complete["config_hash"] == row["config_hash"]
    assert set(p_values[chosen]) == {row["p_value"]}


def test_a_trial_behind_the_others_is_given_up_and_counts(market, folder):
    """With the median of a first batch to beat, some trial of eight falls behind."""
    settings = SMALL.search.model_copy(
        update={"model_trials": 8, "gate_trials": 1, "pruning_months": 1}
    )
    config = SMALL.model_copy(update={"search": settings})
    found = search(market, config, Workplace(folder)).trials
    pruned = found[found["state"] == "pruned"]
    assert len(pruned) >= 1
    assert (pruned["last_month"] < small_epoch().inner[-1]).all()
    months = list(small_epoch().inner)
    counted = Trials.from_ledger(found, {"shown"}, months)
    assert counted.n_trials == found["config_hash"].nunique() + 1
    complete = found[found["state"] == "complete"]["config_hash"].nunique()
    assert counted.monthly_returns is not None
    assert counted.monthly_returns.shape == (4, complete)


def test_a_walk_forward_is_searched_epoch_by_epoch(market, undisturbed, folder):
    """The first half of 2017 has no inner month with a year before it; the second is searched."""
    place = Workplace(folder)
    events, bars = market
    months = month_range(date(2017, 3, 1), date(2017, 8, 1))
    tuned, trials = search_all(events, bars, months, DATA_START, SMALL, place)
    assert list(tuned["epoch"]) == [EPOCH]
    assert trials.equals(undisturbed.trials)
    none, empty = search_all(events, bars, months[:3], DATA_START, SMALL, place)
    assert none.empty
    assert Trials.from_ledger(empty, {"shown"}, months[:3]) == Trials()
