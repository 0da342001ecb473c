"""The table of monitoring: minimum samples, planted faults, and no look at later data."""

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.monitoring import DRIFT, DRIFT_METRICS
from step3_assets.config import DriftConfig, Step3Config
from step3_assets.domain.audit.checks.time_travel import change_future
from step3_assets.domain.core.months import add_months, month_range, month_start
from step3_assets.domain.core.validation import find_problems
from step3_assets.domain.monitoring import window as window_module
from step3_assets.domain.monitoring.table import drift_table
from step3_assets.domain.monitoring.window import NOT_YET, DriftInputs, closing_month
from step3_assets_tests.domain.models.training_frames import make_market

FIRST, TRAINED, N_TEST = date(2016, 1, 1), 24, 6
TEST_MONTHS = month_range(add_months(FIRST, TRAINED), add_months(FIRST, TRAINED + N_TEST - 1))
LAST = TEST_MONTHS[-1]
CONFIG = Step3Config(drift=DriftConfig(min_ev_rows=200, ev_window_months=6, n_draws=1000))


@cache
def market() -> DriftInputs:
    """Two years of training and six test months in which nothing changed."""
    events, bars = make_market(n_months=TRAINED + N_TEST, per_month=60, seed=4)
    rng = np.random.default_rng(5)
    bars = bars.assign(close=100.0 * np.exp(1e-4 * rng.standard_normal(len(bars))))
    keys = events.loc[events["month"] >= TEST_MONTHS[0], ["month", "symbol", "decision_time_utc"]]
    rate = float((events["net_logret"] > 0).mean())
    p = rate + 0.02 * rng.standard_normal(len(keys))
    scores = keys.assign(p_calibrated=p, ev_final=(p - rate) * 0.01)
    figures = {"brier": rate * (1 - rate), "ece": 0.01}
    metrics = pd.DataFrame(
        [
            (month, "classifier", "calibrated", metric, value, 2000)
            for month in TEST_MONTHS
            for metric, value in figures.items()
        ],
        columns=["month", "head", "stage", "metric", "value", "n_rows"],
    )
    starts = [month_start(add_months(m, -TRAINED)) for m in TEST_MONTHS]
    folds = pd.DataFrame({"month": TEST_MONTHS, "window_start_utc": starts})
    return DriftInputs(TEST_MONTHS, events, bars, scores, metrics, folds)


@cache
def quiet_table() -> pd.DataFrame:
    return drift_table(market(), CONFIG)


def loud(table: pd.DataFrame) -> set[tuple[str, str]]:
    rows = table[table["state"].isin(("warn", "error"))]
    return set(zip(rows["metric"], rows["feature"], strict=True))


def newest(table: pd.DataFrame, metric: str) -> pd.Series:
    rows = table[(table["month"] == LAST) & (table["metric"] == metric)]
    assert len(rows) == 1
    return rows.iloc[0]


def in_last_window(frame: pd.DataFrame) -> pd.Series:
    return frame["month"] > add_months(LAST, -CONFIG.drift.window_months)


def test_the_rows_are_those_of_the_catalogue():
    assert find_problems(quiet_table(), DRIFT) == []
    assert sorted(set(quiet_table()["month"])) == TEST_MONTHS


def test_every_metric_is_computed_and_quiet_when_nothing_changed():
    assert loud(quiet_table()) == set()
    last = quiet_table()[quiet_table()["month"] == LAST]
    assert set(last["state"]) == {"quiet"}
    assert set(last["metric"]) == set(DRIFT_METRICS)


def test_a_feature_that_shifts_is_found_and_no_other():
    events = market().events.copy()
    events.loc[in_last_window(events), "vol_z"] += 2.0
    found = loud(drift_table(replace(market(), events=events), CONFIG))
    assert found == {("psi", "vol_z")}


def test_probabilities_that_are_off_are_found():
    scores = market().scores
    off = scores.assign(p_calibrated=scores["p_calibrated"] + 0.3 * in_last_window(scores))
    table = drift_table(replace(market(), scores=off), CONFIG)
    assert newest(table, "brier")["state"] == newest(table, "ece")["state"] == "error"
    assert {metric for metric, _ in loud(table)} == {"brier", "ece"}


def test_expected_values_that_point_the_wrong_way_are_found():
    events, scores = market().events, market().scores
    net = events.set_index(["symbol", "decision_time_utc"])["net_logret"]
    keys = pd.MultiIndex.from_frame(scores[["symbol", "decision_time_utc"]])
    wrong = scores.assign(ev_final=-0.1 * net.loc[keys].to_numpy())
    table = drift_table(replace(market(), scores=wrong), CONFIG)
    assert newest(table, "ev_slope")["state"] == "error"
    assert loud(table) == {("ev_slope", "ALL")}


def test_a_run_up_before_entry_above_the_modelled_cost_is_found():
    events = market().events.copy()
    events.loc[in_last_window(events), "entry_open"] *= 1.0005
    table = drift_table(replace(market(), events=events), CONFIG)
    assert newest(table, "entry_shortfall")["state"] == "error"
    assert newest(table, "entry_shortfall")["value"] == pytest.approx(5.0, abs=0.2)
    assert newest(table, "entry_jump")["state"] == "error"


