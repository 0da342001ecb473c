"""One account through all months, and the series for comparison."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.portfolio import (
    PORTFOLIO,
    PORTFOLIO_DECISIONS,
    PORTFOLIO_EQUITY,
    PORTFOLIO_MONTHS,
    PORTFOLIO_TRADES,
)
from step3_assets.config import AcceptanceConfig, GateConfig, Step3Config
from step3_assets.domain.core.months import month_of, month_range
from step3_assets.domain.execution.ledger import simulate
from step3_assets.domain.execution.marking import LedgerError, MarkClock
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.domain.portfolio.series import (
    PortfolioResult,
    reconcile_portfolio,
    run_portfolio,
    stress_series,
)
from step3_assets.domain.portfolio.variants import Period, stressed_decisions
from step3_assets_tests.domain.execution.months_world import MONTHS, MonthsWorld, make_world
from step3_assets_tests.domain.portfolio.test_reference_lines import published

CONFIG = Step3Config()
PUBLISHED = published(10_500, 10_200, 10_400, 11_000, first=MONTHS[0])
MARCH = date(2020, 3, 1)


def run(world: MonthsWorld, config: Step3Config = CONFIG, baseline=PUBLISHED) -> PortfolioResult:
    mock = world.scores[["month", "symbol", "decision_time_utc", "is_gated", "size_frac"]]
    series = {"platform": world.scores, "mock_baseline": mock.assign(is_gated=True, size_frac=0.5)}
    return run_portfolio(
        series, world.events, Period.of_bars(world.months, world.bars), config, baseline
    )


def of(frame: pd.DataFrame, series: str) -> pd.DataFrame:
    return frame[frame["series"] == series].reset_index(drop=True)


@pytest.fixture(scope="module")
def world() -> MonthsWorld:
    return make_world(per_month=30, quiet=(MARCH,))


@pytest.fixture(scope="module")
def result(world) -> PortfolioResult:
    return run(world)


def test_every_series_stands_in_every_table_that_it_has(result):
    ran = ["platform", "mock_baseline", "platform_costs_x1.25"]
    held = ["buy_and_hold:AAA", "buy_and_hold:BBB"]
    assert list(result.summary["series"]) == [*ran, "published_baseline", *held]
    assert set(result.trades["series"]) == set(result.decisions["series"]) == set(ran)
    assert set(result.equity["series"]) == {*ran, *held}
    assert set(result.months["series"]) == set(result.summary["series"])


def test_columns_are_those_of_the_catalogue(result):
    for frame, table in (
        (result.summary, PORTFOLIO),
        (result.trades, PORTFOLIO_TRADES),
        (result.decisions, PORTFOLIO_DECISIONS),
        (result.equity, PORTFOLIO_EQUITY),
        (result.months, PORTFOLIO_MONTHS),
    ):
        assert list(frame.columns) == table.names
        required = [c.name for c in table.columns if not c.is_nullable]
        assert not frame[required].isna().any(axis=None), table.name
        assert not frame.duplicated(list(table.key)).any(), table.name


def test_it_reconciles(result, world):
    assert reconcile_portfolio(result, CONFIG, world.bars) == []


def test_a_planted_fault_is_named_with_its_series(result, world):
    months = result.months.copy()
    months.loc[2, "pnl_usd"] += 1e-7
    trades = result.trades.copy()
    at = trades.index[trades["series"] == "mock_baseline"][3]
    trades.loc[at, "pnl_usd"] += 1e-7
    found = reconcile_portfolio(replace(result, months=months, trades=trades), CONFIG, world.bars)
    assert any(p.startswith("platform: the months gained") for p in found)
    assert any(p.startswith("mock_baseline: trades: pnl_usd is not the gain") for p in found)


def test_every_calendar_month_is_a_row(result):
    for series in result.summary["series"]:
        assert list(of(result.months, series)["month"]) == MONTHS
    summary = of(result.summary, "platform")
    assert summary["trades_per_month"].tolist() == [len(of(result.trades, "platform")) / 4]


def test_the_platform_is_the_one_simulation_path(result, world):
    """The same figures from a direct call of the simulator."""
    gated = world.scores[world.scores["is_gated"]]
    candidates = gated.drop(columns="month").merge(world.events, on=["symbol", "decision_time_utc"])
    direct = simulate(
        candidates,
        world.bars,
        start=pd.Timestamp("2020-01-01", tz="UTC"),
        end=pd.Timestamp("2020-05-01", tz="UTC"),
        allocation={"AAA": 0.5, "BBB": 0.5},
        config=CONFIG.execution,
    )
    pd.testing.assert_frame_equal(
        of(result.equity, "platform").drop(columns="series"), direct.equity, check_exact=True
    )
    summary = result.summary.set_index("series").loc["platform"]
    assert summary["end_equity_usd"] == direct.equity["equity_usd"].iloc[-1]
    assert summary["n_trades"] == len(direct.trades)


def test_all_lines_share_months_and_capital(result):
    assert set(result.summary["start_utc"]) == {pd.Timestamp("2020-01-01", tz="UTC")}
    assert set(result.summary["end_utc"]) == {pd.Timestamp("2020-05-01", tz="UTC")}
    assert set(result.summary["start_equity_usd"]) == {10_000.0}
    end = pd.Timestamp("2020-05-01", tz="UTC")
    clocks = {
        series: tuple(rows.loc[rows["bar_end_utc"] <= end, "bar_end_utc"])
        for series, rows in result.equity.groupby("series")
    }
    assert len(set(clocks.values())) == 1


def test_costs_are_stressed_in_the_decision_and_in_the_ledger(world):
    result = run(world, CONFIG)
    stressed, plain = of(result.trades, "platform_costs_x1.25"), of(result.trades, "platform")
    costs = stressed["cost_entry_usd"] / stressed["notional_usd"]
    np.testing.assert_allclose(costs, 1.25 * 0.0008 / 2, rtol=1e-12)
    np.testing.assert_allclose(plain["cost_entry_usd"] / plain["notional_usd"], 0.0004, rtol=1e-12)
    # ev_final is 20 bps for all: a threshold between 18 and 20 lets nothing through any more.
    strict = CONFIG.model_copy(update={"gate": GateConfig(k=2.2)})
    assert of(run(world, strict).trades, "platform_costs_x1.25").empty
    assert len(of(run(world, strict).trades, "platform")) == len(plain)


def test_the_stress_factor_is_a_setting(world):
    config = CONFIG.model_copy(update={"acceptance": AcceptanceConfig(cost_stress_factor=1.5)})
    assert stress_series(1.5) == "platform_costs_x1.5"
    assert "platform_costs_x1.5" in set(run(world, config).summary["series"])


def test_without_a_published_baseline_there_is_no_such_line(world):
    assert "published_baseline" not in set(run(world, baseline=None).summary["series"])


def test_notes_tell_a_reader_what_to_know(result, world):
    notes = result.summary.set_index("series")["note"]
    assert "partly in-sample" in notes["published_baseline"]
    assert "8.0 bps" in notes["buy_and_hold:AAA"]
    events = world.events.copy()
    last = events.sort_values("decision_time_utc").index[-4:]
    events.loc[last, "maturity"] = "provisional"
    scores = world.scores.assign(is_gated=True, size_frac=1.0, gate_reason="pass", ev_final=0.01)
    waiting = run(replace(world, events=events, scores=scores))
    assert "4 gated event(s) left out" in waiting.summary["note"].iloc[0]
    assert (of(waiting.decisions, "platform")["status"] == "not_final").sum() == 4


def test_months_before_are_the_same_whatever_follows(world):
    """The account up to a month's last bar does not know the months after it."""
    short = replace(
        world,
        months=MONTHS[:2],
        scores=world.scores[world.scores["month"].isin(MONTHS[:2])],
        bars=world.bars[world.bars["month"] <= MARCH],
    )
    end = pd.Timestamp("2020-03-01", tz="UTC")
    for table in ("equity", "trades"):
        stamp = "bar_end_utc" if table == "equity" else "exit_time_utc"
        first, second = (of(getattr(run(w), table), "platform") for w in (world, short))
        pd.testing.assert_frame_equal(
            first[first[stamp] <= end].reset_index(drop=True),
            second[second[stamp] <= end].reset_index(drop=True),
            check_exact=True,
        )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w: replace(w, months=[MONTHS[0], MONTHS[2]]), ValueError, "2020-02"),
        (lambda w: replace(w, months=MONTHS[:2]), ValueError, "platform holds decisions of other"),
        (lambda w: replace(w, events=w.events.iloc[1:]), ValueError, "1 scored row"),
        (
            lambda w: replace(
                w, bars=w.bars[w.bars["date"] < pd.Timestamp("2020-04-20", tz="UTC")]
            ),
            LedgerError,
            "has no bar that starts at 2020-04",
        ),
    ],
    ids=["month missing", "other months", "event missing", "bars missing"],
)
def test_what_is_missing_is_named(world, change, error, message):
    with pytest.raises(error, match=message):
        run(change(world))


