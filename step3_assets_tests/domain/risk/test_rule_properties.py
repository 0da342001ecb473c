"""Properties of every rule on every account: none adds exposure, none looks ahead."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.catalogue.portfolio import RISK_RULES
from step3_assets.config import RiskConfig
from step3_assets.domain.execution.ledger import LedgerResult
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.domain.risk.engine import RiskEngine
from step3_assets.plugins.risk_rule import EntryRequest
from step3_assets.plugins.risk_rules import turnover
from step3_assets_tests.domain.execution.samples import hour
from step3_assets_tests.domain.execution.test_ledger_properties import (
    N_BARS,
    World,
    assert_same,
    changed_after,
    known_by,
    worlds,
)

FEW = settings(max_examples=15, deadline=None, derandomize=True, database=None)

rule_sets = st.builds(
    RiskConfig,
    kill_drawdown_frac=st.sampled_from([None, 0.01, 0.05, 0.2]),
    rearm_sessions=st.integers(1, 2),
    session_loss_frac=st.sampled_from([None, 0.005, 0.03]),
    min_holding_bars=st.integers(0, 4),
    cooldown_bars=st.integers(0, 4),
    max_turnover_per_day=st.sampled_from([None, 1.0, 3.0]),
    max_turnover_per_week=st.sampled_from([None, 4.0]),
    max_turnover_per_month=st.sampled_from([None, 6.0]),
    max_symbol_frac=st.sampled_from([None, 0.25, 1.0]),
)


@st.composite
def guarded(draw) -> World:
    return replace(draw(worlds()), risk=draw(rule_sets))


def events_of(out: LedgerResult) -> pd.DataFrame:
    assert out.risk_events is not None
    return out.risk_events


@FEW
@given(worlds())
def test_with_every_rule_off_it_is_the_plain_account_to_the_bit(world):
    assert_same(world.run(), replace(world, risk=RiskConfig.off()).run())


@FEW
@given(worlds())
def test_rules_that_are_never_reached_change_no_bit(world):
    wide = RiskConfig(
        kill_drawdown_frac=0.9999,
        session_loss_frac=0.9999,
        min_holding_bars=1,
        max_turnover_per_day=1e9,
        max_turnover_per_week=1e9,
        max_turnover_per_month=1e9,
        max_symbol_frac=1e9,
    )
    assert_same(world.run(), replace(world, risk=wide).run())


@FEW
@given(guarded())
def test_it_reconciles_and_no_rule_adds_exposure(world):
    out = world.run()
    assert reconcile(out, world.config, world.bars) == []
    key = ["symbol", "decision_time_utc"]
    label = world.candidates[[*key, "exit_time_utc"]].rename(columns={"exit_time_utc": "label"})
    trades = out.trades.merge(label, on=key)
    asked = trades["allocation_frac"] * trades["size_frac"] * trades["equity_before_usd"]
    assert (trades["notional_usd"] <= asked * (1 + 1e-15)).all()
    forced = trades["exit_rule"] != "label"
    assert (trades.loc[forced, "exit_time_utc"] < trades.loc[forced, "label"]).all()
    assert (trades.loc[~forced, "exit_time_utc"] == trades.loc[~forced, "label"]).all()
    assert (trades["exit_time_utc"] > trades["entry_time_utc"]).all()


@FEW
@given(guarded())
def test_every_refusal_and_every_forced_exit_is_a_row_and_no_other(world):
    out = world.run()
    events = events_of(out)
    key = ["symbol", "decision_time_utc"]
    for action, expected in (
        (
            ["refused_entry", "cancelled_entry"],
            out.decisions[out.decisions["status"].isin(RISK_RULES)].rename(
                columns={"status": "rule"}
            ),
        ),
        (
            ["forced_exit"],
            out.trades[out.trades["exit_rule"] != "label"].rename(columns={"exit_rule": "rule"}),
        ),
    ):
        rows = events.loc[events["action"].isin(action), [*key, "rule"]]
        have, want = (
            {tuple(r) for r in f.itertuples(index=False)} for f in (rows, expected[[*key, "rule"]])
        )
        assert have == want
        assert len(rows) == len(want)
    assert events["time_utc"].is_monotonic_increasing
    above = events[
        events["rule"].isin(["drawdown_kill", "session_loss", "gross_cap", "symbol_cap"])
    ]
    assert (above["value"] > above["threshold"]).all()


@FEW
@given(guarded())
def test_after_a_stop_nothing_is_held_beyond_the_next_open(world):
    out = world.run()
    events = events_of(out)
    for tripped in events[events["action"] == "tripped"].itertuples():
        held = out.trades[
            (out.trades["entry_time_utc"] < tripped.time_utc)
            & (out.trades["exit_time_utc"] >= tripped.time_utc)
        ]
        for trade in held.itertuples():
            own = world.bars[(world.bars["symbol"] == trade.symbol)]
            assert trade.exit_time_utc == own.loc[own["date"] >= tripped.time_utc, "date"].min()


@FEW
@given(guarded(), st.integers(2, N_BARS), st.integers(0, 1000))
def test_nothing_after_an_instant_changes_what_a_rule_did_by_it(world, n, seed):
    at = hour(n)
    rows, bars = changed_after(world, at, seed)
    before, after = world.run(), world.run(rows, bars)
    pairs = list(zip(known_by(before, at), known_by(after, at), strict=True))
    first, second = (e[e["time_utc"] <= at] for e in (events_of(before), events_of(after)))
    pairs.append((first, second))
    for first, second in pairs:
        pd.testing.assert_frame_equal(
            first.reset_index(drop=True), second.reset_index(drop=True), check_exact=True
        )


def requests(rng: np.random.Generator, n: int) -> list[EntryRequest]:
    days = np.sort(rng.integers(18_000, 18_060, n))
    return [
        EntryRequest(
            symbol=int(rng.integers(2)),
            session=int(day - 18_000),
            day=int(day),
            month=int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int)),
            equity_usd=10_000.0,
            gross_usd=float(rng.choice([0.0, 4_000.0, 9_000.0])),
            notional_usd=float(rng.choice([100.0, 3_000.0, 10_000.0])),
            bars_since_entry=None if rng.random() < 0.3 else int(rng.integers(8)),
            bars_since_exit=None if rng.random() < 0.3 else int(rng.integers(8)),
        )
        for day in days
    ]


@FEW
@given(rule_sets, st.integers(0, 1000))
def test_a_request_is_never_allowed_more_than_without_the_rules(config, seed):
    rng = np.random.default_rng(seed)
    guarded_, plain = (RiskEngine(c, 1.0, 10_000.0) for c in (config, RiskConfig.off()))
    falls = rng.uniform(0.93, 1.0, 60).tolist()
    for request in requests(rng, 40):
        for _, stop in guarded_.stops:
            stop.mark(request.session, 10_000.0 * falls[request.session])
        asked = request.notional_usd
        with_rules, _ = guarded_.allow(replace(request), 0, 0)
        without, _ = plain.allow(replace(request), 0, 0)
        assert 0.0 <= with_rules <= without <= asked


def test_a_governor_that_forgets_is_caught(monkeypatch):
    """The hand-worked figures above fail on a governor that never adds up."""
    engine = RiskEngine(RiskConfig(max_turnover_per_day=5.0), 1.0, 10_000.0)
    request = EntryRequest(0, 0, 18_000, 591, 10_000.0, 0.0, 10_000.0, None, None)
    answers = [engine.allow(replace(request), 0, 0)[1] for _ in range(3)]
    assert answers == ["size_frac", "size_frac", "turnover_day"]
    monkeypatch.setattr(turnover.TurnoverGovernor, "entered", lambda self, request: None)
    engine = RiskEngine(RiskConfig(max_turnover_per_day=5.0), 1.0, 10_000.0)
    assert [engine.allow(replace(request), 0, 0)[1] for _ in range(3)] == ["size_frac"] * 3
