"""Properties of every account: no look-ahead, no exposure above the cap, no cent lost."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.execution.candidates import gated_candidates
from step3_assets.domain.execution.ledger import LedgerResult, simulate
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.domain.risk.schedule import RiskSchedule
from step3_assets_tests.domain.execution.samples import (
    MONTH_END,
    MONTH_START,
    hour,
    make_bars,
    make_candidates,
)

N_BARS = 40
FEW = settings(max_examples=20, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class World:
    """Random bars with holes, and random overlapping candidates on them."""

    bars: pd.DataFrame
    candidates: pd.DataFrame
    allocation: dict[str, float]
    config: ExecutionConfig
    risk: RiskConfig | RiskSchedule | None = None

    def run(self, candidates: pd.DataFrame | None = None, bars=None) -> LedgerResult:
        return simulate(
            self.candidates if candidates is None else candidates,
            self.bars if bars is None else bars,
            start=MONTH_START,
            end=MONTH_END,
            allocation=self.allocation,
            config=self.config,
            risk=self.risk,
        )


@st.composite
def worlds(draw) -> World:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    symbols = ["AAA", "BBB", "CCC"][: draw(st.integers(1, 3))]
    density, hole = draw(st.sampled_from([0.1, 0.6, 1.0])), draw(st.sampled_from([0.0, 0.2]))
    frames, rows = [], []
    for symbol in symbols:
        hours = np.flatnonzero(rng.random(N_BARS) >= hole).tolist()
        path = 50 * np.exp(np.cumsum(0.05 * rng.standard_normal(2 * len(hours))))
        opens, closes = path[::2], path[1::2]
        lows = np.minimum(opens, closes) * (1 - 0.02 * rng.random(len(hours)))
        frames.append(make_bars(symbol, list(opens), list(closes), list(lows), hours))
        for i in np.flatnonzero(rng.random(len(hours)) < density):
            if i + 2 < len(hours):
                leave = int(rng.integers(i + 2, min(i + 14, len(hours))))
                row = {"symbol": symbol, "t": hours[i], "entry": hours[i + 1]}
                row |= {"exit": hours[leave], "cost_rt": float(rng.choice([0, 1e-3, 1e-2]))}
                row |= {"size_frac": float(rng.choice([0.0, 0.3, 1.0]))}
                rows.append(row | {"maturity": str(rng.choice(["final"] * 5 + ["provisional"]))})
    rows = rows or [{"symbol": "AAA", "t": 0, "exit": 1, "maturity": "pending"}]
    bars = pd.concat(frames, ignore_index=True)
    return World(
        bars,
        make_candidates(bars, rows),
        {s: float(rng.choice([0.3, 0.5, 0.9])) for s in symbols},
        ExecutionConfig(
            max_gross_frac=draw(st.sampled_from([0.4, 1.0, 1.5])),
            min_fee_usd=draw(st.sampled_from([0.0, 1.0])),
        ),
    )


def last_close(bars: pd.DataFrame, symbol: str, at: pd.Timestamp) -> float:
    known = bars[(bars["symbol"] == symbol) & (bars["bar_end_utc"] <= at)]
    return float(known.sort_values("bar_end_utc")["close"].iloc[-1])


@FEW
@given(worlds())
def test_gross_exposure_at_the_decision_stays_under_the_cap(world):
    out = world.run()
    instants = world.candidates.set_index(["symbol", "decision_time_utc"])["decision_instant_utc"]
    trades = out.trades.assign(
        instant=[
            instants[k]
            for k in zip(out.trades["symbol"], out.trades["decision_time_utc"], strict=True)
        ]
    )
    for i, trade in enumerate(trades.itertuples()):
        gross = trade.notional_usd
        for other in trades.iloc[:i].itertuples():
            if other.exit_time_utc <= trade.entry_time_utc:
                continue  # gone by the open at which this one enters
            if other.entry_time_utc >= trade.instant:
                gross += other.notional_usd
            else:
                gross += other.units * last_close(world.bars, other.symbol, trade.instant)
        assert gross <= world.config.max_gross_frac * trade.equity_before_usd * (1 + 1e-12)


@FEW
@given(worlds())
def test_it_reconciles_holds_one_position_a_symbol_and_sizes_on_its_own_curve(world):
    out = world.run()
    assert reconcile(out, world.config, world.bars) == []
    for _, mine in out.trades.groupby("symbol"):
        ordered = mine.sort_values("entry_time_utc")
        leaves, enters = ordered["exit_time_utc"].iloc[:-1], ordered["entry_time_utc"].iloc[1:]
        assert (enters.to_numpy() >= leaves.to_numpy()).all()
    trades = out.trades.merge(
        world.candidates[["symbol", "decision_time_utc", "decision_instant_utc"]]
    ).merge(out.equity, left_on="decision_instant_utc", right_on="bar_end_utc")
    assert len(trades) == len(out.trades)
    assert (trades["equity_before_usd"] == trades["equity_usd"]).all()  # to the bit


@FEW
@given(worlds(), st.integers(0, 1000))
def test_row_order_of_the_input_does_not_matter(world, seed):
    mixed = world.run(
        world.candidates.sample(frac=1.0, random_state=seed),
        world.bars.sample(frac=1.0, random_state=seed),
    )
    assert_same(world.run(), mixed)


@FEW
@given(worlds(), st.integers(0, 1000))
def test_rows_that_are_not_gated_or_not_final_change_nothing(world, seed):
    chosen = np.random.default_rng(seed).random(len(world.candidates)) < 0.7
    decisions = world.candidates[["month", "symbol", "decision_time_utc", "size_frac"]]
    events = world.candidates.drop(columns=["month", "size_frac"])
    gated = gated_candidates(decisions.assign(is_gated=chosen), events)
    alone = world.run(world.candidates[chosen])
    assert_same(alone, world.run(gated))
    final_only = world.run(gated[gated["maturity"] == "final"])
    pd.testing.assert_frame_equal(alone.trades, final_only.trades, check_exact=True)
    pd.testing.assert_frame_equal(alone.equity, final_only.equity, check_exact=True)


def assert_same(first: LedgerResult, second: LedgerResult) -> None:
    for name in ("trades", "decisions", "equity"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)


def changed_after(world: World, at: pd.Timestamp, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The world with everything drawn anew that becomes known after `at`.

    Opens at `at` and closes of bars that end at `at` are known then; later ones are not. Neither
    are later decisions, nor exits that are decided later.
    """
    rng = np.random.default_rng(seed)
    bars = world.bars.copy()
    late_open, late = bars["date"] > at, bars["bar_end_utc"] > at
    bars.loc[late_open, "open"] *= np.exp(0.2 * rng.standard_normal(int(late_open.sum())))
    for name in ("close", "low"):
        bars.loc[late, name] *= np.exp(0.2 * rng.standard_normal(int(late.sum())))
    keys = zip(bars["symbol"], bars["date"], strict=True)
    opens = dict(zip(keys, bars["open"], strict=True))
    is_kept = (world.candidates["decision_instant_utc"] <= at) | (rng.random() < 0.5)
    rows = world.candidates[is_kept].reset_index(drop=True)
    records = rows.to_dict("records")
    for row in records:
        if row["maturity"] != "final":
            continue
        own = bars[bars["symbol"] == row["symbol"]].sort_values("date")
        if own.loc[own["date"] < row["exit_time_utc"], "bar_end_utc"].iloc[-1] > at:
            # The exit is decided later: any other exit that is decided later will do.
            known = own["bar_end_utc"].shift(1)
            could = own.loc[(known > at) & (own["date"] > row["entry_time_utc"]), "date"]
            row["exit_time_utc"] = could.iloc[int(rng.integers(len(could)))]
        row["entry_open"] = opens[row["symbol"], row["entry_time_utc"]]
        row["exit_open"] = opens[row["symbol"], row["exit_time_utc"]]
    for name in ("exit_time_utc", "entry_open", "exit_open"):
        rows[name] = pd.Series([row[name] for row in records], dtype=rows[name].dtype)
    return rows, bars