def test_the_platform_must_be_among_the_series(world):
    with pytest.raises(ValueError, match=r"no series 'platform', only \['scores'\]"):
        run_portfolio(
            {"scores": world.scores}, world.events, Period.of_bars(MONTHS, world.bars), CONFIG
        )


def test_the_real_delivery_reconciles(reference_dir: Path):
    """Every event of three real years, taken as it comes: the ledger adds up to 1e-12."""
    from step3_assets.domain.core.calendar import bar_end

    events, bars = [], []
    for symbol in ("qqq", "spy"):
        root = reference_dir / "step2_out"
        event = pd.read_parquet(root / "events" / f"{symbol}_events.parquet")
        bar = pd.read_parquet(root / "bar_features" / f"{symbol}_bar_features.parquet")
        for name in ("decision_time_utc", "entry_time_utc", "exit_time_utc"):
            event[name] = pd.to_datetime(event[name], utc=True).dt.as_unit("us")
        event["decision_instant_utc"] = bar_end(event["decision_time_utc"])
        bar["bar_end_utc"] = bar_end(bar["date"])
        events.append(event)
        bars.append(bar[["symbol", "date", "bar_end_utc", "open", "close", "low"]])
    candidates, all_bars = pd.concat(events, ignore_index=True), pd.concat(bars)
    candidates["maturity"] = np.where(candidates["truncated_horizon"] == 1, "provisional", "final")
    candidates["month"], candidates["size_frac"] = month_of(candidates["decision_time_utc"]), 1.0
    months = month_range(date(2019, 2, 1), date(2022, 1, 1))
    candidates = candidates[candidates["month"].isin(months)]
    out = simulate(
        candidates,
        MarkClock.from_bars(all_bars),
        start=pd.Timestamp("2019-02-01", tz="UTC"),
        end=pd.Timestamp("2022-02-01", tz="UTC"),
        allocation={"QQQ": 0.5, "SPY": 0.5},
        config=CONFIG.execution,
    )
    assert reconcile(out, CONFIG.execution, all_bars) == []
    assert set(out.decisions["status"]) == {"traded", "position_open"}
    assert len(out.trades) > 500


