"""Each metric against a value worked by hand or computed another way."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from step3_assets.catalogue.portfolio import METRIC_COLUMNS, PORTFOLIO_MONTHS
from step3_assets.domain.core.months import month_range
from step3_assets.domain.portfolio.metrics import (
    cagr,
    calmar,
    max_drawdown,
    mean_exposure,
    monthly_table,
    require_calendar,
    session_returns,
    sharpe,
    sortino,
    summarise,
    trade_quality,
    traded_value_usd,
    why_no_ratio,
)


def curve(marks: dict[str, float], exposure: float = 0.0) -> pd.DataFrame:
    stamps = pd.to_datetime(list(marks), utc=True).as_unit("us")
    values = np.array(list(marks.values()), dtype="float64")
    return pd.DataFrame(
        {"bar_end_utc": stamps, "equity_usd": values, "gross_exposure_frac": exposure}
    )


def trades(*rows: tuple[date, float, float, float, float]) -> pd.DataFrame:
    """(month, notional, units, exit_open, pnl)."""
    names = ["month", "notional_usd", "units", "exit_open", "pnl_usd"]
    frame = pd.DataFrame(list(rows), columns=names)
    return frame.assign(net_bps=1e4 * frame["pnl_usd"] / frame["notional_usd"])


def held(*fills: tuple[str, str]) -> pd.DataFrame:
    """(entry, exit) of each trade."""
    frame = pd.DataFrame(fills, columns=["entry_time_utc", "exit_time_utc"])
    return frame.apply(lambda column: pd.to_datetime(column, utc=True))


@pytest.mark.parametrize(
    ("start", "end", "months", "expected"),
    [
        (100.0, 121.0, 24, 0.10),
        (100.0, 100.0, 7, 0.0),
        (100.0, 101.0, 1, 1.01**12 - 1),
        (100.0, 81.0, 24, -0.10),
        (100.0, 0.0, 12, -1.0),
        (100.0, -5.0, 12, -1.0),
    ],
)
def test_cagr(start, end, months, expected):
    assert cagr(start, end, months) == pytest.approx(expected, abs=1e-12)


def test_a_period_without_months_has_no_growth():
    with pytest.raises(ValueError, match="0 months"):
        cagr(1.0, 2.0, 0)


@pytest.mark.parametrize(
    ("equity", "expected"),
    [
        ([], 0.0),
        ([100.0, 110.0, 120.0], 0.0),
        ([90.0, 100.0], 0.10),  # below the start at once
        ([110.0, 99.0, 120.0, 90.0, 130.0], 0.25),
    ],
)
def test_max_drawdown(equity, expected):
    assert max_drawdown(np.array(equity), 100.0) == pytest.approx(expected, abs=1e-15)


def test_max_drawdown_is_that_of_pandas():
    rng = np.random.default_rng(1)
    path = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(500)))
    series = pd.Series([100.0, *path])
    assert max_drawdown(path, 100.0) == pytest.approx((1 - series / series.cummax()).max())


@pytest.mark.parametrize(
    ("growth", "drawdown", "expected"),
    [(0.10, 0.05, 2.0), (0.10, 0.0, 10.0), (0.10, 0.004, 10.0), (-0.10, 0.2, -0.5), (0, 0, 0)],
)
def test_calmar_has_a_floor_under_the_drawdown(growth, drawdown, expected):
    assert calmar(growth, drawdown) == pytest.approx(expected)


def test_session_returns_are_by_new_york_day_and_keep_the_first():
    # 20:00 in New York is the next UTC day: still the same session.
    out = session_returns(
        curve(
            {
                "2020-01-02 15:00": 104.0,
                "2020-01-03 01:00": 110.0,
                "2020-01-03 15:00": 110.0,
                "2020-01-03 21:00": 99.0,
            }
        ),
        100.0,
    )
    assert list(out.index) == [date(2020, 1, 2), date(2020, 1, 3)]
    np.testing.assert_allclose(out, [0.10, -0.10], rtol=1e-14)


def test_the_product_of_session_returns_is_the_whole_gain():
    rng = np.random.default_rng(2)
    stamps = pd.date_range("2020-01-02 15:00", periods=90, freq="8h", tz="UTC").astype(str)
    marks = dict(zip(stamps, 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(90))), strict=True))
    frame = curve(marks)
    product = float((1 + session_returns(frame, 100.0)).prod())
    assert product == pytest.approx(frame["equity_usd"].iloc[-1] / 100.0, rel=1e-13)


def test_sharpe_is_the_t_statistic_scaled():
    returns = np.random.default_rng(3).normal(0.0005, 0.01, 300)
    t = float(np.asarray(stats.ttest_1samp(returns, 0.0))[0])  # mean / (sd / root n)
    assert sharpe(returns) == pytest.approx(t / math.sqrt(300) * math.sqrt(252), rel=1e-12)


def test_sortino_by_its_formula():
    returns = np.array([0.02, -0.01, 0.0, -0.03, 0.01])
    downside = math.sqrt((0.01**2 + 0.03**2) / 5)
    assert sortino(returns) == pytest.approx(-0.002 / downside * math.sqrt(252), rel=1e-12)


@pytest.mark.parametrize("metric", [sharpe, sortino])
@pytest.mark.parametrize("returns", [[], [0.01], [0.0, 0.0, 0.0]])
def test_ratios_without_deviation_are_nan(metric, returns):
    assert math.isnan(metric(np.array(returns)))


def test_sortino_without_a_fall_is_nan():
    assert math.isnan(sortino(np.array([0.01, 0.0, 0.02])))


MONTHS = month_range(date(2020, 1, 1), date(2020, 4, 1))


def test_monthly_table_counts_every_month_and_both_accounts():
    marks = {
        "2020-01-10 15:00": 11_000.0,
        "2020-01-31 21:00": 12_000.0,
        "2020-02-10 15:00": 9_000.0,
        "2020-03-01 00:00": 9_600.0,  # ends with February: still February's
        "2020-04-30 20:00": 9_600.0,
        "2020-05-04 15:00": 10_080.0,  # a trade of April that exits in May
    }
    out = monthly_table(
        curve(marks),
        held(
            ("2020-01-10 14:00", "2020-01-31 20:00"),
            ("2020-01-31 20:00", "2020-02-10 14:00"),  # moves a mark of each month
            ("2020-01-31 21:00", "2020-02-29 23:00"),  # after January's last mark
            ("2020-04-30 20:00", "2020-05-04 14:00"),  # after April's last mark, the last month
        ),
        MONTHS,
        10_000.0,
    )
    assert {"series", *out.columns} == set(PORTFOLIO_MONTHS.names)
    assert list(out["month"]) == MONTHS
    assert list(out["equity_usd"]) == [12_000.0, 9_600.0, 9_600.0, 10_080.0]
    assert list(out["pnl_usd"]) == [2_000.0, -2_400.0, 0.0, 480.0]
    np.testing.assert_allclose(out["return_frac"], [0.2, -0.2, 0.0, 0.05], atol=1e-15)
    np.testing.assert_allclose(out["pnl_constant_usd"], [2_000, -2_000, 0, 500], atol=1e-9)
    assert list(out["n_held"]) == [2, 2, 0, 1]
    np.testing.assert_allclose(out["max_drawdown_frac"], [0.0, 0.25, 0.0, 0.0], atol=1e-15)
    assert out["pnl_usd"].sum() == pytest.approx(80.0)


def test_a_flat_line_is_months_of_zero():
    out = monthly_table(curve({}), held(), MONTHS, 10_000.0)
    assert list(out["equity_usd"]) == [10_000.0] * 4
    assert out[["pnl_usd", "return_frac", "n_held", "max_drawdown_frac"]].to_numpy().sum() == 0


def test_summary_by_hand():
    marks = {
        "2020-01-31 21:00": 12_000.0,
        "2020-02-10 15:00": 9_000.0,
        "2020-02-28 21:00": 10_800.0,
        "2020-04-30 20:00": 14_400.0,
    }
    # Bought for 5,000, sold 50 at 110; bought for 4,000, sold 40 at 95.
    ledger = trades((MONTHS[0], 5_000, 50, 110, 490), (MONTHS[2], 4_000, 40, 95, -210))
    out = summarise(curve(marks, exposure=0.25), ledger, MONTHS, 10_000.0)
    assert set(out) == {c.name for c in METRIC_COLUMNS}
    assert out["start_utc"] == pd.Timestamp("2020-01-01", tz="UTC")
    assert out["end_utc"] == pd.Timestamp("2020-05-01", tz="UTC")
    growth = 1.44**3 - 1  # four months to the year
    expected = {
        "start_equity_usd": 10_000.0,
        "end_equity_usd": 14_400.0,
        "cagr": growth,
        "max_drawdown_frac": 0.25,
        "calmar": growth / 0.25,
        "n_trades": 2,
        "trades_per_month": 0.5,
        "net_bps_mean": (980.0 - 525.0) / 2,
        "hit_rate": 0.5,
        "turnover_per_year": (5_000 + 5_500 + 4_000 + 3_800) / 11_550 * 3,
        "exposure_frac": 0.25,
        "worst_month_frac": -0.1,
        "calmar_monthly": growth / 0.1,
    }
    for name, value in expected.items():
        assert out[name] == pytest.approx(value, rel=1e-12), name
    daily = np.array([0.2, -0.25, 0.2, 1 / 3])
    assert out["sharpe"] == pytest.approx(daily.mean() / daily.std(ddof=1) * math.sqrt(252))
    assert out["sortino"] == pytest.approx(
        daily.mean() / math.sqrt(0.25**2 / 4) * math.sqrt(252), rel=1e-12
    )


def test_a_system_that_never_trades_scores_zero_not_nothing():
    flat = curve({"2020-01-02 15:00": 10_000.0, "2020-04-30 20:00": 10_000.0})
    out = summarise(flat, trades(), MONTHS, 10_000.0)
    assert (out["calmar"], out["cagr"], out["trades_per_month"]) == (0.0, 0.0, 0.0)
    assert math.isnan(float(str(out["net_bps_mean"])))
    assert math.isnan(float(str(out["sharpe"])))


def test_the_clock_is_the_calendar_not_first_to_last_trade():
    short = curve({"2020-01-31 21:00": 11_000.0})
    one, four = (summarise(short, trades(), MONTHS[:n], 10_000.0)["cagr"] for n in (1, 4))
    assert one == pytest.approx(1.1**12 - 1)
    assert four == pytest.approx(1.1**3 - 1)


def test_parts_of_the_summary():
    ledger = trades((MONTHS[0], 1_000, 10, 110, 90))
    assert traded_value_usd(ledger) == 2_100.0
    assert trade_quality(ledger) == {"net_bps_mean": 900.0, "hit_rate": 1.0}
    assert mean_exposure(curve({})) == 0.0


@pytest.mark.parametrize(
    ("months", "message"),
    [
        ([], "none given"),
        ([MONTHS[0], MONTHS[2]], "from 2020-01 to 2020-03: 2020-02"),
        ([MONTHS[0], MONTHS[0]], "out of order or doubled"),
    ],
)
def test_a_month_that_is_left_out_is_refused(months, message):
    with pytest.raises(ValueError, match=message):
        require_calendar(months)


GROWTH = 10_000.0 * 1.001 ** np.arange(251)


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        (np.full(250, 0.001), "do not vary"),
        (np.full(250, -0.001), "do not vary"),
        (np.zeros(250), "do not vary"),
        (GROWTH[1:] / GROWTH[:-1] - 1.0, "do not vary"),
        (np.array([0.01]), "fewer than two"),
        (np.array([]), "fewer than two"),
        (np.array([0.01, np.nan, -0.01]), "not finite"),
        (np.array([0.01, np.inf, -0.01]), "not finite"),
    ],
    ids=["gain", "loss", "flat", "steady growth", "one", "none", "nan", "infinite"],
)
def test_ratios_of_returns_without_dispersion_are_undefined(returns, reason):
    assert np.isnan(sharpe(returns))
    assert np.isnan(sortino(returns))
    assert reason in why_no_ratio(returns)


def test_rounding_error_is_no_downside():
    returns = np.array([0.01, 0.02, -1e-16, 0.015])
    assert np.isnan(sortino(returns))
    assert sharpe(returns) > 0.0
    assert why_no_ratio(returns) == ""


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_an_equity_that_is_not_finite_has_no_drawdown(bad: float, place: int):
    equity = np.array([90.0, 100.0])
    equity[place] = bad
    assert math.isnan(max_drawdown(equity, 100.0))
    assert math.isnan(calmar(0.1, max_drawdown(equity, 100.0)))


@pytest.mark.parametrize("loss", [0.0, -1e-300, -1e-13, -1e-10])
def test_a_downside_of_rounding_error_is_none(loss: float):
    assert math.isnan(sortino(np.array([0.01] * 29 + [loss])))
    assert sortino(np.array([0.01] * 29 + [-0.001])) > 0.0
