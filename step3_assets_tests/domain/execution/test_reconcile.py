"""Every planted fault is reported; a correct ledger gives no message."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.execution.ledger import LedgerResult, simulate
from step3_assets.domain.execution.reconcile import price_disagreements, reconcile
from step3_assets_tests.domain.execution.samples import (
    MONTH_END,
    MONTH_START,
    hour,
    make_bars,
    make_candidates,
)

BARS = pd.concat(
    [make_bars("AAA", [10, 10, 11, 12, 11, 10, 10]), make_bars("BBB", [5, 5, 5, 6, 7, 7, 7])],
    ignore_index=True,
)
ROWS = [
    {"symbol": "AAA", "t": 0, "exit": 2},
    {"symbol": "AAA", "t": 2, "exit": 5},
    {"symbol": "BBB", "t": 1, "exit": 4},
    {"symbol": "BBB", "t": 2, "exit": 6},
]
CONFIG = ExecutionConfig()


@pytest.fixture(scope="module")
def ledger() -> LedgerResult:
    return simulate(
        make_candidates(BARS, ROWS),
        BARS,
        start=MONTH_START,
        end=MONTH_END,
        allocation={"AAA": 0.5, "BBB": 0.5},
        config=CONFIG,
    )


def test_an_honest_ledger_passes(ledger):
    assert len(ledger.trades) == 3
    assert reconcile(ledger, CONFIG, BARS) == []


def test_nothing_traded_passes(ledger):
    out = simulate(
        make_candidates(BARS, ROWS).iloc[:0],
        BARS,
        start=MONTH_START,
        end=MONTH_END,
        allocation={},
        config=CONFIG,
    )
    assert reconcile(out, CONFIG, BARS) == []


def edit(table: str, row: int, column: str, change: Callable) -> Callable:
    def plant(ledger: LedgerResult) -> LedgerResult:
        frame = getattr(ledger, table).copy()
        frame.loc[row, column] = change(frame.loc[row, column])
        return replace(ledger, **{table: frame})

    return plant


def drop(table: str, row: int) -> Callable:
    def plant(ledger: LedgerResult) -> LedgerResult:
        return replace(ledger, **{table: getattr(ledger, table).drop(index=row)})

    return plant


def cent(value: float) -> float:
    return value + 1e-7  # a ten-millionth of a dollar on 10,000 is ten times the tolerance


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (edit("trades", 0, "pnl_usd", cent), "pnl_usd is not the gain less costs"),
        (edit("trades", 0, "pnl_usd", cent), "equity gained"),
        (edit("trades", 1, "units", lambda u: u * (1 + 1e-10)), "notional_usd is not units times"),
        (edit("trades", 1, "cost_exit_usd", cent), "pnl_usd is not the gain less costs: BBB"),
        (edit("trades", 0, "net_bps", cent), "net_bps is not pnl_usd over notional_usd"),
        (edit("trades", 0, "equity_before_usd", lambda e: e - 1), "more than was asked for"),
        (edit("trades", 0, "size_frac", lambda s: s * 1.1), "no cap bound it"),
        (edit("trades", 2, "entry_time_utc", lambda _: hour(1)), "a position was open already"),
        (edit("trades", 0, "entry_open", lambda p: p * 1.001), "entry_open is not the open"),
        (edit("trades", 0, "exit_open", lambda p: p * 1.001), "exit_open is not the open"),
        (edit("trades", 0, "exit_time_utc", lambda _: hour(2.5)), "exit_open is not the open"),
        (drop("trades", 1), "decisions and trades differ: BBB"),
        (edit("decisions", 0, "status", lambda _: "gross_cap"), "decisions and trades differ"),
        (edit("decisions", 1, "decision_time_utc", lambda _: hour(2)), "decisions and trades"),
        (edit("equity", 3, "equity_usd", cent), "equity_usd is not cash and units times close"),
        (edit("equity", 3, "cash_usd", cent), "cash_usd is not capital and the fills before"),
        (edit("equity", 3, "gross_exposure_frac", lambda g: g + 1e-9), "not value over equity"),
        (edit("equity", 6, "equity_usd", cent), "equity gained"),
        (edit("equity", 6, "gross_exposure_frac", lambda _: 0.1), "open at the last mark"),
        (edit("equity", 2, "equity_usd", lambda _: float("nan")), "equity_usd is not cash"),
        (lambda ledger: replace(ledger, equity=ledger.equity.iloc[:0]), "no mark, though there"),
    ],
)
def test_a_planted_fault_is_named(ledger, plant, says):
    assert says in " | ".join(reconcile(plant(ledger), CONFIG, BARS))


FALLING = make_bars("AAA", [10, 10, 10, 9, 9, 9, 9])


@pytest.fixture(scope="module")
def guarded() -> LedgerResult:
    """A stop that trips at the close of bar 2 and refuses what bar 3 decides."""
    return simulate(
        make_candidates(
            FALLING,
            [{"symbol": "AAA", "t": 0, "exit": 6}, {"symbol": "AAA", "t": 3, "exit": 6}],
        ),
        FALLING,
        start=MONTH_START,
        end=MONTH_END,
        allocation={"AAA": 1.0},
        config=CONFIG,
        risk=RiskConfig(kill_drawdown_frac=0.05),
    )


@pytest.mark.parametrize("action", ["forced_exit", "refused_entry"])
def test_a_rule_that_spoke_without_a_row_is_named(guarded, action):
    assert reconcile(guarded, CONFIG, FALLING) == []
    rows = guarded.risk_events
    assert rows is not None
    at = rows.index[rows["action"] == action][0]
    found = reconcile(replace(guarded, risk_events=rows.drop(index=at)), CONFIG, FALLING)
    what = {"forced_exit": "forced to leave", "refused_entry": "refused"}[action]
    assert [p.split(":")[0] for p in found] == [f"risk_events and what was {what} differ"]
    other = rows.assign(rule="cooldown")
    assert len(reconcile(replace(guarded, risk_events=other), CONFIG, FALLING)) == 2


def test_a_decision_taken_twice_is_named(ledger):
    twice = pd.concat([ledger.decisions, ledger.decisions.iloc[3:4]], ignore_index=True)
    assert "decided twice: BBB" in " | ".join(reconcile(replace(ledger, decisions=twice), CONFIG))


def test_another_capital_is_named(ledger):
    found = reconcile(ledger, ExecutionConfig(initial_capital_usd=20_000.0))
    assert any(p.startswith("equity gained") for p in found)
    assert any("cash_usd is not capital" in p for p in found)


def test_marks_are_rebuilt_from_the_bars(ledger):
    other = BARS.assign(close=BARS["close"] * 1.0001)
    found = reconcile(ledger, CONFIG, other)
    assert [p for p in found if "equity_usd is not cash and units times close at" in p]
    assert reconcile(ledger, CONFIG) == []  # without bars there is nothing to compare it with


def test_prices_of_another_build_are_named():
    candidates = make_candidates(BARS, ROWS)
    assert price_disagreements(candidates, BARS) == []
    halved = BARS.assign(open=BARS["open"].where(BARS["symbol"] == "BBB", BARS["open"] / 2))
    found = price_disagreements(candidates, halved)
    assert len(found) == 2
    assert found[0].startswith("entry_open is not the open of the bar at entry_time_utc: AAA")