@pytest.mark.parametrize(
    ("setting", "metrics", "unit"),
    [
        ("min_feature_rows", ["psi"], "candidates"),
        ("min_outcome_rows", ["brier", "ece"], "final labels"),
        ("min_ev_rows", ["ev_slope"], "final labels"),
        ("min_cost_rows", ["entry_shortfall", "entry_jump"], "intraday entries"),
    ],
)
def test_a_metric_below_its_minimum_sample_says_so_and_no_more(setting, metrics, unit):
    config = CONFIG.model_copy(update={"drift": CONFIG.drift.model_copy(update={setting: 9_999})})
    table = drift_table(market(), config)
    short = table[table["metric"].isin(metrics)]
    assert set(short["state"]) == {"not_enough"}
    assert short[["value", "lower", "upper", "threshold"]].isna().all(axis=None)
    n = short["n_rows"].iloc[-1]
    assert short["sentence"].iloc[-1] == f"Not enough yet: {n} of 9999 {unit}."
    assert set(table.loc[~table["metric"].isin(metrics), "state"]) >= {"quiet"}


def test_too_few_weeks_are_not_enough_either():
    update = {"min_weeks": 99}
    config = CONFIG.model_copy(update={"drift": CONFIG.drift.model_copy(update=update)})
    row = newest(drift_table(market(), config), "ece")
    assert row["state"] == "not_enough"
    assert "of 99 weeks" in row["sentence"]


def test_a_fold_without_a_model_leaves_its_rows_out():
    scores = market().scores.assign(p_calibrated=np.nan, ev_final=np.nan)
    table = drift_table(replace(market(), scores=scores), CONFIG)
    assert newest(table, "brier")["n_rows"] == newest(table, "ev_slope")["n_rows"] == 0
    assert newest(table, "ece")["state"] == "not_enough"


def test_a_label_closes_with_the_month_that_holds_its_whole_horizon():
    bars = pd.DataFrame(
        {
            "symbol": "AAA",
            "month": [date(2020, 1, 1)] * 10 + [date(2020, 2, 1)] * 10,
            "bar_idx": range(20),
        }
    )
    events = pd.DataFrame({"symbol": "AAA", "t_idx": [4, 5, 14, 15, 4], "H": 3})
    events["maturity"] = ["final"] * 3 + ["provisional"] * 2
    # entry + H is bar t + 1 + H; the last but one bar of January is 8, of February 18.
    january, february = date(2020, 1, 1), date(2020, 2, 1)
    expected = [january, february, february, NOT_YET, NOT_YET]
    assert closing_month(events, bars).to_list() == expected


def with_another_future(kept: date) -> DriftInputs:
    """The market as it might have been, had everything after a month gone otherwise."""
    inputs = market()
    bars, scores, metrics = inputs.bars, inputs.scores, inputs.model_metrics
    p = scores["p_calibrated"]
    return replace(
        inputs,
        events=change_future(inputs.events, month_start(add_months(kept, 1)), seed=1),
        bars=bars.assign(close=bars["close"] * (1 + 0.1 * (bars["month"] > kept))),
        scores=scores.assign(p_calibrated=p.mask(scores["month"] > kept, 1 - p)),
        model_metrics=metrics.assign(value=metrics["value"] * (1 + (metrics["month"] > kept))),
    )


def test_later_data_change_no_earlier_month():
    kept = TEST_MONTHS[2]
    other = drift_table(with_another_future(kept), CONFIG)
    before, after = (t[t["month"] <= kept] for t in (quiet_table(), other))
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    assert not other.equals(quiet_table())


def test_using_labels_before_they_were_final_would_be_detected(monkeypatch):
    monkeypatch.setattr(window_module, "_known_by", lambda frame, month: frame)
    kept = TEST_MONTHS[2]
    tables = (drift_table(inputs, CONFIG) for inputs in (market(), with_another_future(kept)))
    before, after = (t.loc[t["month"] == kept, "value"] for t in tables)
    assert not before.equals(after)


def test_a_delivery_that_ends_with_the_month_gives_the_same_rows():
    kept = TEST_MONTHS[2]
    inputs = market()
    bars = inputs.bars[inputs.bars["month"] <= kept]
    events = inputs.events[inputs.events["month"] <= kept]
    last = events["symbol"].map(bars.groupby("symbol")["bar_idx"].max())
    is_cut = events["t_idx"] + 1 + events["H"] > last - 1
    assert is_cut.any()
    cut = DriftInputs(
        TEST_MONTHS[:3],
        events.assign(maturity=events["maturity"].mask(is_cut, "provisional")),
        bars,
        *(f[f["month"] <= kept] for f in (inputs.scores, inputs.model_metrics, inputs.folds)),
    )
    before = quiet_table()[quiet_table()["month"] <= kept]
    pd.testing.assert_frame_equal(drift_table(cut, CONFIG), before, check_exact=True)
