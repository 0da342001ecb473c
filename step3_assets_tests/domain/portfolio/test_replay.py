"""The fast path gives the same fills, equity and metrics as the portfolio."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import (
    AllocationConfig,
    GateConfig,
    RiskConfig,
    SizingConfig,
    Step3Config,
)
from step3_assets.domain.decisions.ev_gate import pass_gate
from step3_assets.domain.decisions.sizing import size_positions
from step3_assets.domain.portfolio.fold_backtest import backtest_fold
from step3_assets.domain.portfolio.metrics import cagr, calmar
from step3_assets.domain.portfolio.replay import Replay
from step3_assets.domain.portfolio.series import run_portfolio
from step3_assets.domain.portfolio.variants import Period
from step3_assets_tests.domain.execution.months_world import MonthsWorld, make_world

KELLY = SizingConfig(method="kelly", kelly_fraction=0.05)
STRICT = RiskConfig(
    kill_drawdown_frac=0.008,
    rearm_sessions=5,
    session_loss_frac=0.003,
    min_holding_bars=3,
    cooldown_bars=1,
    max_turnover_per_week=6.0,
    max_symbol_frac=0.45,
)
CONFIGS = {
    "default": Step3Config(),
    "no rule": Step3Config(risk=RiskConfig.off()),
    "every rule, kelly": Step3Config(sizing=KELLY, risk=STRICT, gate=GateConfig(k=0.5)),
    "inverse volatility": Step3Config(
        allocation=AllocationConfig(method="inverse_volatility", vol_sessions=20)
    ),
    "calmar": Step3Config(
        allocation=AllocationConfig(method="calmar", min_history_months=1, lookback_months=3)
    ),
}


@pytest.fixture(scope="module")
def world() -> MonthsWorld:
    """Scores whose gate and size depend on a drawn expected value."""
    world = make_world(per_month=40, drift=4e-4, seed=3, quiet=(date(2020, 3, 1),))
    rng = np.random.default_rng(5)
    n = len(world.scores)
    ev = rng.normal(2e-4, 6e-4, n)
    events = world.events.assign(sigma=rng.uniform(0.002, 0.012, n))
    events["entry_overnight"] = rng.integers(0, 2, n)
    scores = world.scores.assign(ev_final=ev, q10=ev - 0.01, q90=ev + rng.uniform(0.005, 0.02, n))
    return MonthsWorld(scores, events, world.bars, world.months)


def decided(world: MonthsWorld, config: Step3Config) -> pd.DataFrame:
    """Table scores as the scoring step would have decided and sized it."""
    key = ["symbol", "decision_time_utc"]
    known = world.scores[key].merge(world.events, on=key)
    ev, q10, q90 = (world.scores[name].to_numpy() for name in ("ev_final", "q10", "q90"))
    gate = pass_gate(known, ev, q10, config.gate)
    sizes = size_positions(known, ev, q10, q90, config.sizing, config.execution.size_frac)
    gated = gate["is_gated"].to_numpy()
    return world.scores.assign(
        is_gated=gated,
        gate_reason=gate["gate_reason"].to_numpy(),
        size_frac=np.where(gated, sizes.size_frac, 0.0),
        **dict(sizes.inputs_frame(world.scores.index).items()),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_the_portfolio_to_the_bit(world, name):
    config = CONFIGS[name]
    out = Replay.from_tables(world.scores, world.events, world.bars, world.months).run(config)
    series = {"platform": decided(world, config)}
    whole = run_portfolio(series, world.events, Period.of_bars(world.months, world.bars), config)
    want = whole.summary.set_index("series").loc["platform"]
    assert out.n_trades == want["n_trades"] > 10
    assert out.end_equity_usd == want["end_equity_usd"]
    for figure in ("cagr", "max_drawdown_frac", "calmar", "sharpe"):
        assert getattr(out, figure) == want[figure], figure
    assert out.net_bps_mean == pytest.approx(want["net_bps_mean"], rel=1e-13)
    months = whole.months[whole.months["series"] == "platform"]
    np.testing.assert_array_equal(out.month_return_frac, months["return_frac"])
    np.testing.assert_array_equal(out.month_max_drawdown_frac, months["max_drawdown_frac"])
    trades = whole.trades[whole.trades["series"] == "platform"]
    decided_in = trades["month"].value_counts().reindex(months["month"], fill_value=0)
    np.testing.assert_array_equal(out.month_n_trades, decided_in)
    equity = whole.equity.loc[whole.equity["series"] == "platform", "equity_usd"]
    np.testing.assert_array_equal(out.curve.equity_usd, equity)


def test_searched_months_are_the_portfolios_to_the_bit(world):
    """Gate, size, limits and allocation of their own in two of the four months."""
    base = Step3Config()
    tight = RiskConfig(kill_drawdown_frac=0.01, rearm_sessions=5, session_loss_frac=0.004)
    calmar = AllocationConfig(method="calmar", min_history_months=1, lookback_months=3)
    settings = {
        world.months[1]: Step3Config(risk=tight, gate=GateConfig(k=0.3), sizing=KELLY),
        world.months[3]: Step3Config(allocation=calmar, sizing=KELLY),
    }
    by_month = [
        decided(replace(world, scores=world.scores[world.scores["month"] == m]), own)
        for m in world.months
        for own in [settings.get(m, base)]
    ]
    platform = pd.concat(by_month).sort_index()
    replay = Replay.from_tables(world.scores, world.events, world.bars, world.months)
    out = replay.run(base, settings=settings)
    series = {"platform": platform}
    whole = run_portfolio(
        series, world.events, Period.of_bars(world.months, world.bars, settings), base
    )
    equity = whole.equity.loc[whole.equity["series"] == "platform", "equity_usd"]
    np.testing.assert_array_equal(out.curve.equity_usd, equity)
    assert {e.threshold for e in out.fills.risk_events if e.rule == "session_loss"} == {0.004}
    assert not np.array_equal(out.curve.equity_usd, replay.run(base).curve.equity_usd)
    shares = whole.allocation_weights.set_index(["method", "month"])["weight_frac"]
    assert set(shares.loc["searched", world.months[0]]) == {0.5}
    assert set(shares.loc["searched", world.months[3]]) != {0.5}
    compared = whole.allocation_comparison.set_index("method")["is_used"]
    assert list(compared[compared].index) == ["searched"]
    fold = backtest_fold(
        platform, world.events, world.bars, world.months[1], settings[world.months[1]]
    )
    alone = replay.run(base, first=1, last=1, settings=settings)
    np.testing.assert_array_equal(fold.equity["equity_usd"], alone.curve.equity_usd)


def test_settings_that_are_the_bases_change_no_bit(world):
    replay = Replay.from_tables(world.scores, world.events, world.bars, world.months)
    base = CONFIGS["every rule, kelly"]
    same = {month: base.model_copy(deep=True) for month in world.months[1:]}
    plain, searched = replay.run(base), replay.run(base, settings=same)
    np.testing.assert_array_equal(plain.curve.equity_usd, searched.curve.equity_usd)
    assert plain.fills.risk_events == searched.fills.risk_events


def test_the_strict_rules_of_this_world_do_bind(world):
    config = CONFIGS["every rule, kelly"]
    replay = Replay.from_tables(world.scores, world.events, world.bars, world.months)
    rules = {event.rule for event in replay.run(config).fills.risk_events}
    assert {"drawdown_kill", "session_loss", "cooldown", "min_holding"} <= rules


def test_one_month_is_its_fold_backtest(world):
    config = Step3Config(risk=STRICT)
    replay = Replay.from_tables(world.scores, world.events, world.bars, world.months)
    for place, month in enumerate(world.months):
        out = replay.run(config, first=place, last=place)
        fold = backtest_fold(decided(world, config), world.events, world.bars, month, config)
        row = fold.summary.set_index("symbol").loc["ALL"]
        have = (out.n_trades, out.month_return_frac[0], out.max_drawdown_frac, out.month_calmar[0])
        want = (row["n_trades"], row["return_frac"], row["max_drawdown_frac"])
        assert have[:3] == want
        assert have[3] == pytest.approx(row["calmar"], rel=1e-12)
        if month == date(2020, 3, 1):
            assert have == (0, 0.0, 0.0, 0.0)


def test_a_months_calmar_is_annualised_and_zero_without_a_trade(world):
    out = Replay.from_tables(world.scores, world.events, world.bars, world.months).run(
        Step3Config()
    )
    assert out.month_n_trades[2] == 0
    assert out.month_calmar[2] == 0.0
    gain, fall = float(out.month_return_frac[0]), float(out.month_max_drawdown_frac[0])
    assert out.month_calmar[0] == calmar(cagr(1.0, 1.0 + gain, 1), fall)


def test_another_blend_decides_anew(world):
    replay = Replay.from_tables(world.scores, world.events, world.bars, world.months)
    assert replay.run(Step3Config(), ev_final=np.full(len(replay.ev_final), -1.0)).n_trades == 0
    more = replay.run(Step3Config(), ev_final=np.full(len(replay.ev_final), 1.0))
    assert more.n_trades > replay.run(Step3Config()).n_trades


def test_it_is_fast(world):
    """Far from the benchmark's figures, near enough to notice frames in the loop."""
    from time import process_time

    replay = Replay.from_tables(world.scores, world.events, world.bars, world.months)
    replay.run(Step3Config())
    took = []
    for _ in range(5):
        begin = process_time()
        replay.run(Step3Config())
        took.append(process_time() - begin)
    assert min(took) < 0.05
