"""Cash is never below zero and exposure never above the cap, in markets nobody would wish for.

Gaps of 60 % either way, fees above the trade, up to eight symbols at one instant, caps below one,
accounts of a few dollars, holes in the bars, stops that force exits. Every mark is looked at.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.execution import account
from step3_assets.domain.execution.ledger import LedgerResult, simulate
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets_tests.domain.execution.samples import (
    MONTH_END,
    MONTH_START,
    hour,
    make_bars,
    make_candidates,
)

MANY = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
)
N_BARS = 30
RULES = {
    "off": RiskConfig.off(),
    "defaults": RiskConfig(),
    "stops": RiskConfig(kill_drawdown_frac=0.05, rearm_sessions=1, session_loss_frac=0.02),
    "small positions": RiskConfig(max_symbol_frac=0.3, cooldown_bars=1),
}


@dataclass(frozen=True)
class Nasty:
    bars: pd.DataFrame
    candidates: pd.DataFrame
    allocation: dict[str, float]
    config: ExecutionConfig
    risk: RiskConfig

    def run(self) -> LedgerResult:
        return simulate(
            self.candidates,
            self.bars,
            start=MONTH_START,
            end=MONTH_END,
            allocation=self.allocation,
            config=self.config,
            risk=self.risk,
        )


@st.composite
def nasty_worlds(draw) -> Nasty:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    symbols = [f"S{i}" for i in range(draw(st.sampled_from([1, 2, 3, 8])))]
    gap = draw(st.sampled_from([0.0, 0.02, 0.6]))
    hole = draw(st.sampled_from([0.0, 0.3]))
    costs = draw(st.sampled_from([[0.0], [6e-4], [0.0, 0.02, 0.5], [1.9, 2.5, 6e-4]]))
    frames, rows = [], []
    for symbol in symbols:
        hours = np.flatnonzero(rng.random(N_BARS) >= hole).tolist()
        moves = 1.0 + gap * rng.choice([-1.0, 0.0, 1.0], 2 * len(hours), p=[0.1, 0.8, 0.1])
        path = np.maximum(50.0 * np.cumprod(moves), 1e-4)
        opens, closes = path[::2], path[1::2]
        frames.append(make_bars(symbol, list(opens), list(closes), hours=hours))
        for i in range(len(hours) - 2):
            if rng.random() < 0.7:
                leave = int(rng.integers(i + 2, min(i + 8, len(hours))))
                row = {"symbol": symbol, "t": hours[i], "entry": hours[i + 1]}
                row |= {"exit": hours[leave], "cost_rt": float(rng.choice(costs))}
                rows.append(row | {"size_frac": float(rng.choice([0.1, 1.0]))})
    rows = rows or [{"symbol": symbols[0], "t": 0, "exit": 1, "maturity": "pending"}]
    bars = pd.concat(frames, ignore_index=True)
    return Nasty(
        bars,
        make_candidates(bars, rows),
        {s: draw(st.sampled_from([1.0 / len(symbols), 1.0])) for s in symbols},
        ExecutionConfig(
            initial_capital_usd=draw(st.sampled_from([4.0, 37.5, 10_000.0, 1e9])),
            max_gross_frac=draw(st.sampled_from([0.35, 0.8, 1.0, 2.0])),
            min_fee_usd=draw(st.sampled_from([0.0, 0.1, 1.0, 5.0])),
        ),
        RULES[draw(st.sampled_from(sorted(RULES)))],
    )


def exposure_at_fills(world: Nasty, out: LedgerResult) -> list[float]:
    """Exposure just after every entry, at the prices of its own instant.

    A symbol's price at an instant is its open there, or else its last close. Entries of one instant
    fill in the order of the symbols, after the exits.
    """
    bars, trades = world.bars, out.trades
    prices = {
        symbol: {**dict(zip(rows["bar_end_utc"], rows["close"], strict=True))}
        | dict(zip(rows["date"], rows["open"], strict=True))
        for symbol, rows in bars.groupby("symbol")
    }
    symbol, units = trades["symbol"].tolist(), trades["units"].to_numpy()
    enters, leaves = trades["entry_time_utc"].tolist(), trades["exit_time_utc"].tolist()
    paid = (trades["notional_usd"] + trades["cost_entry_usd"]).to_numpy()
    received = (units * trades["exit_open"] - trades["cost_exit_usd"]).to_numpy()
    found = []
    for row, at in enumerate(enters):
        cash, held = world.config.initial_capital_usd, 0.0
        for i in range(len(trades)):
            if (enters[i], symbol[i]) > (at, symbol[row]):
                continue
            cash -= paid[i]
            if leaves[i] <= at:
                cash += received[i]
                continue
            of_symbol = prices[symbol[i]]
            held += units[i] * of_symbol[max(t for t in of_symbol if t <= at)]
        found.append(held / (held + cash))
    return found


@MANY
@given(nasty_worlds())
def test_no_money_is_borrowed_at_any_mark(world):
    out = world.run()
    equity = out.equity
    assert (equity["cash_usd"] >= 0.0).all()
    assert (equity["equity_usd"] >= 0.0).all()
    assert (equity["gross_exposure_frac"] <= min(1.0, 1.0)).all()
    assert reconcile(out, world.config, world.bars) == []
    # Every position leaves, whatever its exit costs.
    assert equity["gross_exposure_frac"].iloc[-1] == 0.0
    for reached in exposure_at_fills(world, out):
        assert reached <= min(world.config.max_gross_frac, 1.0) * (1 + 1e-9)
    assert len(out.decisions) == len(world.candidates)
    assert (out.decisions["status"] == "traded").sum() == len(out.trades)
    assert (out.trades["notional_usd"] > 0.0).all()
    trimmed = out.trades[out.trades["binding_cap"] == "buying_power"]
    asked = trimmed["allocation_frac"] * trimmed["size_frac"] * trimmed["equity_before_usd"]
    assert (trimmed["notional_usd"] < asked).all()


@pytest.mark.parametrize("fault", ["spends what it has not", "keeps nothing back"])
def test_an_account_that_borrows_is_caught(monkeypatch, fault):
    """The planted faults: entries filled as ordered, and no fee kept for the exit."""
    if fault == "spends what it has not":
        monkeypatch.setattr(account.Account, "_affordable", lambda self, t, s, o, ordered: ordered)
    else:
        monkeypatch.setattr(account, "_RESERVE", 0.0)
    bars = make_bars("AAA", [10.0, 10.0, 10.0, 0.01, 0.01])
    rows = [{"symbol": "AAA", "t": 0, "exit": 3, "cost_rt": 6e-4}]
    config = ExecutionConfig(initial_capital_usd=100.0, min_fee_usd=5.0)
    world = Nasty(bars, make_candidates(bars, rows), {"AAA": 1.0}, config, RiskConfig.off())
    out = world.run()
    assert (out.equity["cash_usd"] < 0.0).any()
    assert any("below zero" in problem for problem in reconcile(out, config, bars))


def test_eight_symbols_at_one_instant_share_what_is_there():
    symbols = [f"S{i}" for i in range(8)]
    bars = pd.concat([make_bars(s, [10.0] * 6) for s in symbols])
    rows = [{"symbol": s, "t": 0, "exit": 4, "cost_rt": 6e-4} for s in symbols]
    config = ExecutionConfig()
    shares = dict.fromkeys(symbols, 1 / 8)
    out = Nasty(bars, make_candidates(bars, rows), shares, config, RiskConfig.off()).run()
    assert out.trades["notional_usd"].iloc[:7].tolist() == pytest.approx([1_250.0] * 7)
    # The last one pays for the costs of all: 3 bps of 10,000 USD.
    assert out.trades["notional_usd"].iloc[7] == pytest.approx(1_250.0 - 3.0, abs=1e-2)
    assert out.equity.set_index("bar_end_utc")["cash_usd"][hour(2)] == pytest.approx(0.0, abs=1e-9)
