"""The search through Dagster: its rows, its trials, and where its settings are used."""

import json
from datetime import date

import pandas as pd
import pytest

from step3_assets.config import Step3Config
from step3_assets.defs.settings import load_settings
from step3_assets.domain.search.settings import SearchedSections, trading_hash, with_sections
from step3_assets.domain.statistics.trials import Trials
from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery

EPOCH = date(2021, 1, 1)
LAST = date(2021, 2, 1)
SEARCH = """
[config.search]
inner_months = 3
min_inner_months = 2
model_trials = 2
gate_trials = 4
model_batch = 2
gate_batch = 2
[config.search.space.n_rounds]
low = 3
high = 8
[config.search.space.min_data_in_leaf]
low = 10
high = 30
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation whose first epoch was searched; the walk-forward has not run."""
    folder = tmp_path_factory.mktemp("delivery")
    delivery = write_small_delivery(folder, start=START, n_months=26, events_per_month=12)
    place = Installation(tmp_path_factory.mktemp("search") / "home", delivery)
    toml = place.home / "step3.toml"
    toml.write_text(toml.read_text() + SEARCH)
    for job, first, last in (("ingest", START, LAST), ("search", EPOCH, EPOCH)):
        result = place.run(job, first, last)
        assert result.success, failure_text(result)
    return place


def switch_on(place: Installation) -> Step3Config:
    path = place.home / "step3.toml"
    text = path.read_text()
    if "is_enabled" not in text:
        path.write_text(text.replace("[config.search]", "[config.search]\nis_enabled=true"))
    return load_settings(place.home).config


def plant(place: Installation, tuned: Step3Config) -> None:
    """Put settings in force for the epoch, as if the search had chosen them."""
    row = place.store.read("tuned_params").assign(
        settings=json.dumps(SearchedSections.of(tuned).model_dump(mode="json")),
        config_hash=trading_hash(tuned),
    )
    place.store.replace_partitions({"tuned_params": row}, [EPOCH])


def test_every_trial_is_in_the_ledger(searched: Installation):
    trials = searched.store.read("trials")
    assert trials.groupby("level").size().to_dict() == {"allocation": 8, "gate": 4, "model": 2}
    assert set(trials["first_month"]) == {date(2020, 10, 1)}
    assert set(trials["last_month"]) == {date(2020, 12, 1)}
    assert [len(json.loads(text)) for text in trials["month_returns"]] == [3] * 14
    row = searched.store.read("tuned_params").iloc[0]
    assert (row["epoch"], row["last_month"], row["n_inner_months"]) == (EPOCH, date(2021, 6, 1), 3)


def test_a_second_search_adds_no_row_and_changes_none(searched: Installation):
    before = searched.store.table_hashes()
    assert searched.run("search", EPOCH).success
    after = searched.store.table_hashes()
    assert {t: after[t] for t in ("tuned_params", "trials")} == {
        t: before[t] for t in ("tuned_params", "trials")
    }


def test_the_inner_months_are_no_test_months_of_these_results(searched: Installation):
    """The epoch's inner months end before the first test month, so only the one shown counts."""
    ledger = searched.store.read("trials")
    assert Trials.from_ledger(ledger, {"shown"}, [FIRST_TEST, LAST]).n_trials == 1


def test_the_walk_forward_takes_an_epochs_settings_where_that_is_on(searched: Installation):
    base = load_settings(searched.home).config
    models = base.models.model_copy(update={"ev_struct": "barrier"})
    gate = base.gate.model_copy(update={"k": 0.7})
    plant(searched, with_sections(base, SearchedSections(models=models, gate=gate, size_frac=0.5)))

    models_only = ["folds", "calibrated_models"]
    assert searched.run("walk_forward", FIRST_TEST, LAST, assets=models_only).success
    stored = searched.store.read("calibrated_models")
    assert set(stored["config_hash"]) == {base.models.content_hash()}, "off by default"

    switch_on(searched)
    result = searched.run("walk_forward", FIRST_TEST, LAST)
    assert result.success, failure_text(result)
    stored, scores = (searched.store.read(t) for t in ("calibrated_models", "scores"))
    assert set(stored["config_hash"]) == {models.content_hash()}
    cost = scores.merge(searched.store.read("events"), on=["symbol", "decision_time_utc"])
    ratio = cost["ev_threshold"] / cost["cost_rt"]
    assert set(ratio.dropna().round(9)) <= {0.7, 1.05}
    before = searched.store.table_hashes()
    assert searched.run("walk_forward", LAST, LAST).success
    assert searched.store.table_hashes() == before, "a month alone is the same bits"
    result = searched.run("results", assets=["portfolio", "audit"])
    assert result.success, failure_text(result)
    audit = searched.store.read("audit").set_index("check")["is_passed"]
    assert audit["time_travel_models"]
    assert audit["time_travel_scores"]


def test_limits_and_shares_of_an_epoch_reach_fold_and_portfolio(searched: Installation):
    """Every event is let through; the epoch's symbol cap is what binds."""
    base = switch_on(searched)
    risk = base.risk.model_copy(update={"max_symbol_frac": 0.05})
    shares = base.allocation.model_copy(update={"method": "inverse_volatility"})
    plant(searched, with_sections(base, SearchedSections(risk=risk, allocation=shares)))
    months = [FIRST_TEST, LAST]
    for table in ("scores", "mock_baseline"):
        rows = searched.store.read(table).assign(is_gated=True, gate_reason="pass", size_frac=1.0)
        searched.store.replace_partitions({table: rows}, months)
    result = searched.run("walk_forward", FIRST_TEST, LAST, assets=["fold_backtests"])
    assert result.success, failure_text(result)
    result = searched.run("results", assets=["portfolio"])
    assert result.success, failure_text(result)
    compared = searched.store.read("allocation_comparison").set_index("method")["is_used"]
    assert list(compared[compared].index) == ["inverse_volatility"]
    trades = searched.store.read("portfolio_trades")
    largest = (trades["notional_usd"] / trades["equity_before_usd"]).groupby(trades["series"]).max()
    assert largest["platform"] == pytest.approx(0.05, rel=1e-12)
    assert largest["mock_baseline"] > 0.4, "what it is held against does not move with the search"
    folds = searched.store.read("fold_trades")
    assert folds["notional_usd"].max() < 0.051 * base.execution.initial_capital_usd


def test_settings_searched_from_others_are_refused(searched: Installation):
    switch_on(searched)
    path = searched.home / "step3.toml"
    text = path.read_text()
    path.write_text(text + "\n[config.gate]\nk = 0.9\n")
    result = searched.run("walk_forward", LAST, LAST, assets=["scores"])
    path.write_text(text)
    assert not result.success
    assert "run step3 optuna-search again" in failure_text(result)


def test_altered_settings_are_refused(searched: Installation):
    switch_on(searched)
    rows: pd.DataFrame = searched.store.read("tuned_params")
    text = rows["settings"].iloc[0].replace('"k": ', '"k": 1')
    searched.store.replace_partitions({"tuned_params": rows.assign(settings=text)}, [EPOCH])
    result = searched.run("walk_forward", LAST, LAST, assets=["scores"])
    assert not result.success
    assert "were altered" in failure_text(result)
