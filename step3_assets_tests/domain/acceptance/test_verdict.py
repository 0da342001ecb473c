"""Each criterion passes and fails as it should, and fails when its value is unknown."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.results import ACCEPTANCE
from step3_assets.config import AcceptanceConfig, StatisticsConfig, Step3Config
from step3_assets.domain.acceptance.criteria import CRITERIA
from step3_assets.domain.acceptance.criteria.folds_without_models import REQUIRED_HEADS
from step3_assets.domain.acceptance.verdict import judge, result_criteria, verdict
from step3_assets.domain.audit.run import CHECKS
from step3_assets.domain.core.months import month_range
from step3_assets.domain.portfolio.series import run_portfolio
from step3_assets.domain.portfolio.variants import Period
from step3_assets_tests.domain.execution.months_world import MONTHS, make_world

CONFIG = Step3Config()
TABLES = (
    "portfolio",
    "portfolio_months",
    "portfolio_equity",
    "fold_backtests",
    "model_metrics",
    "scores",
    "folds",
    "provenance",
    "statistics",
    "audit",
)


def passing_statistics() -> pd.DataFrame:
    """Every statistic on the good side, one trial only."""
    rows = [
        ("calmar", 1.5, 0.2, 2.9, 900),
        ("probabilistic_sharpe", 0.97, np.nan, np.nan, 900),
        ("deflated_sharpe", 0.96, np.nan, np.nan, 1),
        ("backtest_overfitting", np.nan, np.nan, np.nan, 1),
        ("gate_permutation_p", 0.01, np.nan, np.nan, 32),
        ("ev_slope", 0.8, 0.3, 1.3, 700),
        ("alpha", 0.06, 0.01, 0.11, 900),
        ("calmar_gain_over_same_exposure", 0.7, -0.1, 1.5, 900),
    ]
    frame = pd.DataFrame(rows, columns=["name", "value", "lower", "upper", "n"])
    return frame.assign(sentence="So it is said of " + frame["name"] + ".")


def passing_audit() -> pd.DataFrame:
    """Every check of the leakage audit passed."""
    return pd.DataFrame({"check": list(CHECKS), "is_passed": True})


def scored(months: Sequence[date], **columns) -> pd.DataFrame:
    """One scored event a month, or as many as the columns say."""
    known = {"gate_reason": "pass", "p_raw": 0.5, "p_calibrated": 0.5, "ev_final": 0.001}
    return pd.DataFrame({"month": months, **(known | columns)})


def passing_tables(months=MONTHS) -> dict[str, pd.DataFrame]:
    """A system that passes every criterion: small round numbers, all months there."""

    def line(series: str, calmar: float, drawdown: float = 0.05) -> dict:
        return {
            "series": series,
            "start_equity_usd": 10_000.0,
            "calmar": calmar,
            "max_drawdown_frac": drawdown,
            "end_equity_usd": 10_100.0,
            "trades_per_month": 8.0,
            "n_trades": 32,
        }

    every = {"series": "platform", "month": months}
    return {
        "portfolio": pd.DataFrame(
            [
                line("platform", 1.5),
                line("platform_costs_x1.25", 0.9, 0.06),
                line("mock_baseline", 0.4),
                line("published_baseline", 0.8),
            ]
        ),
        "portfolio_months": pd.concat(
            [
                pd.DataFrame(
                    every | {"equity_usd": 10_100.0, "return_frac": 0.01, "n_held": [8, 0, 16, 8]}
                ),
                pd.DataFrame({"series": "published_baseline", "month": months}),
            ],
            ignore_index=True,
        ),
        "portfolio_equity": pd.DataFrame(
            {
                "series": "platform",
                "bar_end_utc": pd.to_datetime(months, utc=True) + pd.Timedelta(days=9),
                "equity_usd": [10_000.0, 10_400.0, 9_880.0, 10_100.0][: len(months)],
                "drawdown_low_frac": 0.055,
            }
        ),
        "fold_backtests": pd.DataFrame(
            {"month": months, "symbol": "ALL", "return_frac": -0.02, "turnover": 9.0}
        ),
        "model_metrics": pd.DataFrame(
            [
                {"month": m, "head": h, "stage": "raw", "metric": k, "value": 0.05}
                for m in months
                for h in REQUIRED_HEADS
                for k in ("loss", "p_std")
            ]
        ),
        "scores": scored(months),
        "folds": pd.DataFrame({"month": months, "symbol": "QQQ", "n_test": 1}),
        "provenance": pd.DataFrame({"problem": []}),
        "statistics": passing_statistics(),
        "audit": passing_audit(),
    }


def criterion(tables: dict[str, pd.DataFrame], name: str, config: Step3Config = CONFIG) -> dict:
    return next(r for r in judge(tables, config).to_dict("records") if r["criterion"] == name)


def put(tables, series: str, **values) -> dict[str, pd.DataFrame]:
    summary = tables["portfolio"].copy()
    for name, value in values.items():
        summary.loc[summary["series"] == series, name] = value
    return tables | {"portfolio": summary}


def without(tables, table: str, **match) -> dict[str, pd.DataFrame]:
    rows = tables[table]
    keep = np.ones(len(rows), dtype=bool)
    for name, value in match.items():
        keep &= (rows[name] != value).to_numpy()
    return tables | {table: rows[keep].reset_index(drop=True)}


def edit(tables, table: str, row: int, column: str, value) -> dict[str, pd.DataFrame]:
    frame = tables[table].copy()
    frame.loc[row, column] = value
    return tables | {table: frame}


def test_a_good_system_is_promoted():
    out = judge(passing_tables(), CONFIG)
    assert list(out.columns) == ACCEPTANCE.names
    assert list(out["criterion"]) == list(CRITERIA)
    assert list(out["position"]) == list(range(1, len(CRITERIA) + 1))
    assert out["is_passed"].all()
    assert out["evidence"].str.len().gt(20).all()
    assert verdict(out) == "PROMOTE"


@pytest.mark.parametrize(
    ("name", "change", "value", "threshold"),
    [
        ("calmar_vs_baseline", lambda t: put(t, "platform", calmar=0.79), 0.79, 0.8),
        ("calmar_vs_baseline", lambda t: put(t, "mock_baseline", calmar=1.6), 1.5, 1.6),
        ("calmar_positive", lambda t: put(t, "platform", calmar=0.0), 0.0, 0.0),
        ("max_drawdown", lambda t: put(t, "platform", max_drawdown_frac=0.1201), 0.1201, 0.12),
        ("trades_per_month", lambda t: put(t, "platform", trades_per_month=4.99), 4.99, 5.0),
        (
            "worst_month",
            lambda t: edit(t, "portfolio_months", 2, "return_frac", -0.051),
            -0.051,
            -0.05,
        ),
        (
            "worst_month",
            lambda t: edit(t, "fold_backtests", 1, "return_frac", -0.06),
            -0.06,
            -0.05,
        ),
        ("folds_without_models", lambda t: edit(t, "scores", 0, "gate_reason", "no_model"), 1, 0),
        ("folds_without_models", lambda t: without(t, "model_metrics", month=MONTHS[1]), 1, 0),
        ("folds_without_models", lambda t: without(t, "model_metrics", head="q10"), 4, 0),
        ("monthly_turnover", lambda t: edit(t, "fold_backtests", 3, "turnover", 40.5), 40.5, 40.0),
        (
            "cost_stress_calmar",
            lambda t: put(t, "platform_costs_x1.25", calmar=-0.01),
            -0.01,
            0.0,
        ),
        (
            "cost_stress_drawdown",
            lambda t: put(t, "platform_costs_x1.25", max_drawdown_frac=0.13),
            0.13,
            0.12,
        ),
    ],
)
def test_a_criterion_fails_on_its_own_fault(name, change, value, threshold):
    out = judge(change(passing_tables()), CONFIG)
    row = next(r for r in out.to_dict("records") if r["criterion"] == name)
    assert not row["is_passed"]
    assert row["value"] == pytest.approx(value)
    assert row["threshold"] == pytest.approx(threshold)
    failed = list(out.loc[~out["is_passed"], "criterion"])
    assert name in failed
    assert verdict(out) == f"PROMOTE NOTHING: failed {', '.join(failed)}"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("calmar_vs_baseline", lambda t: put(t, "platform", calmar=0.8)),
        ("max_drawdown", lambda t: put(t, "platform", max_drawdown_frac=0.12)),
        ("trades_per_month", lambda t: put(t, "platform", trades_per_month=5.0)),
        ("worst_month", lambda t: edit(t, "fold_backtests", 1, "return_frac", -0.05)),
        ("monthly_turnover", lambda t: edit(t, "fold_backtests", 1, "turnover", 40.0)),
    ],
)
def test_a_value_at_its_threshold_passes(name, change):
    assert criterion(change(passing_tables()), name)["is_passed"]


def test_a_system_that_never_trades_is_not_promoted_beside_losing_baselines():
    tables = put(passing_tables(), "platform", calmar=0.0, trades_per_month=0.0, n_trades=0)
    for series in ("mock_baseline", "published_baseline"):
        tables = put(tables, series, calmar=-0.3)
    assert criterion(tables, "calmar_vs_baseline")["is_passed"]
    assert not criterion(tables, "calmar_positive")["is_passed"]
    assert verdict(judge(tables, CONFIG)).startswith("PROMOTE NOTHING")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_table_that_is_not_there_fails_closed(table, how):
    tables = passing_tables()
    if how == "missing":
        del tables[table]
    else:
        tables[table] = tables[table].iloc[:0]
    out = judge(tables, CONFIG)
    if table == "provenance" and how == "empty":
        assert out["is_passed"].all()  # nothing was found
        return
    assert not out["is_passed"].all()
    assert verdict(out).startswith("PROMOTE NOTHING: failed ")


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (
            "calmar_vs_baseline",
            lambda t: without(t, "portfolio", series="mock_baseline"),
            "portfolio has no rows of mock_baseline",
        ),
        (
            "calmar_vs_baseline",
            lambda t: put(t, "mock_baseline", calmar=np.nan),
            "calmar of mock_baseline is no number",
        ),
        ("calmar_positive", lambda t: put(t, "platform", calmar=np.inf), "is no number"),
        (
            "max_drawdown",
            lambda t: put(t, "platform", max_drawdown_frac=np.nan),
            "max_drawdown_frac of platform is no number",
        ),
        (
            "worst_month",
            lambda t: edit(t, "fold_backtests", 0, "return_frac", np.nan),
            "return_frac of a month is no number",
        ),
        (
            "worst_month",
            lambda t: without(t, "fold_backtests", month=MONTHS[2]),
            "fold_backtests lacks 2020-03",
        ),
        (
            "trades_per_month",
            lambda t: without(t, "portfolio_months", month=MONTHS[1]),
            "does not hold every calendar month",
        ),
        (
            "constant_predictors",
            lambda t: without(t, "model_metrics", metric="p_std"),
            "of 2020-01, 2020-02, 2020-03, 2020-04 is unknown",
        ),
        (
            "cost_stress_calmar",
            lambda t: without(t, "portfolio", series="platform_costs_x1.25"),
            "portfolio has no rows of platform_costs_x1.25",
        ),
    ],
)
def test_what_cannot_be_evaluated_fails_and_says_why(name, change, says):
    row = criterion(change(passing_tables()), name)
    assert row["is_passed"] is False
    assert math.isnan(row["value"])
    assert row["evidence"].startswith("Not evaluated, so not passed: ")
    assert says in row["evidence"]


def test_both_baselines_are_named_and_the_binding_one():
    row = criterion(passing_tables(), "calmar_vs_baseline")
    assert "mock_baseline 0.400" in row["evidence"]
    assert "published_baseline 0.800" in row["evidence"]
    assert row["evidence"].endswith("published_baseline binds.")
    row = criterion(put(passing_tables(), "mock_baseline", calmar=0.9), "calmar_vs_baseline")
    assert (row["value"], row["threshold"]) == (1.5, 0.9)
    assert row["evidence"].endswith("mock_baseline binds.")


def test_no_published_baseline_is_said_and_the_honest_one_binds():
    tables = without(passing_tables(), "portfolio", series="published_baseline")
    row = criterion(tables, "calmar_vs_baseline")
    assert row["is_passed"]
    assert "no published baseline in the delivery" in row["evidence"]


def test_a_baseline_of_fewer_months_is_met_over_those_months():
    tables = passing_tables()
    months = tables["portfolio_months"]
    covered = months[(months["series"] == "platform") | months["month"].isin(MONTHS[:2])]
    tables["portfolio_months"] = covered.reset_index(drop=True)
    row = criterion(tables, "calmar_vs_baseline")
    # Over January and February the platform went from 10,000 to 10,400 without a fall: the mock
    # baseline, over all months, leaves the least room.
    assert row["evidence"].count("over its 2 months") == 1
    same = (1.04**6 - 1) / 0.01
    assert f"where the platform has {same:.3f}" in row["evidence"]
    later = months[(months["series"] == "platform") | months["month"].isin(MONTHS[2:])]
    tables["portfolio_months"] = later.reset_index(drop=True)
    row = criterion(tables, "calmar_vs_baseline")
    # March and April: from 10,100 (February's last equity) down to 9,880 and back to 10,100.
    assert row["value"] == pytest.approx(0.0, abs=1e-12)
    assert row["threshold"] == 0.8
    assert not row["is_passed"]


@pytest.mark.parametrize(("drawdown", "warns"), [(0.10, False), (0.101, True), (0.121, False)])
def test_a_drawdown_near_the_limit_warns(drawdown, warns):
    row = criterion(put(passing_tables(), "platform", max_drawdown_frac=drawdown), "max_drawdown")
    assert ("WARNING" in row["evidence"]) is warns
    assert "5.50% at bar lows" in row["evidence"]


@pytest.mark.parametrize("source", ["out of fold", "scores"])
def test_a_classifier_that_predicts_one_number_is_caught(source):
    tables = passing_tables()
    if source == "out of fold":
        metrics = tables["model_metrics"]
        row = metrics[(metrics["head"] == "classifier") & (metrics["metric"] == "p_std")]
        tables = edit(tables, "model_metrics", row.index[2], "value", 0.0)
    else:
        flat = scored([MONTHS[2]] * 30)
        tables["scores"] = pd.concat([tables["scores"], flat], ignore_index=True)
    row = criterion(tables, "constant_predictors")
    assert not row["is_passed"]
    assert row["value"] == 1.0
    assert "2020-03" in row["evidence"]


def test_the_spread_of_many_scores_will_do_where_no_metric_tells_it():
    tables = without(passing_tables(), "model_metrics", metric="p_std")
    rng = np.random.default_rng(0)
    tables["scores"] = scored(MONTHS * 30, p_raw=rng.uniform(0.4, 0.6, 120))
    assert criterion(tables, "constant_predictors")["is_passed"]


def test_thresholds_are_settings():
    strict = AcceptanceConfig(max_drawdown_frac=0.04, min_trades_per_month=9.0)
    out = judge(passing_tables(), CONFIG.model_copy(update={"acceptance": strict}))
    failed = set(out.loc[~out["is_passed"], "criterion"])
    assert failed == {"max_drawdown", "trades_per_month", "cost_stress_drawdown"}


def test_the_verdict_trusts_no_mark_against_its_own_value():
    out = judge(passing_tables(), CONFIG)
    lied = out.copy()
    lied.loc[lied["criterion"] == "max_drawdown", "value"] = 0.5
    assert verdict(lied) == "PROMOTE NOTHING: failed max_drawdown"
    unknown = out.copy()
    unknown.loc[unknown["criterion"] == "max_drawdown", "value"] = np.nan
    assert verdict(unknown) == "PROMOTE NOTHING: failed max_drawdown"


@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_that_was_left_out_or_doubled_fails(name):
    out = judge(passing_tables(), CONFIG)
    assert verdict(out[out["criterion"] != name]) == f"PROMOTE NOTHING: failed {name}"
    assert verdict(pd.concat([out, out[out["criterion"] == name]])).endswith(f"failed {name}")


@pytest.mark.parametrize("mark", [False, None, np.nan, "yes", 1.0])
def test_only_true_is_a_pass(mark):
    out = judge(passing_tables(), CONFIG).astype({"is_passed": object})
    out.loc[2, "is_passed"] = mark
    assert verdict(out) == "PROMOTE NOTHING: failed max_drawdown"


def test_a_further_criterion_that_failed_counts():
    out = judge(passing_tables(), CONFIG)
    more = out.iloc[:1].assign(criterion="bootstrap", is_passed=False)
    assert verdict(pd.concat([out, more])) == "PROMOTE NOTHING: failed bootstrap"


def test_no_criteria_at_all_promotes_nothing():
    empty = pd.DataFrame(columns=ACCEPTANCE.names)
    assert verdict(empty) == f"PROMOTE NOTHING: failed {', '.join(CRITERIA)}"


def failed_in_the_audit(check: str) -> pd.DataFrame:
    audit = passing_audit()
    audit.loc[audit["check"] == check, "is_passed"] = False
    return audit


@pytest.mark.parametrize(
    ("audit", "value", "says"),
    [
        (failed_in_the_audit("prefix_rule"), 1.0, "failed: prefix_rule."),
        (passing_audit().iloc[1:], 1.0, "failed: known_at."),
        (pd.concat([passing_audit(), passing_audit().iloc[:1]]), 1.0, "failed: known_at."),
        (
            passing_audit().astype({"is_passed": object}).replace({True: None}),
            float(len(CHECKS)),
            "known_at",
        ),
        (passing_audit().iloc[:0], math.nan, "has not been run on these results"),
    ],
    ids=["failed", "left out", "twice", "unmarked", "not run"],
)
def test_an_audit_that_did_not_pass_promotes_nothing(audit, value, says):
    tables = passing_tables() | {"audit": audit}
    row = criterion(tables, "leakage_audit")
    assert not row["is_passed"]
    assert row["value"] == pytest.approx(value, nan_ok=True)
    assert says in row["evidence"]
    assert verdict(judge(tables, CONFIG)) == "PROMOTE NOTHING: failed leakage_audit"


def test_results_alone_are_judged_without_the_audit_only_where_that_is_asked_for():
    tables = passing_tables()
    del tables["audit"]
    out = judge(tables, CONFIG, result_criteria())
    assert "leakage_audit" not in set(out["criterion"])
    assert verdict(out, result_criteria()) == "PROMOTE"
    assert verdict(out) == "PROMOTE NOTHING: failed leakage_audit, provenance"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t | {"scores": t["scores"].iloc[:0]}, "do not hold every test event"),
        (lambda t: t | {"scores": t["scores"].iloc[1:]}, "test event of 2020-01"),
        (lambda t: edit(t, "scores", 2, "p_calibrated", np.nan), "1 scores are not finite"),
        (lambda t: edit(t, "scores", 2, "ev_final", np.inf), "1 scores are not finite"),
        (lambda t: edit(t, "portfolio_equity", 1, "equity_usd", np.nan), "1 marks of the equity"),
        (lambda t: t | {"portfolio_equity": t["portfolio_equity"].iloc[1:]}, "no mark in 2020-01"),
        (
            lambda t: without(t, "portfolio_months", month=MONTHS[0]),
            "portfolio_months lacks 2020-01",
        ),
        (lambda t: without(t, "folds", month=MONTHS[3]), "folds lack 2020-04"),
        (lambda t: put(t, "platform", max_drawdown_frac=0.01), "max_drawdown_frac is 0.01"),
        (lambda t: put(t, "platform", end_equity_usd=12_000.0), "end_equity_usd is 12000"),
    ],
)
def test_results_that_are_not_whole_promote_nothing(change, says):
    tables = change(passing_tables())
    row = criterion(tables, "complete_results")
    assert not row["is_passed"]
    assert says in row["evidence"]
    assert "complete_results" in verdict(judge(tables, CONFIG))


def test_tables_that_were_not_made_from_one_another_promote_nothing():
    problems = pd.DataFrame({"problem": ["statistics was made from other rows"] * 5})
    row = criterion(passing_tables() | {"provenance": problems}, "provenance")
    assert (row["is_passed"], row["value"]) == (False, 5.0)
    assert row["evidence"].endswith("and 2 more.")


def test_criteria_looser_than_the_defaults_are_named_in_the_verdict():
    easy = AcceptanceConfig(
        max_drawdown_frac=0.5,
        max_permutation_p=0.4,
        cost_stress_factor=1.0,
        min_deflated_sharpe=0.5,
    )
    config = Step3Config(acceptance=easy, statistics=StatisticsConfig(level=0.8))
    line = verdict(judge(put_stress(passing_tables()), config))
    assert line.startswith("PROMOTE; with loosened criteria: max_drawdown (max_drawdown_frac 0.5 ")
    for name in ("cost_stress_calmar", "cost_stress_drawdown", "calmar_lower_bound"):
        assert f"{name} (" in line
    assert "gate_permutation_p (max_permutation_p 0.4 instead of 0.05)" in line
    assert "deflated_sharpe (min_deflated_sharpe 0.5 instead of 0.95)" in line
    assert "level 0.8 instead of 0.9" in line
    strict = Step3Config(
        acceptance=AcceptanceConfig(max_drawdown_frac=0.06, min_deflated_sharpe=0.96)
    )
    assert verdict(judge(passing_tables(), strict)) == "PROMOTE"


def put_stress(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The stressed series under the name that a factor of 1 gives it."""
    summary = tables["portfolio"].replace({"platform_costs_x1.25": "platform_costs_x1"})
    return tables | {"portfolio": summary}


