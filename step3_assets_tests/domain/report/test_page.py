"""The page: verdict first, every empty case explained, no number without data."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.report.page import anchor, write_page
from step3_assets_tests.domain.report.frames import VERDICT, empty, make_inputs, tuned_params

SECTIONS = [
    "Criteria",
    "How much could be chance",
    "Portfolio",
    "Against the plan",
    "Stressed costs",
    "Allocation",
    "Symbols",
    "Drawdown",
    "Against the benchmarks",
    "Volatility and tails",
    "Deepest drawdowns",
    "Rolling measures",
    "Profit and loss by month",
    "Trades",
    "Where trades earn",
    "Exposure",
    "Reliability",
    "Weekly recalibration",
    "Expected value",
    "Rank order of scores",
    "From candidate to trade",
    "Risk rules",
    "Folds",
    "What the models look at",
    "Parameters across epochs",
    "Monitoring",
    "Leakage audit",
    "Model registry",
    "Data and settings",
    "What this page cannot tell",
]


def section(page: str, name: str) -> str:
    """The text under one heading."""
    return re.split(r"^## ", page.split(f"## {name}\n", 1)[1], flags=re.M)[0]


def cells(page: str, name: str, row: str) -> list[str]:
    """The cells of the first table row that starts with the text."""
    found = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", section(page, name), flags=re.M)
    assert found, f"no row {row!r} in {name}"
    return [cell.strip() for cell in found[1].split("|")]


def nothing_at_all():
    inputs = make_inputs(n_months=1)
    tables = [
        "acceptance",
        "statistics",
        "audit",
        "drift",
        "importances",
        "portfolio",
        "portfolio_months",
        "portfolio_equity",
        "portfolio_trades",
        "portfolio_decisions",
        "fold_backtests",
        "folds",
        "scores",
        "model_metrics",
        "recalibrations",
        "recalibration_comparison",
        "reliability_bins",
    ]
    return replace(
        inputs,
        **{table: empty(table) for table in tables},
        events_outcomes=inputs.events_outcomes.iloc[:0],
        mock_baseline=None,
    )


CASES = {
    "usual": make_inputs,
    "no trades": lambda: make_inputs(n_months=3, traded_share=0.0),
    "zero gated": lambda: make_inputs(n_months=3, gate_share=0.0),
    "one month": lambda: make_inputs(n_months=1),
    "one symbol": lambda: make_inputs(n_months=2, n_symbols=1),
    "five symbols": lambda: make_inputs(n_months=2, n_symbols=5),
    "no published baseline": lambda: make_inputs(n_months=2, with_published=False),
    "no mock baseline": lambda: make_inputs(n_months=2, with_mock=False),
    "nothing": nothing_at_all,
}


@cache
def page_of(case: str) -> str:
    return write_page(CASES[case]())


@pytest.fixture(params=CASES, ids=list(CASES))
def any_page(request):
    return page_of(request.param)


@pytest.fixture(scope="module")
def page(inputs):
    return write_page(inputs)


def test_the_first_line_is_the_verdict(any_page):
    assert any_page.split("\n", 1)[0] == f"# {VERDICT}"


def test_every_section_stands_on_every_page(any_page):
    assert re.findall(r"^## (.*)$", any_page, flags=re.M) == SECTIONS


def test_every_section_link_has_its_heading(any_page):
    links = re.findall(r"\]\(#([^)]*)\)", any_page)
    assert links == [anchor(name) for name in SECTIONS]


def test_no_raw_float_and_no_null_reaches_the_reader(any_page):
    text = re.sub(r"`[^`]*`", "", any_page)
    assert not re.findall(r"\d\.\d{5,}|\de-\d", text)
    assert not re.findall(r"\b(nan|NaN|None|NaT|inf|<NA>)\b", text)


def test_a_page_is_a_function_of_its_inputs(page):
    assert write_page(make_inputs()) == page


def test_a_synthetic_page_says_so_at_its_top_and_in_every_heading(synthetic_inputs):
    page = write_page(synthetic_inputs)
    headings = re.findall(r"^#+ (.*)$", page, flags=re.M)
    assert headings == [f"SYNTHETIC · {h}" for h in [VERDICT, *SECTIONS]]
    assert page.split("\n")[2].startswith("> **SYNTHETIC data.**")


def test_a_real_page_never_says_synthetic(any_page):
    assert "SYNTHETIC" not in any_page


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("Calmar vs baseline", ["FAIL", "0.214", "≥ 0.450", "Calmar 0.214 against 0.450."]),
        ("Max drawdown", ["PASS", "7.31%", "≤ 12.00%", "Deepest fall 7.31% at bar closes."]),
        ("Worst month", ["PASS", "-3.12%", "≥ -5.00%", "Worst month 2020-03 with -3.12%."]),
        ("Constant predictors", ["PASS", "0", "= 0", "No classifier is constant."]),
        (
            "Calmar positive",
            ["PASS", "0.214", "&gt; 0.000", "The platform made money after costs."],
        ),
        (
            "Monthly turnover",
            ["FAIL", "not available", "not available", "Not evaluated, so not passed."],
        ),
    ],
)
def test_each_criterion_is_one_row(page, criterion, expected):
    assert cells(page, "Criteria", criterion) == expected
    assert "4 of 7 criteria passed." in section(page, "Criteria")


def test_figures_of_the_platform_come_from_its_row(inputs):
    summary = inputs.portfolio.copy()
    is_own = summary["series"] == "platform"
    figures = {"end_equity_usd": 12345.6, "cagr": 0.0432, "calmar": 0.876, "n_trades": 1234}
    for column, value in figures.items():
        summary.loc[is_own, column] = value
    page = write_page(replace(inputs, portfolio=summary))
    first = {name: cells(page, "Portfolio", name)[0] for name in ("End equity", "CAGR", "Calmar")}
    assert first == {"End equity": "$12,346", "CAGR": "4.32%", "Calmar": "0.88"}
    assert cells(page, "Portfolio", "Trades")[0] == "1,234"


def test_series_stand_in_one_order(page):
    header = section(page, "Portfolio").split("\n| :---", 1)[0].splitlines()[-1]
    assert [h.strip() for h in header.strip("|").split("|")] == [
        "",
        "Platform",
        "Platform, costs × 1.25",
        "Mock baseline",
        "Published baseline (partly in-sample)",
        "Buy and hold AAA",
        "Buy and hold BBB",
    ]


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("no published baseline", "Published baseline (partly in-sample)"),
        ("no mock baseline", "Mock baseline"),
    ],
)
def test_a_missing_baseline_is_named_and_has_no_empty_column(case, name):
    page = section(page_of(case), "Portfolio")
    header = page.split("\n| :---", 1)[0].splitlines()[-1]
    assert f"| {name} |" not in header
    assert f"**{name}:** not available in this run." in page


@pytest.mark.parametrize("case", ["no trades", "zero gated", "nothing"])
def test_no_trade_is_said_in_words(case):
    page = page_of(case)
    assert "**The platform made no trade in these months.**" in page


def test_figures_of_trades_are_not_available_without_trades():
    symbol = cells(page_of("no trades"), "Symbols", "AAA")
    hit_rate, net, pnl = symbol[3:6]
    assert (hit_rate, net, pnl) == ("not available", "not available", "$0")


def test_zero_gated_is_said_in_words():
    page = page_of("zero gated")
    assert "**The gate let no candidate through.**" in page
    assert cells(page, "From candidate to trade", "**Passed the gate**")[0] == "0"


def test_five_symbols_each_have_a_row():
    page = page_of("five symbols")
    for symbol in ("AAA", "BBB", "CCC", "DDD", "EEE"):
        assert len(cells(page, "Symbols", symbol)) == 10


def test_trades_of_the_symbols_add_up_to_the_ledger(inputs, page):
    ledger = inputs.portfolio_trades.query("series == 'platform'")
    by_symbol = [int(cells(page, "Symbols", s)[2].replace(",", "")) for s in ("AAA", "BBB")]
    assert by_symbol == [int((ledger["symbol"] == s).sum()) for s in ("AAA", "BBB")]


def test_a_year_that_is_not_whole_says_how_many_months(page):
    years = section(page, "Profit and loss by month")
    assert "| 2019 (2 months) |" in years
    assert "| 2020 |" in years


def test_a_year_compounds_its_months():
    inputs = make_inputs(n_months=2)
    months = inputs.portfolio_months.copy()
    months.loc[months["series"] == "platform", "return_frac"] = [0.10, -0.05]
    months.loc[months["series"] == "platform", "pnl_usd"] = [1000.0, -550.0]
    months.loc[months["series"] == "platform", "pnl_constant_usd"] = [1000.0, -500.0]
    page = write_page(replace(inputs, portfolio_months=months))
    row = cells(page, "Profit and loss by month", "2019 (2 months)")
    assert row[:3] == ["4.50%", "$450", "$500"]
    assert row[4:] == ["1 of 2", "-5.00%"]


@pytest.mark.parametrize(("n_months", "is_folded"), [(12, False), (13, True)])
def test_long_tables_are_folded(n_months, is_folded):
    page = write_page(make_inputs(n_months=n_months, n_symbols=1, with_mock=False))
    assert (f"<summary>Every month ({n_months})</summary>" in page) is is_folded
    assert (f"<summary>Every fold ({n_months})</summary>" in page) is is_folded
    for month in ("2019-11", "2020-10"):
        assert f"| {month} |" in section(page, "Folds")


def test_fold_rows_add_symbols_and_take_results_of_the_account(inputs, page):
    fold = inputs.folds[inputs.folds["month"] == inputs.folds["month"].iloc[0]]
    row = cells(page, "Folds", "2019-11")
    assert row[0] == f"{fold['n_fit'].sum():,}"
    assert row[3] == f"{fold['n_purged'].sum():,}"
    account = inputs.fold_backtests.query("symbol == 'ALL'").iloc[0]
    assert row[7] == f"{account['n_trades']:,}"


def test_brier_stands_beside_the_base_rate(page):
    rows = re.findall(r"^\| Test months \| ([^|]*) \|.*$", section(page, "Reliability"), re.M)
    assert rows == ["Classifier, raw", "Classifier, calibrated", "Logistic baseline", "Base rate"]


def test_a_base_rate_that_was_not_had_is_not_available(inputs):
    metrics = inputs.model_metrics.query("head != 'base_rate'")
    page = section(write_page(replace(inputs, model_metrics=metrics)), "Reliability")
    against = [r.split("|")[5].strip() for r in page.splitlines() if r.startswith("| Test months")]
    assert against == ["not available"] * 4


@pytest.mark.parametrize(
    ("own", "mock", "sentence"),
    [
        (0.3, 0.2, "Calmar 0.30, against 0.20 for the mock baseline."),
        (0.3, -0.2, "Calmar 0.30, against -0.20 for the mock baseline."),
        (-0.3, 0.2, "Calmar -0.30, against 0.20 for the mock baseline."),
        (np.nan, 0.2, "The platform's Calmar is not available."),
        (0.3, np.nan, "Calmar 0.30; the mock baseline's is not available."),
    ],
)
def test_calmar_is_compared_in_the_opening(inputs, own, mock, sentence):
    summary = inputs.portfolio.set_index("series")
    summary.loc["platform", "calmar"] = own
    summary.loc["mock_baseline", "calmar"] = mock
    page = write_page(replace(inputs, portfolio=summary.reset_index()))
    assert sentence in page.split("## Criteria")[0]


@pytest.mark.parametrize(
    ("lower", "upper", "sentence"),
    [
        (-0.001, 0.002, "the probabilities differed by no more than chance explains"),
        (0.0001, 0.002, "the probabilities were better"),
        (-0.002, -0.0001, "the probabilities were worse"),
    ],
)
def test_the_page_says_whether_recalibrating_weekly_helps(inputs, lower, upper, sentence):
    rows = inputs.recalibration_comparison.assign(brier_gain_lower=lower, brier_gain_upper=upper)
    page = write_page(replace(inputs, recalibration_comparison=rows))
    assert sentence in section(page, "Weekly recalibration")
    assert cells(page, "Weekly recalibration", "Recalibrated weekly, if no worse")[0] == "21 of 60"


def test_the_page_answers_for_retraining_where_weeks_were_retrained(inputs):
    compared, weeks = (
        frame.assign(method="retrain")
        for frame in (inputs.recalibration_comparison, inputs.recalibrations)
    )
    weeks["reason"] = weeks["reason"].replace("worse_brier", "no_challenger")
    page = write_page(replace(inputs, recalibration_comparison=compared, recalibrations=weeks))
    assert "Does retraining weekly help?" in section(page, "Weekly recalibration")
    assert cells(page, "Weekly recalibration", "Retrained weekly, a week later if no worse")
    assert "no newer models than those in force" in section(page, "Weekly recalibration")
    mixed = write_page(replace(inputs, recalibration_comparison=compared))
    assert "used: no worse" not in section(mixed, "Weekly recalibration"), "of the other method"


def test_without_weeks_the_page_says_how_to_make_them(inputs):
    rows = inputs.recalibration_comparison.iloc[:0]
    page = write_page(replace(inputs, recalibration_comparison=rows))
    assert "`step3 recalibrate`" in section(page, "Weekly recalibration")


def test_versions_and_settings_are_on_the_page(inputs, page):
    data = section(page, "Data and settings")
    assert f"`{inputs.dataset_version}`" in data
    assert f"`{inputs.config.content_hash()}`" in data
    assert "Every setting has its documented default." in data
    gate = inputs.config.gate.model_copy(update={"k": 0.75})
    other = inputs.config.model_copy(update={"gate": gate})
    page = write_page(replace(inputs, config=other))
    row = cells(page, "Data and settings", "`gate.k`")
    assert row == ["`0.75`", f"`{inputs.config.gate.k:g}`"]
    assert "`gate.phi`" not in section(page, "Data and settings")


def test_limits_count_the_labels_that_are_not_final(inputs, page):
    n = int((inputs.events_outcomes["maturity"] != "final").sum())
    assert f"{n} test events had no final label yet" in section(page, "What this page cannot tell")


def test_text_from_the_tables_cannot_break_the_page(inputs):
    acceptance = inputs.acceptance.assign(evidence="a | b <script>alert(1)</script>\n# PROMOTE")
    page = write_page(replace(inputs, acceptance=acceptance))
    assert "<script" not in page
    assert len(cells(page, "Criteria", "Max drawdown")) == 5
    assert re.findall(r"^# ", page, flags=re.M) == ["# "]


def test_null_marks_of_a_criterion_fail_it(inputs):
    gates = inputs.acceptance.assign(is_passed=pd.array([None] * 7, dtype="boolean"))
    page = write_page(replace(inputs, acceptance=gates))
    assert "0 of 7 criteria passed." in page
    assert "| PASS |" not in section(page, "Criteria")


def test_monitoring_names_what_speaks_up(inputs, page):
    text = section(page, "Monitoring")
    assert "At the close of 2020-12 **1 of 5 metrics exceeded the limit**." in text
    assert cells(page, "Monitoring", "Feature stability (PSI)")[:4] == [
        "0.60",
        "",
        "above 0.25",
        "WARN",
    ]
    assert cells(page, "Monitoring", "vol\\_z") == ["0.60", "0.05", "0.25", "WARN"]
    assert cells(page, "Monitoring", "Brier score")[3] == "quiet"


def test_monitoring_that_was_not_run_says_so():
    page = write_page(replace(make_inputs(n_months=1), drift=empty("drift")))
    assert "Nothing was monitored" in section(page, "Monitoring")


def test_importances_stand_by_head_with_their_range(page):
    row = cells(page, "What the models look at", "trend\\_score")
    assert row == ["60.0%", "50.0%", "60.0%", "50.0%", "60.0% to 60.0%"]


def test_without_a_search_no_parameter_moved(page):
    text = section(page, "Parameters across epochs")
    assert "No search is in force: every month ran on the documented settings" in text
    assert "|" not in text


def test_what_the_search_chose_stands_epoch_by_epoch(inputs):
    searched = inputs.config.model_copy(
        update={"search": inputs.config.search.model_copy(update={"is_enabled": True})}
    )
    page = write_page(replace(inputs, tuned_params=tuned_params(), config=searched))
    name = "Parameters across epochs"
    chosen = ["16 + 200", "0.410", "0.920", "0.040", "chosen settings"]
    assert cells(page, name, "2020-01") == chosen
    assert cells(page, name, "2020-07")[-1] == "settings as before"
    assert cells(page, name, "`k`") == ["0.25", "0.125"]
    assert cells(page, name, "`max_depth`") == ["", "3"]
    assert "No search is in force" not in section(page, name)


def test_every_section_of_figures_names_its_tables(page):
    without = {"Data and settings", "What this page cannot tell"}
    for name in set(SECTIONS) - without:
        assert "*Tables: `" in section(page, name), name
