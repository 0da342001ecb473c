"""Input of the simulator: the join with events, and what is refused."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.execution.candidates import (
    CANDIDATE_COLUMNS,
    gated_candidates,
    prepare_orders,
)
from step3_assets.domain.execution.marking import LedgerError, MarkClock
from step3_assets_tests.domain.execution.samples import (
    MONTH_END,
    MONTH_START,
    hour,
    make_bars,
    make_candidates,
)

BARS = pd.concat([make_bars("AAA", [10.0] * 8), make_bars("BBB", [20.0] * 8)])
ROWS = [
    {"symbol": "BBB", "t": 0, "exit": 3},
    {"symbol": "AAA", "t": 0, "exit": 2},
    {"symbol": "AAA", "t": 4, "exit": 6, "maturity": "provisional"},
]


def events_and_decisions() -> tuple[pd.DataFrame, pd.DataFrame]:
    candidates = make_candidates(BARS, ROWS)
    events = candidates.drop(columns=["month", "size_frac"]).assign(extra=1)
    decisions = candidates[["month", "symbol", "decision_time_utc", "size_frac"]]
    return events, decisions.assign(is_gated=[True, False, True])


def orders(frame: pd.DataFrame, allocation=None):
    clock = MarkClock.from_bars(BARS)
    return prepare_orders(
        frame, clock, MONTH_START, MONTH_END, allocation or {"AAA": 0.5, "BBB": 0.25}
    )


def test_only_gated_decisions_become_candidates():
    events, decisions = events_and_decisions()
    out = gated_candidates(decisions, events)
    assert list(out.columns) == list(CANDIDATE_COLUMNS)
    assert list(out["symbol"]) == ["BBB", "AAA"]
    assert list(out["maturity"]) == ["final", "provisional"]
    assert list(out["entry_open"]) == [20.0, 10.0]


def test_no_gated_decision_gives_no_candidate():
    events, decisions = events_and_decisions()
    assert gated_candidates(decisions.assign(is_gated=False), events).empty
    assert gated_candidates(decisions.iloc[:0], events.iloc[:0]).empty


def test_a_gated_decision_without_an_event_is_named():
    events, decisions = events_and_decisions()
    with pytest.raises(LedgerError, match=r"none for gated decision.*BBB 2020-03-02 14:00"):
        gated_candidates(decisions, events[events["symbol"] == "AAA"])


@pytest.mark.parametrize("which", ["decisions", "events"])
def test_a_doubled_key_is_named(which):
    events, decisions = events_and_decisions()
    if which == "events":
        events = pd.concat([events, events.iloc[:1]])
    else:
        decisions = pd.concat([decisions, decisions.iloc[:1]])
    with pytest.raises(LedgerError, match=f"{which}: BBB 2020-03-02 14:00.*more than once"):
        gated_candidates(decisions, events)


def test_orders_run_by_instant_then_symbol():
    out = orders(make_candidates(BARS, ROWS))
    assert list(out.row) == [1, 0, 2]
    assert list(out.symbol) == [0, 1, 0]
    assert list(out.allocation) == [0.5, 0.25, 0.5]
    assert list(out.is_final) == [True, True, False]
    assert list(out.mark_row) == [0, 0, 4]
    # The exit at bar 2 is decided when bar 1 ends.
    assert out.exit_known_us[0] == instant_us(hour(2))


def test_a_share_may_change_by_month():
    frame = make_candidates(BARS, ROWS)
    by_month = {date(2020, 2, 1): {"AAA": 0.9}, date(2020, 3, 1): {"AAA": 0.1, "BBB": 0.2}}
    assert list(orders(frame, by_month).allocation) == [0.1, 0.2, 0.1]


@pytest.mark.parametrize(
    "allocation",
    [
        {"AAA": 0.5},
        {"AAA": 0.5, "BBB": float("nan")},
        {"AAA": 0.5, "BBB": -0.1},
        {date(2020, 2, 1): {"AAA": 0.5, "BBB": 0.5}},
        {date(2020, 3, 1): {"AAA": 0.5}},
    ],
)
def test_a_symbol_without_a_share_is_named(allocation):
    with pytest.raises(LedgerError, match=r"no share of equity for (BBB|AAA) in 2020-03-01"):
        orders(make_candidates(BARS, ROWS), allocation)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("size_frac", np.nan, "size_frac is not a share"),
        ("size_frac", -0.1, "size_frac is not a share"),
        ("cost_rt", np.nan, "cost_rt is not a cost"),
        ("cost_rt", -1e-4, "cost_rt is not a cost"),
        ("entry_open", 0.0, "no positive price"),
        ("exit_open", np.nan, "no positive price"),
        ("entry_time_utc", hour(0), "entry_time_utc lies before the decision instant"),
        ("exit_time_utc", hour(1), "exit_time_utc does not follow entry_time_utc"),
        ("exit_time_utc", pd.NaT, "exit_time_utc does not follow entry_time_utc"),
        ("decision_instant_utc", hour(0), "decision_instant_utc does not follow"),
        ("decision_time_utc", MONTH_END, "decision lies outside"),
        ("decision_time_utc", MONTH_START - pd.Timedelta(hours=1), "decision lies outside"),
    ],
)
def test_an_impossible_candidate_is_refused_with_its_key(column, value, message):
    frame = make_candidates(BARS, ROWS)
    frame.loc[0, column] = value
    with pytest.raises(LedgerError, match=f"{message}.*BBB"):
        orders(frame)


@pytest.mark.parametrize("column", ["cost_rt", "maturity", "month"])
def test_a_missing_column_is_named(column):
    with pytest.raises(LedgerError, match=f"column.*{column} missing"):
        orders(make_candidates(BARS, ROWS).drop(columns=[column]))


def test_a_doubled_candidate_is_refused():
    frame = make_candidates(BARS, ROWS)
    with pytest.raises(LedgerError, match=r"key is doubled.*BBB"):
        orders(pd.concat([frame, frame.iloc[:1]], ignore_index=True))


@pytest.mark.parametrize(
    ("missing_hour", "side"), [(1, "entry"), (3, "exit")], ids=["entry bar", "exit bar"]
)
def test_a_fill_without_its_bar_names_symbol_and_stamp(missing_hour, side):
    bars = BARS[~((BARS["symbol"] == "BBB") & (BARS["date"] == hour(missing_hour)))]
    stamp = hour(missing_hour).strftime("%Y-%m-%d %H:%M")
    with pytest.raises(LedgerError, match=f"BBB has no bar that starts at {stamp}.*{side}"):
        prepare_orders(
            make_candidates(BARS, ROWS),
            MarkClock.from_bars(bars),
            MONTH_START,
            MONTH_END,
            {"AAA": 0.5, "BBB": 0.5},
        )


def test_a_row_that_is_not_final_needs_no_outcome():
    frame = make_candidates(BARS, ROWS)
    frame.loc[2, ["entry_open", "cost_rt"]] = np.nan
    assert list(orders(frame).is_final) == [True, True, False]