def test_under_stress_a_searched_month_is_decided_by_its_own_gate(world):
    """One month refuses all, the others decide as the configuration does."""
    closed = CONFIG.model_copy(update={"gate": GateConfig(k=1e6)})
    factor = CONFIG.acceptance.cost_stress_factor
    plain, _ = stressed_decisions(world.scores, world.events, factor, CONFIG)
    mixed, _ = stressed_decisions(
        world.scores, world.events, factor, CONFIG, {world.months[1]: closed}
    )
    is_closed = mixed["month"] == world.months[1]
    assert plain.loc[is_closed, "is_gated"].any()
    assert not mixed.loc[is_closed, "is_gated"].any()
    pd.testing.assert_frame_equal(mixed[~is_closed], plain[~is_closed])
    assert list(mixed.index) == list(world.scores.index)


def test_a_month_without_a_position_has_gained_exactly_nothing(result):
    """A trade that is carried over explains what a month without a decision earned."""
    for series in ("platform", "mock_baseline"):
        months = of(result.months, series)
        assert (months.loc[months["n_held"] == 0, "pnl_usd"] == 0.0).all()
    trades = of(result.trades, "platform")
    assert not (trades["month"] == MARCH).any()
    carried = of(result.months, "platform").query("month == @MARCH")
    assert carried["n_held"].tolist() == [2]
    assert (carried["pnl_usd"] < -40.0).all()
