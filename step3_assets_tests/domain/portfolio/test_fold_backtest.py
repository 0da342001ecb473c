"""The backtest of one month, starting without positions."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.portfolio import FOLD_BACKTESTS, FOLD_TRADES, PORTFOLIO_EQUITY
from step3_assets.config import ExecutionConfig, Step3Config
from step3_assets.domain.core.months import add_months
from step3_assets.domain.execution.marking import LedgerError
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.domain.portfolio.fold_backtest import FoldBacktest, backtest_fold
from step3_assets_tests.domain.execution.months_world import MonthsWorld, make_world

CONFIG = Step3Config()
FEBRUARY = date(2020, 2, 1)


def run(world: MonthsWorld, month: date = FEBRUARY, **options) -> FoldBacktest:
    return backtest_fold(world.scores, world.events, world.bars, month, CONFIG, **options)


def same(first: FoldBacktest, second: FoldBacktest) -> bool:
    return all(
        getattr(first, name).reset_index(drop=True).equals(getattr(second, name))
        for name in ("summary", "trades", "equity")
    )


def test_rows_and_columns_are_those_of_the_catalogue():
    out = run(make_world())
    assert list(out.summary.columns) == FOLD_BACKTESTS.names
    assert list(out.trades.columns) == FOLD_TRADES.names
    assert {"series", *out.equity.columns} == set(PORTFOLIO_EQUITY.names)
    assert list(out.summary["symbol"]) == ["AAA", "BBB", "ALL"]
    assert set(out.summary["month"]) == set(out.trades["month"]) == {FEBRUARY}


def test_it_reconciles_and_the_symbols_add_up():
    world = make_world(per_month=40)
    out = run(world)
    assert reconcile(out.ledger, CONFIG.execution, world.bars) == []
    parts, total = out.summary.iloc[:2], out.summary.iloc[2]
    assert total["n_trades"] == len(out.trades) > 10
    for name in ("n_candidates", "n_gated", "n_trades"):
        assert parts[name].sum() == total[name]
    for name in ("return_frac", "turnover"):
        assert parts[name].sum() == pytest.approx(total[name], rel=1e-12)
    assert total["return_frac"] == pytest.approx(out.trades["pnl_usd"].sum() / 10_000, rel=1e-12)
    value = out.trades["notional_usd"] + out.trades["units"] * out.trades["exit_open"]
    assert total["turnover"] == pytest.approx(value.sum() / 10_000, rel=1e-14)
    assert total["max_drawdown_frac"] == pytest.approx(out.equity["drawdown_frac"].max())
    assert total["exposure_frac"] == pytest.approx(out.equity["gross_exposure_frac"].mean())
    annual = (1 + total["return_frac"]) ** 12 - 1
    assert total["calmar"] == pytest.approx(annual / max(total["max_drawdown_frac"], 0.01))
    assert total["net_bps_mean"] == pytest.approx(out.trades["net_bps"].mean())
    assert total["hit_rate"] == pytest.approx((out.trades["pnl_usd"] > 0).mean())


def test_candidates_and_gated_are_counted():
    world = make_world(per_month=20, gated=0.3)
    out = run(world).summary.set_index("symbol")
    scores = world.scores[world.scores["month"] == FEBRUARY]
    assert out.loc["ALL", "n_candidates"] == 40
    assert out.loc["ALL", "n_gated"] == scores["is_gated"].sum()
    assert out.loc["AAA", "n_gated"] == scores.loc[scores["symbol"] == "AAA", "is_gated"].sum()


@pytest.mark.parametrize("kind", ["no events", "nothing gated"])
def test_a_month_without_trades_is_a_row_of_zeros(kind):
    world = make_world(quiet=(FEBRUARY,)) if kind == "no events" else make_world(gated=0.0)
    out = run(world)
    zero = ["n_trades", "return_frac", "max_drawdown_frac", "calmar", "turnover", "exposure_frac"]
    assert (out.summary[zero].to_numpy() == 0).all()
    assert out.summary[["net_bps_mean", "hit_rate"]].isna().all(axis=None)
    assert (out.equity["equity_usd"] == 10_000.0).all()
    assert len(out.equity) == 80  # twenty weekdays of four bars


def test_the_last_trades_are_marked_to_their_exit_in_the_next_month():
    world = make_world(per_month=80)
    out = run(world)
    march = pd.Timestamp("2020-03-01", tz="UTC")
    assert (out.trades["exit_time_utc"] >= march).any()
    assert out.equity["bar_end_utc"].max() > march
    assert out.equity["gross_exposure_frac"].iloc[-1] == 0.0


def test_a_month_run_with_all_the_data_equals_the_month_run_on_its_own_slice():
    world = make_world(per_month=40)
    for month in world.months:
        own = (world.bars["month"] >= month) & (world.bars["month"] <= add_months(month, 1))
        alone = backtest_fold(
            world.scores[world.scores["month"] == month],
            world.events[world.events["month"] == month],
            world.bars[own],
            month,
            CONFIG,
        )
        assert same(run(world, month), alone)


def test_bars_and_events_after_the_last_exit_do_not_matter():
    world = make_world(per_month=40)
    whole = run(world)
    last = whole.trades["exit_time_utc"].max()
    bars = world.bars.copy()
    bars.loc[bars["date"] > last, ["open", "close", "low"]] *= 3.0
    events = world.events[world.events["decision_time_utc"] < last]
    changed = replace(world, bars=bars, events=events)
    assert same(whole, run(changed))
    assert same(whole, run(replace(world, bars=world.bars[world.bars["date"] <= last])))


def test_a_missing_next_month_is_an_error_when_a_trade_needs_it():
    world = make_world(per_month=80)
    cut = replace(world, bars=world.bars[world.bars["month"] <= FEBRUARY])
    with pytest.raises(LedgerError, match="no bar that starts at 2020-03-02"):
        run(cut)


def test_capital_scales_dollars_and_no_ratio():
    world = make_world(per_month=40)
    rich = CONFIG.model_copy(update={"execution": ExecutionConfig(initial_capital_usd=1e6)})
    first = run(world).summary
    second = backtest_fold(world.scores, world.events, world.bars, FEBRUARY, rich).summary
    names = ["return_frac", "max_drawdown_frac", "calmar", "turnover", "net_bps_mean"]
    np.testing.assert_allclose(first[names], second[names], rtol=1e-9)


def test_brier_is_over_final_labels_with_the_base_rate_beside():
    world = make_world(per_month=10)
    events = world.events.copy()
    events.loc[events.index[:3], "maturity"] = "provisional"
    world = replace(world, events=events)
    month = date(2020, 1, 1)
    joined = world.scores.merge(events, on=["symbol", "decision_time_utc"])
    rows = joined[(joined["month_x"] == month) & (joined["maturity"] == "final")]
    out = run(world, month, base_rate=0.4).summary.set_index("symbol")
    for symbol, mine in [("AAA", rows[rows["symbol"] == "AAA"]), ("ALL", rows)]:
        error = mine["p_calibrated"] - mine["y"]
        assert out.loc[symbol, "brier"] == pytest.approx((error**2).mean())
        assert out.loc[symbol, "brier_base"] == pytest.approx(((0.4 - mine["y"]) ** 2).mean())
    assert run(world, month).summary["brier_base"].isna().all()


def test_a_month_with_no_bars_at_all_is_zeros_too():
    world = make_world()
    empty = backtest_fold(
        world.scores.iloc[:0], world.events.iloc[:0], world.bars.iloc[:0], FEBRUARY, CONFIG
    )
    assert list(empty.summary["symbol"]) == ["ALL"]
    assert empty.summary["return_frac"].iloc[0] == 0.0
    assert empty.equity.empty
