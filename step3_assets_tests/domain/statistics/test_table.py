"""The table of statistics: every statistic of a run, and a reason for each that is missing."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.results import STATISTICS
from step3_assets.config import StatisticsConfig, Step3Config
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import month_range
from step3_assets.domain.portfolio.series import run_portfolio
from step3_assets.domain.portfolio.variants import Period
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.table import statistic_names, statistics_table
from step3_assets.domain.statistics.trials import Trials
from step3_assets_tests.domain.execution.months_world import make_world

CONFIG = Step3Config(statistics=StatisticsConfig(n_resamples=100, n_permutations=199))
MONTHS = month_range(date(2020, 1, 1), date(2020, 12, 1))


@pytest.fixture(scope="module")
def run() -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """A year of a rising market traded at random, scores with a little truth in them."""
    world = make_world(months=MONTHS, drift=0.0008, seed=3)
    rng = np.random.default_rng(0)
    prices = world.events["exit_open"] / world.events["entry_open"]
    net = np.log(prices.to_numpy(dtype=np.float64)) - 0.0008
    outcomes = world.events.assign(net_logret=net)
    scores = world.scores.assign(ev_final=0.5 * net + 0.004 * rng.standard_normal(len(net)))
    series = {"platform": scores, "mock_baseline": scores.assign(size_frac=0.2)}
    result = run_portfolio(series, world.events, Period.of_bars(MONTHS, world.bars), CONFIG)
    rates = {"head": "base_rate", "stage": "raw", "metric": "p_mean", "value": 0.5}
    tables = {
        "portfolio": result.summary,
        "portfolio_months": result.months,
        "portfolio_equity": result.equity,
        "portfolio_trades": result.trades,
        "portfolio_decisions": result.decisions,
        "scores": scores,
        "model_metrics": pd.DataFrame([{"month": m, **rates} for m in MONTHS]),
    }
    return tables, outcomes


def found(run, trials=None, **changed) -> dict[str, dict]:
    tables, outcomes = run
    frame = statistics_table(tables | changed, outcomes, CONFIG, trials)
    return {str(r["name"]): r for r in frame.to_dict("records")}


def test_the_table_matches_the_catalogue_and_has_every_statistic(run):
    frame = statistics_table(run[0], run[1], CONFIG)
    assert list(frame["name"]) == list(statistic_names())
    assert frame_hash(frame, STATISTICS)
    known = frame.set_index("name")["value"]
    assert known.drop(["backtest_overfitting", "gain_without_best_year"]).notna().all()
    assert frame["sentence"].str.endswith(".").all()


def test_values_are_those_of_the_portfolio(run):
    summary = run[0]["portfolio"].set_index("series")
    rows = found(run)
    for name, column in (("calmar", "calmar"), ("sharpe", "sharpe"), ("net_bps_mean",) * 2):
        assert rows[name]["value"] == pytest.approx(summary.loc["platform", column], rel=1e-9)
    gain = summary.loc["platform", "calmar"] - summary.loc["mock_baseline", "calmar"]
    assert rows["calmar_gain_over_mock"]["value"] == pytest.approx(gain, rel=1e-9)
    assert rows["net_bps_mean"]["n"] == summary.loc["platform", "n_trades"]


def test_information_planted_in_the_scores_is_found_and_a_random_gate_is_not(run):
    rows = found(run)
    assert rows["ev_slope"]["lower"] > 0.0
    assert rows["gate_permutation_p"]["value"] > 0.05


def test_the_same_run_gives_the_same_bits(run):
    once, again = (statistics_table(run[0], run[1], CONFIG) for _ in range(2))
    pd.testing.assert_frame_equal(once, again, check_exact=True)


def test_without_a_ledger_the_configuration_shown_is_the_only_trial(run):
    rows = found(run)
    assert rows["deflated_sharpe"]["value"] == rows["probabilistic_sharpe"]["value"]
    assert "no record: only this one" in rows["deflated_sharpe"]["sentence"]
    assert np.isnan(rows["backtest_overfitting"]["value"])
    assert rows["backtest_overfitting"]["n"] == 1
    assert "Does not apply" in rows["backtest_overfitting"]["sentence"]


def test_trials_deflate_and_are_cross_validated(run):
    rng = np.random.default_rng(1)
    returns = pd.DataFrame(0.02 * rng.standard_normal((len(MONTHS), 9)), index=MONTHS)
    rows = found(run, Trials(9, returns, is_recorded=True))
    assert rows["deflated_sharpe"]["value"] < rows["probabilistic_sharpe"]["value"]
    assert 0.0 <= rows["backtest_overfitting"]["value"] <= 1.0
    assert rows["backtest_overfitting"]["n"] == 9


def test_trials_whose_returns_are_unknown_leave_no_pbo(run):
    row = found(run, Trials(9, is_recorded=True))["backtest_overfitting"]
    assert np.isnan(row["value"])
    assert "9 trials are not recorded" in row["sentence"]
    assert row["n"] == 0


def test_an_account_that_never_trades_has_no_statistics_and_says_why(run):
    tables, _ = run
    decisions = tables["portfolio_decisions"].assign(status="zero_size")
    flat = tables["portfolio_equity"].assign(equity_usd=10_000.0)
    rows = found(
        run,
        portfolio_decisions=decisions,
        portfolio_equity=flat,
        portfolio_trades=tables["portfolio_trades"].iloc[:0],
    )
    for name in statistic_names()[:6]:
        assert np.isnan(rows[name]["value"]), name
        assert rows[name]["sentence"].startswith("Not computed: ")
    assert np.isnan(rows["gate_permutation_p"]["value"])


@pytest.mark.parametrize("table", ["scores", "portfolio_equity", "model_metrics"])
def test_a_missing_table_is_named(run, table):
    tables, outcomes = run
    frame = statistics_table({k: v for k, v in tables.items() if k != table}, outcomes, CONFIG)
    assert frame["sentence"].str.contains(f"table {table} is not there").any()


def test_provisional_labels_do_not_count(run):
    tables, outcomes = run
    frame = statistics_table(tables, outcomes.assign(maturity="provisional"), CONFIG)
    rows = frame.set_index("name")["value"]
    assert rows[["gate_permutation_p", "ev_slope", "brier_gain"]].isna().all()


def test_no_trials_at_all_are_refused():
    with pytest.raises(ValueError, match="counts as one"):
        Trials(0)


def test_the_benchmark_covers_every_session_of_the_account_and_is_sold_with_the_period(run):
    tables, outcomes = run
    results = Results(tables=tables, outcomes=outcomes, config=CONFIG, trials=Trials())
    held = results.buy_and_hold
    assert held.index.equals(results.paths.index)
    ends = tables["portfolio"].set_index("series").loc[["buy_and_hold:AAA", "buy_and_hold:BBB"]]
    one = results.paths_of("buy_and_hold:AAA")
    tail = held.loc[held.index > one.index[-1], "growth"]
    assert len(tail) > 0, "the last trades exit after the period"
    assert (tail == 1.0).all()
    both = [results.paths_of(f"buy_and_hold:{symbol}")["growth"] for symbol in ("AAA", "BBB")]
    assert held["growth"].prod() == pytest.approx(((both[0] + both[1]) / 2).prod())
    assert both[0].prod() == pytest.approx(ends["end_equity_usd"].iloc[0] / 10_000.0)


def test_sessions_that_the_benchmark_lacks_before_its_end_are_named(run):
    equity = run[0]["portfolio_equity"]
    is_gap = (equity["series"] == "buy_and_hold:AAA") & (
        equity["bar_end_utc"].dt.strftime("%Y-%m") == "2020-05"
    )
    row = found(run, portfolio_equity=equity[~is_gap])["alpha"]
    assert np.isnan(row["value"])
    assert "different sessions" in row["sentence"]
    none = equity[~equity["series"].str.startswith("buy_and_hold")]
    assert "no buy-and-hold" in found(run, portfolio_equity=none)["alpha"]["sentence"]


def test_evenness_is_the_gain_left_without_the_best_year(run):
    months = pd.DataFrame(
        {
            "series": "platform",
            "month": month_range(date(2020, 1, 1), date(2022, 12, 1)),
            "pnl_constant_usd": [10.0] * 12 + [-5.0] * 12 + [20.0] * 12,
        }
    )
    row = found(run, portfolio_months=months)["gain_without_best_year"]
    assert row["value"] == pytest.approx(1 - 240 / 300)
    assert "2 of 3 calendar years gained and 1 lost; without 2022" in row["sentence"]
    lost = found(run, portfolio_months=months.assign(pnl_constant_usd=-1.0))
    assert "gained nothing" in lost["gain_without_best_year"]["sentence"]
