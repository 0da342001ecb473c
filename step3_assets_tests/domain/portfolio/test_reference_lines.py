"""Buy-and-hold and the published baseline, computed by hand."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.portfolio import METRIC_COLUMNS, PORTFOLIO_EQUITY, PORTFOLIO_MONTHS
from step3_assets.domain.core.months import month_range
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.portfolio.reference_lines import buy_and_hold, published_baseline
from step3_assets_tests.domain.execution.samples import make_bars

MARCH = [date(2020, 3, 1)]
DAY = 24


def test_buy_and_hold_by_hand():
    bars = make_bars("AAA", [100, 110, 99], closes=[105, 120, 130], lows=[90, 100, 95])
    line = buy_and_hold("AAA", MarkClock.from_bars(bars), MARCH, 10_000.0, 0.002)
    assert line is not None
    assert line.series == "buy_and_hold:AAA"
    units = 10_000 / (100 * 1.001)
    marks = np.array([105, 120, 130]) * units
    marks[-1] *= 0.999
    np.testing.assert_allclose(line.equity["equity_usd"], marks, rtol=1e-14)
    assert list(line.equity["cash_usd"]) == [0.0, 0.0, pytest.approx(marks[-1])]
    assert list(line.equity["gross_exposure_frac"]) == [1.0, 1.0, 0.0]
    np.testing.assert_allclose(
        line.equity["drawdown_low_frac"],
        [1 - 90 * units / 10_000, 1 - 100 * units / marks[0], 1 - 95 * units / marks[1]],
        rtol=1e-12,
    )
    assert line.summary["end_equity_usd"] == pytest.approx(marks[-1], rel=1e-14)
    assert line.summary["n_trades"] == 1
    # Half of 20 bps on each side of a rise of 30 %.
    net = (130 * 0.999) / (100 * 1.001) - 1
    assert line.summary["cagr"] == pytest.approx((1 + net) ** 12 - 1, rel=1e-12)
    assert "2020-03-02 14:00 UTC" in str(line.summary["note"])
    assert "20.0 bps" in str(line.summary["note"])
    assert list(line.months["n_held"]) == [1]


def test_frames_have_the_catalogue_columns():
    bars = make_bars("AAA", [100, 110, 99])
    line = buy_and_hold("AAA", MarkClock.from_bars(bars), MARCH, 10_000.0, 0.002)
    assert line is not None
    assert {"series", *line.equity.columns} == set(PORTFOLIO_EQUITY.names)
    assert {"series", *line.months.columns} == set(PORTFOLIO_MONTHS.names)
    assert set(line.summary) == {c.name for c in METRIC_COLUMNS} | {"note"}


def test_it_runs_on_the_clock_of_all_symbols_and_waits_for_the_first_bar():
    bars = pd.concat(
        [
            make_bars("AAA", [100, 110], closes=[100, 121], hours=[2, 3]),
            make_bars("BBB", [5.0] * 5),
        ]
    )
    line = buy_and_hold("AAA", MarkClock.from_bars(bars), MARCH, 10_000.0, 0.0)
    assert line is not None
    np.testing.assert_allclose(
        line.equity["equity_usd"], [10_000, 10_000, 10_000, 12_100, 12_100], rtol=1e-14
    )


def test_bars_outside_the_period_are_neither_bought_nor_marked():
    hours = [0, 1, 40 * DAY]
    bars = make_bars("AAA", [100, 110, 500], closes=[100, 110, 500], hours=hours)
    clock = MarkClock.from_bars(bars)
    line = buy_and_hold("AAA", clock, MARCH, 10_000.0, 0.0)
    assert line is not None
    assert line.summary["end_equity_usd"] == pytest.approx(11_000.0)
    later = buy_and_hold("AAA", clock, [date(2020, 4, 1)], 10_000.0, 0.0)
    assert later is not None
    assert later.summary["end_equity_usd"] == 10_000.0
    assert buy_and_hold("AAA", clock, [date(2020, 5, 1)], 10_000.0, 0.0) is None


def published(*equity: float, first: date = date(2019, 12, 1), start: float = 10_000.0) -> dict:
    """A summary file whose months follow one another."""
    months = pd.period_range(first, periods=len(equity), freq="M")
    before = [start, *equity[:-1]]
    rows = [
        {
            "month_end": f"{m.end_time:%Y-%m-%d}T00:00:00+00:00",
            "equity": e,
            "pnl": e - b,
            "ret": e / b - 1,
            "trades": 3.0,
        }
        for m, e, b in zip(months, equity, before, strict=True)
    ]
    return {"monthly_table": rows, "performance": {"calmar": 99.0}}


MONTHS = month_range(date(2020, 1, 1), date(2020, 3, 1))


def test_the_published_baseline_is_cut_and_rebased():
    line = published_baseline(published(12_000, 13_200, 9_900, 11_880), MONTHS, 5_000.0)
    assert line is not None
    assert line.series == "published_baseline"
    np.testing.assert_allclose(line.months["equity_usd"], [5_500, 4_125, 4_950], rtol=1e-14)
    np.testing.assert_allclose(line.months["return_frac"], [0.1, -0.25, 0.2], atol=1e-15)
    np.testing.assert_allclose(line.months["pnl_usd"], [500, -1_375, 825], rtol=1e-12)
    np.testing.assert_allclose(line.months["pnl_constant_usd"], [500, -1_250, 1_000], atol=1e-9)
    np.testing.assert_allclose(line.months["max_drawdown_frac"], [0, 0.25, 0], atol=1e-15)
    growth = 0.99**4 - 1
    assert line.summary["cagr"] == pytest.approx(growth, rel=1e-12)
    assert line.summary["max_drawdown_frac"] == pytest.approx(0.25, rel=1e-12)
    assert line.summary["calmar"] == pytest.approx(growth / 0.25, rel=1e-12)
    assert (line.summary["n_trades"], line.summary["trades_per_month"]) == (9, 3.0)
    assert line.months["n_held"].isna().all(), "what was published says not when each was held"
    assert math.isnan(float(str(line.summary["sharpe"])))
    assert set(line.summary) == {c.name for c in METRIC_COLUMNS} | {"note"}
    assert "partly in-sample" in str(line.summary["note"])
    assert "month-end marks" in str(line.summary["note"])
    assert "Covers" not in str(line.summary["note"])
    assert line.equity.empty
    assert {"series", *line.equity.columns} == set(PORTFOLIO_EQUITY.names)


def test_a_table_that_ends_early_says_which_share_it_covers():
    line = published_baseline(published(10_000, 11_000), MONTHS, 10_000.0)
    assert line is not None
    assert list(line.months["month"]) == MONTHS[:1]
    assert line.summary["end_utc"] == pd.Timestamp("2020-02-01", tz="UTC")
    assert "Covers 1 of 3 months." in str(line.summary["note"])


def test_a_table_of_other_months_is_no_line():
    assert published_baseline(published(1, 2, first=date(2001, 1, 1)), MONTHS, 1.0) is None


def hole(summary: dict) -> dict:
    return {"monthly_table": [r for r in summary["monthly_table"] if "2020-02" not in str(r)]}


def broken(summary: dict, **change) -> dict:
    rows = [dict(r) for r in summary["monthly_table"]]
    rows[1] |= change
    return {"monthly_table": rows}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {}, "no monthly_table"),
        (lambda s: {"monthly_table": []}, "no monthly_table"),
        (hole, "2020-02"),
        (lambda s: broken(s, equity=float("nan")), "no equity curve .2020-01"),
        (lambda s: broken(s, equity=-1.0), "no equity curve .2020-01"),
        (lambda s: broken(s, month_end="soon"), "not readable"),
        (lambda s: broken(s, equity="much"), "not readable"),
        (lambda s: {"monthly_table": s["monthly_table"] * 2}, "no equity curve"),
    ],
)
def test_a_table_that_is_no_curve_is_refused(change, message):
    summary = published(12_000, 13_200, 9_900, 11_880)
    with pytest.raises(ValueError, match=message):
        published_baseline(change(summary), MONTHS, 10_000.0)
