"""Limits that change while an account runs: the state of the rules continues."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from step3_assets.config import RiskConfig
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.months import month_range
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.domain.risk.engine import RiskEngine
from step3_assets.domain.risk.schedule import RiskSchedule
from step3_assets.plugins.risk_rule import Account, EntryRequest
from step3_assets.plugins.risk_rules import drawdown_kill
from step3_assets_tests.domain.execution.samples import hour, make_bars
from step3_assets_tests.domain.execution.test_ledger_properties import (
    N_BARS,
    World,
    assert_same,
    worlds,
)
from step3_assets_tests.domain.risk.test_rule_properties import FEW, events_of, rule_sets
from step3_assets_tests.domain.risk.test_rules_by_hand import DAY, run, told

OFF = RiskConfig.off()


def changes(*steps: tuple[float, dict[str, Any]]) -> RiskSchedule:
    """Settings from the start, then others after each hour."""
    configs = tuple(OFF.model_copy(update=limits) for _, limits in steps)
    return RiskSchedule(configs, tuple(instant_us(hour(at)) for at, _ in steps[1:]))


def test_months_with_equal_settings_are_one_stretch():
    months = month_range(date(2021, 1, 1), date(2021, 6, 1))
    tight = RiskConfig(session_loss_frac=0.01)
    schedule = RiskSchedule.by_month(RiskConfig(), months, {months[2]: tight, months[3]: tight})
    assert schedule.configs == (RiskConfig(), tight, RiskConfig())
    assert schedule.from_us == tuple(
        instant_us(hour(0).normalize().replace(year=2021, month=m, day=1)) for m in (3, 5)
    )


def kill_switch_over_a_boundary() -> None:
    # As in the test of its re-arm rule: one bar a session, 100 shares of 100. The close of session
    # 2 is 20 % below the peak; out at 100 in session 3, stood aside for sessions 3 and 4.
    opens = [100, 100, 100, 100, 100, 100, 92, 80, 80, 80]
    closes = [100, 100, 80, 80, 80, 80, 92, 80, 80, 80]
    bars = make_bars("AAA", opens, closes, hours=[DAY * i for i in range(10)])
    rows = [
        {"t": 0, "entry": DAY, "exit": 8 * DAY},
        *({"t": t * DAY, "entry": (t + 1) * DAY, "exit": 9 * DAY} for t in (3, 4, 5)),
    ]
    # Within session 3 other settings come: 12 % and one session aside.
    schedule = changes(
        (0, {"kill_drawdown_frac": 0.15, "rearm_sessions": 3}),
        (3 * DAY + 0.5, {"kill_drawdown_frac": 0.12, "rearm_sessions": 1}),
    )
    out = run(bars, rows, schedule=schedule)
    # What was begun is stood aside to its end, under the limit that was broken. Entered at 92 in
    # session 6 on a new peak of 10,000; the close of 80 in session 7 is 13 % below, and trips.
    assert list(out.decisions["status"]) == ["traded", "drawdown_kill", "drawdown_kill", "traded"]
    fall = 1 - 80 / 92
    assert told(out) == [
        (hour(2 * DAY + 1), "ALL", "drawdown_kill", "tripped", 0.15, 0.2),
        (hour(2 * DAY + 1), "AAA", "drawdown_kill", "forced_exit", 0.15, 0.2),
        (hour(3 * DAY + 1), "AAA", "drawdown_kill", "refused_entry", 0.15, 0.2),
        (hour(4 * DAY + 1), "AAA", "drawdown_kill", "refused_entry", 0.15, 0.2),
        (hour(7 * DAY + 1), "ALL", "drawdown_kill", "tripped", 0.12, fall),
        (hour(7 * DAY + 1), "AAA", "drawdown_kill", "forced_exit", 0.12, fall),
    ]


def test_a_period_stood_aside_outlasts_the_settings_it_began_under():
    kill_switch_over_a_boundary()


def test_a_rule_that_starts_anew_with_its_settings_is_caught(monkeypatch):
    """The planted fault: a boundary that forgets peak and period stood aside."""

    def forgets(self, config: RiskConfig) -> None:
        self.__init__(Account(10_000.0, 1.0))
        self.threshold, self.rearm_sessions = config.kill_drawdown_frac, config.rearm_sessions

    monkeypatch.setattr(drawdown_kill.DrawdownKillSwitch, "set_limit", forgets)
    with pytest.raises(AssertionError):
        kill_switch_over_a_boundary()


def test_the_peak_is_known_to_a_switch_that_is_turned_on_later():
    # 12,000 at the close of bar 1, 10,500 at that of bar 3, where the switch is turned on: 12.5 %.
    bars = make_bars("AAA", [100, 100, 120, 105, 105, 105], closes=[100, 120, 110, 105, 105, 105])
    rows = [{"t": 0, "exit": 5}]
    assert told(run(bars, rows, schedule=changes((0, {})))) == []
    out = run(bars, rows, schedule=changes((0, {}), (3.5, {"kill_drawdown_frac": 0.12})))
    assert told(out)[0] == (hour(4), "ALL", "drawdown_kill", "tripped", 0.12, 0.125)
    assert out.trades["exit_time_utc"].tolist() == [hour(4)]


def test_a_close_just_at_the_boundary_belongs_to_what_came_before():
    bars = make_bars("AAA", [100, 100, 95, 95, 95, 95], closes=[100, 95, 95, 95, 95, 95])
    rows = [{"t": 0, "exit": 5}]
    # The close of bar 1, at hour 2, is 5 % down.
    for at, first in ((2.0, hour(3)), (2.0 - 1e-3, hour(2))):
        out = run(bars, rows, schedule=changes((0, {}), (at, {"kill_drawdown_frac": 0.04})))
        assert told(out)[0][0] == first


def test_what_a_week_has_traded_counts_under_the_new_cap():
    bars = make_bars("AAA", [10.0] * 100)
    rows = [{"t": t, "exit": t + 2} for t in (0, 24, 48)]
    # Two round trips of 10,000 are 4.0 by Tuesday; on Wednesday 5.0 is the cap instead of 20.
    wide, tight = ({"max_turnover_per_week": cap} for cap in (20.0, 5.0))
    out = run(bars, rows, schedule=changes((0, wide), (40, tight)))
    assert list(out.decisions["status"]) == ["traded", "traded", "turnover_week"]
    assert told(out)[0][2:] == ("turnover_week", "refused_entry", 5.0, 6.0)
    assert list(run(bars, rows, schedule=changes((0, {}), (40, tight))).decisions["status"]) == [
        "traded",
        "traded",
        "turnover_week",
    ], "counted while it was off, too"


def test_a_lower_cap_trims_the_next_entry_and_not_what_is_held():
    bars = make_bars("AAA", [10.0] * 20)
    rows = [{"t": 0, "exit": 6}, {"t": 6, "exit": 9}]
    out = run(bars, rows, schedule=changes((0, {}), (3, {"max_symbol_frac": 0.4})))
    assert out.trades["notional_usd"].tolist() == [10_000.0, 4_000.0]
    assert out.trades["exit_time_utc"].tolist() == [hour(6), hour(9)]
    assert out.trades["binding_cap"].tolist() == ["size_frac", "symbol_cap"]


def test_pacing_counts_bars_from_before_the_change():
    bars = make_bars("AAA", [10.0] * 20)
    rows = [{"t": 0, "exit": 3}, {"t": 4, "exit": 6}, {"t": 8, "exit": 10}]
    out = run(bars, rows, schedule=changes((0, {}), (4, {"cooldown_bars": 3})))
    # Two bars after the exit at bar 3 are too few under the new settings.
    assert list(out.decisions["status"]) == ["traded", "cooldown", "traded"]


@st.composite
def scheduled(draw) -> World:
    """A world whose rules change twice."""
    hours = sorted(draw(st.lists(st.integers(1, N_BARS), min_size=2, max_size=2, unique=True)))
    configs = tuple(draw(rule_sets) for _ in range(3))
    schedule = RiskSchedule(configs, tuple(instant_us(hour(n)) for n in hours))
    return replace(draw(worlds()), risk=schedule)


@FEW
@given(worlds(), rule_sets, st.integers(1, N_BARS))
def test_a_change_to_the_same_settings_is_none_to_the_bit(world, config, n):
    twice = RiskSchedule((config, config), (instant_us(hour(n)),))
    plain, changed = replace(world, risk=config).run(), replace(world, risk=twice).run()
    assert_same(plain, changed)
    assert events_of(plain).equals(events_of(changed))


@FEW
@given(scheduled())
def test_it_reconciles_and_no_rule_adds_exposure_under_a_schedule(world):
    out = world.run()
    assert reconcile(out, world.config, world.bars) == []
    key = ["symbol", "decision_time_utc"]
    label = world.candidates[[*key, "exit_time_utc"]].rename(columns={"exit_time_utc": "label"})
    trades = out.trades.merge(label, on=key)
    asked = trades["allocation_frac"] * trades["size_frac"] * trades["equity_before_usd"]
    assert (trades["notional_usd"] <= asked * (1 + 1e-15)).all()
    assert (trades["exit_time_utc"] <= trades["label"]).all()
    above = events_of(out)
    above = above[above["rule"].isin(["drawdown_kill", "session_loss", "gross_cap", "symbol_cap"])]
    assert (above["value"] > above["threshold"]).all()


@FEW
@given(scheduled(), rule_sets)
def test_settings_that_come_later_change_nothing_before(world, other):
    schedule = world.risk
    changed = replace(schedule, configs=(*schedule.configs[:2], other))
    at = schedule.from_us[1]
    before, after = world.run(), replace(world, risk=changed).run()
    for first, second in (
        (before.equity, after.equity),
        (events_of(before), events_of(after)),
    ):
        time = "bar_end_utc" if "bar_end_utc" in first else "time_utc"
        known = [f[[instant_us(t) <= at for t in f[time]]] for f in (first, second)]
        assert known[0].equals(known[1])


@FEW
@given(st.lists(rule_sets, min_size=2, max_size=3))
def test_a_request_is_never_allowed_more_than_without_the_rules(configs):
    times = tuple(10 * (n + 1) for n in range(len(configs) - 1))
    engine = RiskEngine(RiskSchedule(tuple(configs), times), 1.0, 10_000.0)
    for now in range(30):
        engine.move_to(now)
        for _, stop in engine.stops:
            stop.mark(now // 5, 10_000.0 * (1.0 - 0.003 * (now % 11)))
        request = EntryRequest(0, now // 5, 18_000 + now // 5, 591, 9_900.0, 500.0, 9_000.0, 3, 1)
        notional, _ = engine.allow(request, now, 0)
        assert 0.0 <= notional <= 9_000.0
