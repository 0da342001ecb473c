"""Each rule on an account small enough to follow: 10,000 USD, no costs unless said otherwise."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.portfolio import RISK_EVENTS
from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.core.validation import find_problems
from step3_assets.domain.execution.ledger import LedgerResult, simulate
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.plugins.risk_rule import Account
from step3_assets.plugins.risk_rules.drawdown_kill import DrawdownKillSwitch
from step3_assets_tests.domain.execution.samples import (
    MONTH_END,
    MONTH_START,
    hour,
    make_bars,
    make_candidates,
)

DAY = 24  # bars are hourly; bar 0 starts 14:00 UTC, 9:00 in New York, and midnight is at bar 15


def run(
    bars, rows, allocation=None, end=MONTH_END, gross=1.0, schedule=None, **rules: Any
) -> LedgerResult:
    rows = [{"symbol": "AAA", "cost_rt": 0.0, **row} for row in rows]
    config = ExecutionConfig(max_gross_frac=gross)
    out = simulate(
        make_candidates(bars, rows),
        bars,
        start=MONTH_START,
        end=end,
        allocation=allocation or dict.fromkeys(sorted(set(bars["symbol"])), 1.0),
        config=config,
        risk=schedule or RiskConfig.off().model_copy(update=rules),
    )
    assert reconcile(out, config, bars) == []
    assert out.risk_events is not None
    assert find_problems(out.risk_events.assign(series="x")[RISK_EVENTS.names], RISK_EVENTS) == []
    return out


def told(out: LedgerResult) -> list[tuple[Any, ...]]:
    """Time, symbol, rule, action, threshold, value of every row."""
    assert out.risk_events is not None
    rows = out.risk_events[["time_utc", "symbol", "rule", "action", "threshold", "value"]]
    return [
        (time, symbol, rule, action, threshold, pytest.approx(value, abs=1e-12))
        for time, symbol, rule, action, threshold, value in rows.itertuples(index=False)
    ]


FALLING = make_bars(
    "AAA", [100, 100, 95, 88, 87, 86, 86, 90, 90], closes=[100, 95, 89, 87, *[86] * 5]
)


def test_the_kill_switch_flattens_at_the_next_open_and_stands_aside():
    rows = [{"t": 0, "exit": 7, "cost_rt": 0.002}, {"t": 4, "exit": 7}]
    out = run(FALLING, rows, kill_drawdown_frac=0.10)
    # 10,000 USD buy 99.9 shares at 100 and pay 0.1 %: 8,891 at the close of bar 2, 11.1 % below
    # 10,000 and known at hour 3. The next open is bar 3's, 88: not the label's 90.
    shares = 10_000.0 / 100.1
    fall = 1.0 - shares * 89.0 / 10_000.0
    trade = out.trades.iloc[0]
    assert (trade["exit_time_utc"], trade["exit_open"]) == (hour(3), 88.0)
    assert trade["exit_rule"] == "drawdown_kill"
    assert trade["cost_exit_usd"] == pytest.approx(0.001 * 88.0 * shares, rel=1e-12)
    assert trade["pnl_usd"] == pytest.approx(0.999 * 88.0 * shares - 10_000.0, rel=1e-12)
    assert list(out.decisions["status"]) == ["traded", "drawdown_kill"]
    assert told(out) == [
        (hour(3), "ALL", "drawdown_kill", "tripped", 0.10, fall),
        (hour(3), "AAA", "drawdown_kill", "forced_exit", 0.10, fall),
        (hour(5), "AAA", "drawdown_kill", "refused_entry", 0.10, fall),
    ]
    assert out.risk_events is not None
    assert out.risk_events["fill_time_utc"].tolist()[1] == hour(3)
    assert out.risk_events["decision_time_utc"].tolist()[1:] == [hour(0), hour(4)]
    assert out.equity["equity_usd"].iloc[-1] == pytest.approx(0.999 * 88.0 * shares, rel=1e-12)


def test_a_fall_of_exactly_the_threshold_does_not_trip():
    bars = make_bars("AAA", [100, 100, 90, 90, 95], closes=[100, 90, 90, 90, 95])
    assert told(run(bars, [{"t": 0, "exit": 4}], kill_drawdown_frac=0.10)) == []
    assert len(told(run(bars, [{"t": 0, "exit": 4}], kill_drawdown_frac=0.0999))) == 2


def test_an_exit_that_fills_at_the_next_open_anyway_is_not_forced():
    out = run(FALLING, [{"t": 0, "exit": 3}], kill_drawdown_frac=0.10)
    assert out.trades["exit_rule"].tolist() == ["label"]
    assert [row[3] for row in told(out)] == ["tripped"]


def test_the_kill_switch_arms_again_after_its_sessions_with_a_new_peak():
    # One bar a session at 14:00 UTC; decided on bar 1, filled a day later.
    opens = [100, 100, 100, 100, 100, 100, 92, 80, 80, 80]
    closes = [100, 100, 80, 80, 80, 80, 92, 80, 80, 80]
    hours = [DAY * i for i in range(10)]
    bars = make_bars("AAA", opens, closes, hours=hours)
    rows = [
        {"t": 0, "entry": DAY, "exit": 8 * DAY},
        *({"t": t * DAY, "entry": (t + 1) * DAY, "exit": 9 * DAY} for t in (3, 4, 5)),
    ]
    out = run(bars, rows, kill_drawdown_frac=0.15, rearm_sessions=3)
    # Trips at the close of session 2 (-20 %), leaves at 100 in session 3; sessions 3 and 4 are
    # stood aside, session 5 is the third after it: entered at 92 with a peak of 10,000, and a
    # close of 80 in session 7 is 13 % below: not enough to trip again.
    assert list(out.decisions["status"]) == ["traded", "drawdown_kill", "drawdown_kill", "traded"]
    assert out.trades["exit_rule"].tolist() == ["drawdown_kill", "label"]
    assert [row[3] for row in told(out)] == ["tripped", "forced_exit", *["refused_entry"] * 2]
    again = run(bars, rows, kill_drawdown_frac=0.12, rearm_sessions=3)
    assert [row[3] for row in told(again)].count("tripped") == 2


def test_after_the_kill_switch_the_peak_is_what_was_left():
    """Armed again at 89 % of the old peak, it trips at 10 % below that, not at once."""
    switch = DrawdownKillSwitch(Account(capital_usd=100.0, max_gross_frac=1.0))
    switch.set_limit(RiskConfig(kill_drawdown_frac=0.10, rearm_sessions=2))
    assert switch.mark(0, 100.0) is None
    assert switch.mark(1, 89.0) == (0.10, pytest.approx(0.11))
    assert [switch.mark(2, 85.0), switch.mark(3, 89.0), switch.mark(3, 81.0)] == [None] * 3
    assert switch.mark(4, 80.0) == (0.10, pytest.approx(9.0 / 89.0))


def test_the_session_stop_ends_the_session_and_not_the_next():
    # Bars 0 to 3 are one New York day, 15 on (midnight in New York is 5:00 UTC) the next.
    hours = [0, 1, 2, 3, 24, 25, 26]
    bars = make_bars(
        "AAA", [100, 100, 96, 97, 97, 97, 97], [100, 96, 97, 97, 97, 97, 97], hours=hours
    )
    rows = [
        {"t": 0, "exit": 26},
        {"t": 2, "exit": 25},
        {"t": 24, "exit": 26},
    ]
    out = run(bars, rows, session_loss_frac=0.03)
    # The close of bar 1 is 4 % below the 10,000 before the session; out at the open of bar 2.
    assert told(out) == [
        (hour(2), "ALL", "session_loss", "tripped", 0.03, 0.04),
        (hour(2), "AAA", "session_loss", "forced_exit", 0.03, 0.04),
        (hour(3), "AAA", "session_loss", "refused_entry", 0.03, 0.04),
    ]
    assert out.trades["exit_time_utc"].tolist() == [hour(2), hour(26)]
    assert list(out.decisions["status"]) == ["traded", "session_loss", "traded"]


def test_the_gap_over_night_counts_as_the_new_sessions_loss():
    bars = make_bars(
        "AAA", [100, 100, 95, 95, 95], [100, 100, 95, 95, 95], hours=[0, 1, 24, 25, 26]
    )
    out = run(bars, [{"t": 0, "exit": 26}], session_loss_frac=0.03)
    assert told(out)[0] == (hour(25), "ALL", "session_loss", "tripped", 0.03, 0.05)
    # Two sessions of 2.5 % each are not one of 5 %.
    slow = make_bars(
        "AAA", [100, 100, 97.5, 97.5, 95], [100, 97.5, 97.5, 95.1, 95], hours=[0, 1, 2, 25, 26]
    )
    assert told(run(slow, [{"t": 0, "exit": 26}], session_loss_frac=0.03)) == []


FLAT = make_bars("AAA", [10.0] * 12)


def test_minimum_holding_spaces_entries_and_holds_no_exit_up():
    rows = [{"t": 0, "exit": 2}, {"t": 1, "exit": 5}, {"t": 2, "exit": 5}, {"t": 4, "exit": 8}]
    out = run(FLAT, rows, min_holding_bars=3)
    # Entered at bar 1: bars 2 and 3 are one and two bars later, bar 5 is four.
    assert list(out.decisions["status"]) == ["traded", "min_holding", "min_holding", "traded"]
    assert out.trades["exit_time_utc"].tolist() == [hour(2), hour(8)]
    assert [row[2:] for row in told(out)] == [
        ("min_holding", "refused_entry", 3.0, 1.0),
        ("min_holding", "refused_entry", 3.0, 2.0),
    ]


def test_cooldown_counts_the_symbols_own_bars_from_its_exit():
    rows = [{"t": 0, "exit": 2}, {"t": 1, "exit": 5}, {"t": 2, "exit": 5}, {"t": 3, "exit": 8}]
    out = run(FLAT, rows, cooldown_bars=2)
    assert list(out.decisions["status"]) == ["traded", "cooldown", "cooldown", "traded"]
    assert [row[4:] for row in told(out)] == [(2.0, 0.0), (2.0, 1.0)]


def test_one_symbols_pace_is_not_the_others():
    bars = pd.concat([FLAT, make_bars("BBB", [10.0] * 12)])
    rows = [{"t": 0, "exit": 2}, {"symbol": "BBB", "t": 1, "exit": 4}, {"t": 2, "exit": 4}]
    out = run(bars, rows, {"AAA": 0.5, "BBB": 0.5}, cooldown_bars=2, min_holding_bars=2)
    assert list(out.decisions["status"]) == ["traded", "traded", "cooldown"]


def test_a_forced_exit_starts_the_cooldown_too():
    rows = [{"t": 0, "exit": 7}, {"t": 3, "exit": 7}]
    out = run(FALLING, rows, kill_drawdown_frac=0.10, rearm_sessions=1, cooldown_bars=4)
    assert out.decisions["status"].tolist() == ["traded", "drawdown_kill"]


@pytest.mark.parametrize(
    ("period", "hours", "statuses"),
    [
        # Two entries of 10,000 are 4.0 times the equity, a third would be 6.0.
        ("day", [0, 2, 4], ["traded", "traded", "turnover_day"]),
        ("day", [0, 2, 24], ["traded", "traded", "traded"]),  # the third is tomorrow's
        ("week", [0, 24, 48], ["traded", "traded", "turnover_week"]),  # Monday to Wednesday
        ("week", [0, 24, 7 * 24], ["traded", "traded", "traded"]),  # the third is next Monday
        ("month", [0, 240, 480], ["traded", "traded", "turnover_month"]),
    ],
)
def test_turnover_by_period(period, hours, statuses):
    bars = make_bars("AAA", [10.0] * 600)
    rows = [{"t": t, "exit": t + 2} for t in hours]
    out = run(bars, rows, None, MONTH_END, **{f"max_turnover_per_{period}": 5.0})
    assert list(out.decisions["status"]) == statuses
    if f"turnover_{period}" in statuses:
        assert [row[2:] for row in told(out)] == [(f"turnover_{period}", "refused_entry", 5.0, 6.0)]


def test_turnover_belongs_to_the_day_of_the_fill():
    bars = make_bars("AAA", [10.0] * 12, hours=[0, 1, 2, 3, 24, 25, 26, 27, 48, 49, 50, 51])
    rows = [
        {"t": 0, "exit": 2},
        {"t": 3, "entry": 24, "exit": 25},  # decided on the first day, filled on the second
        {"t": 25, "exit": 27},
    ]
    out = run(bars, rows, max_turnover_per_day=3.0)
    assert list(out.decisions["status"]) == ["traded", "traded", "turnover_day"]


def test_the_symbol_cap_trims_and_the_gross_cap_after_it():
    bars = pd.concat([make_bars(s, [10.0] * 4) for s in ("AAA", "BBB", "CCC")])
    rows = [{"symbol": s, "t": 0, "exit": 2} for s in ("AAA", "BBB", "CCC")]
    out = run(bars, rows, {"AAA": 0.7, "BBB": 0.7, "CCC": 0.7}, max_symbol_frac=0.5)
    assert list(out.trades["notional_usd"]) == [5_000.0, 5_000.0]
    assert list(out.trades["binding_cap"]) == ["symbol_cap", "gross_cap"]
    assert list(out.decisions["status"]) == ["traded", "traded", "gross_cap"]
    assert [row[1:] for row in told(out)] == [
        ("AAA", "symbol_cap", "trimmed_entry", 0.5, 0.7),
        ("BBB", "gross_cap", "trimmed_entry", 1.0, 1.2),
        ("CCC", "gross_cap", "refused_entry", 1.0, 1.7),
    ]


@pytest.mark.parametrize(
    ("asked", "gross", "expected"),
    [
        (0.5, 1.0, (5_000.0, 5_000.0)),
        (0.6, 1.0, (6_000.0, 4_000.0)),
        (0.995, 1.0, (9_950.0, None)),  # 50 USD of room: under 1 % of 9,950
        (0.99, 1.0, (9_900.0, 100.0)),
        (1.0, 0.4, (4_000.0, None)),
    ],
)
def test_the_gross_cap_leaves_room_or_none(asked, gross, expected):
    bars = pd.concat([make_bars(s, [10.0] * 4) for s in ("AAA", "BBB")])
    rows = [{"symbol": s, "t": 0, "exit": 2} for s in ("AAA", "BBB")]
    out = run(bars, rows, {"AAA": asked, "BBB": asked}, gross=gross)
    want = [usd for usd in expected if usd is not None]
    assert list(out.trades["notional_usd"]) == pytest.approx(want, rel=1e-12)
    n_trimmed = sum(row[3] == "trimmed_entry" for row in told(out))
    assert n_trimmed == sum(out.trades["binding_cap"] == "gross_cap")


def test_a_stop_cancels_an_entry_that_has_not_filled():
    # BBB has no bar between hours 1 and 6: what it decides at hour 1 waits until then.
    bars = pd.concat([FALLING, make_bars("BBB", [10.0] * 4, hours=[0, 6, 7, 8])])
    rows = [{"t": 0, "exit": 7}, {"symbol": "BBB", "t": 0, "entry": 6, "exit": 8}]
    out = run(bars, rows, {"AAA": 0.8, "BBB": 0.2}, kill_drawdown_frac=0.08)
    assert list(out.decisions["status"]) == ["traded", "drawdown_kill"]
    assert list(out.trades["symbol"]) == ["AAA"]
    assert [row[1:4] for row in told(out)] == [
        ("ALL", "drawdown_kill", "tripped"),
        ("AAA", "drawdown_kill", "forced_exit"),
        ("BBB", "drawdown_kill", "cancelled_entry"),
    ]


def test_marks_after_the_last_decision_are_watched_too():
    out = run(FALLING, [{"t": 0, "exit": 7}], end=hour(1.5), kill_drawdown_frac=0.10)
    assert out.trades["exit_rule"].tolist() == ["drawdown_kill"]
    assert np.isclose(out.equity["equity_usd"].iloc[-1], 8_800.0)