def known_by(out: LedgerResult, at: pd.Timestamp) -> list[pd.DataFrame]:
    """What the account had done and was worth by `at`."""
    decided = out.decisions[out.decisions["decision_time_utc"] + pd.Timedelta(hours=1) <= at]
    decided = decided.merge(
        out.trades[["symbol", "decision_time_utc", "entry_time_utc"]], how="left"
    )
    sized = out.trades[out.trades["decision_time_utc"] + pd.Timedelta(hours=1) <= at]
    filled = sized[sized["entry_time_utc"] <= at]
    return [
        decided[~(decided["entry_time_utc"] > at)],
        filled[["symbol", "decision_time_utc", "notional_usd", "binding_cap"]],
        filled[["symbol", "decision_time_utc", "equity_before_usd"]],
        out.trades[out.trades["exit_time_utc"] <= at],
        out.equity[out.equity["bar_end_utc"] <= at],
    ]


@FEW
@given(worlds(), st.integers(2, N_BARS), st.integers(0, 1000))
def test_nothing_after_an_instant_changes_what_was_done_by_it(world, n, seed):
    at = hour(n)
    rows, bars = changed_after(world, at, seed)
    for before, after in zip(
        known_by(world.run(), at), known_by(world.run(rows, bars), at), strict=True
    ):
        pd.testing.assert_frame_equal(
            before.reset_index(drop=True), after.reset_index(drop=True), check_exact=True
        )


def test_a_ledger_that_peeks_one_close_ahead_is_caught(monkeypatch):
    """The property above, on a simulator with a planted look-ahead."""
    bars = pd.concat(
        [make_bars("AAA", list(np.linspace(50, 60, 12))), make_bars("BBB", [20.0] * 12)]
    )
    candidates = make_candidates(
        bars, [{"symbol": "AAA", "t": 0, "exit": 9}, {"symbol": "BBB", "t": 4, "exit": 8}]
    )
    world = World(bars, candidates, {"AAA": 0.5, "BBB": 0.5}, ExecutionConfig())
    at, seed = hour(5), 1

    def differs() -> bool:
        rows, later = changed_after(world, at, seed)
        pairs = zip(known_by(world.run(), at), known_by(world.run(rows, later), at), strict=True)
        return any(not a.reset_index(drop=True).equals(b.reset_index(drop=True)) for a, b in pairs)

    assert not differs()
    honest = MarkClock.closes_known
    monkeypatch.setattr(MarkClock, "closes_known", lambda self, row: honest(self, row + 1))
    assert differs()


def test_many_trades_reconcile_within_the_tolerance():
    rng = np.random.default_rng(1)
    n = 3_000
    prices = 50 * np.exp(np.cumsum(0.01 * rng.standard_normal(n)))
    bars = pd.concat([make_bars(s, list(prices * k)) for s, k in (("AAA", 1.0), ("BBB", 1.7))])
    rows = [
        {"symbol": s, "t": t, "exit": t + 3, "cost_rt": 1e-4}
        for s in ("AAA", "BBB")
        for t in range(0, n - 4, 2)
    ]
    candidates = make_candidates(bars, rows)
    config = ExecutionConfig()
    out = simulate(
        candidates,
        bars,
        start=MONTH_START,
        end=MONTH_START + pd.Timedelta(days=400),
        allocation={"AAA": 0.5, "BBB": 0.5},
        config=config,
    )
    assert len(out.trades) > 2_900
    assert reconcile(out, config, bars) == []