@pytest.mark.parametrize("level", [0.0001, 0.5, 0.79, 0.999, 1.0])
def test_absurd_levels_of_intervals_are_refused(level):
    with pytest.raises(ValueError, match="level"):
        StatisticsConfig(level=level)


def test_a_span_shorter_than_the_data_allow_is_named_in_the_verdict():
    span = pd.DataFrame({"first_month": [date(2019, 6, 1)], "last_month": [MONTHS[-1]]})
    line = verdict(judge(passing_tables() | {"longest_span": span}, CONFIG))
    assert line == "PROMOTE; over 2020-01 to 2020-04 only, the data allow 2019-06 to 2020-04"
    whole = span.assign(first_month=MONTHS[0])
    assert verdict(judge(passing_tables() | {"longest_span": whole}, CONFIG)) == "PROMOTE"


@pytest.mark.parametrize(("drift", "makes_money"), [(0.0006, True), (-0.0006, False)])
def test_it_judges_what_the_portfolio_makes(drift, makes_money):
    """The real frames of a run: every value is found, and the money decides."""
    world = make_world(months=month_range(date(2020, 1, 1), date(2020, 4, 1)), drift=drift)
    series = {"platform": world.scores, "mock_baseline": world.scores.assign(size_frac=0.1)}
    result = run_portfolio(series, world.events, Period.of_bars(world.months, world.bars), CONFIG)
    tables = passing_tables() | {
        "portfolio": result.summary,
        "portfolio_months": result.months,
        "portfolio_equity": result.equity,
        "scores": world.scores,
    }
    assert judge(tables, CONFIG)["value"].notna().all()
    platform = next(r for r in result.summary.to_dict("records") if r["series"] == "platform")
    assert criterion(tables, "calmar_positive")["value"] == platform["calmar"]
    assert criterion(tables, "calmar_positive")["is_passed"] is makes_money
    assert criterion(tables, "cost_stress_calmar")["is_passed"] is makes_money
