"""Measures of trades by hand."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.tear_sheet.trades import (
    excursions,
    grouped,
    open_positions,
    trade_summary,
)

AT = pd.Timestamp("2023-03-01 15:00", tz="UTC")


def ledger(pnl: list[float]) -> pd.DataFrame:
    entries = [AT + pd.Timedelta(hours=4 * i) for i in range(len(pnl))]
    return pd.DataFrame(
        {
            "symbol": ["QQQ"] * len(pnl),
            "entry_time_utc": entries,
            "exit_time_utc": [entry + pd.Timedelta(hours=2) for entry in entries],
            "entry_open": 100.0,
            "exit_open": 101.0,
            "pnl_usd": pnl,
            "net_bps": [p / 2 for p in pnl],
        }
    )


def test_summary_by_hand():
    found = trade_summary(ledger([30.0, 10.0, -20.0, -5.0, -5.0, 20.0]))
    assert (found.n_trades, found.n_won) == (6, 3)
    assert found.profit_factor == pytest.approx(2.0)
    assert found.expectancy_usd == pytest.approx(5.0)
    assert found.expectancy_bps == pytest.approx(2.5)
    assert (found.mean_win_usd, found.mean_loss_usd) == (20.0, -10.0)
    assert found.payoff == pytest.approx(2.0)
    assert (found.longest_win_streak, found.longest_loss_streak) == (2, 3)
    assert (found.mean_hours, found.median_hours) == (2.0, 2.0)


@pytest.mark.parametrize("n", [0, 1])
def test_what_cannot_be_computed_is_nan(n):
    assert np.isnan(trade_summary(ledger([5.0]).head(n)).profit_factor)


def test_excursions_look_at_the_bars_while_open():
    bars = pd.DataFrame(
        {
            "symbol": "QQQ",
            "date": [AT + pd.Timedelta(hours=h) for h in range(-1, 4)],
            "high": [200.0, 100.5, 102.0, 300.0, 300.0],
            "low": [1.0, 99.0, 99.5, 1.0, 1.0],
        }
    )
    found = excursions(ledger([1.0]), bars)
    assert found["mae_bps"].tolist() == pytest.approx([-100.0])
    assert found["mfe_bps"].tolist() == pytest.approx([200.0])
    assert excursions(ledger([1.0]), bars.iloc[:0])["mae_bps"].isna().all()


def test_groups_add_up():
    trades = ledger([30.0, -10.0, 20.0])
    found = grouped(trades, pd.Series(["a", "b", "a"]))
    assert found["n_trades"].to_dict() == {"a": 2, "b": 1}
    assert found["pnl_usd"].sum() == 40.0
    assert found.loc["b", "hit_rate"] == 0.0


def test_open_positions_are_counted_at_bar_ends():
    stamps = pd.DatetimeIndex([AT + pd.Timedelta(hours=h) for h in range(8)])
    # held from 15:00 to 17:00 and from 19:00 to 21:00
    assert open_positions(ledger([1.0, 1.0]), stamps).tolist() == [0, 1, 1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("loss", [0.0, -1e-300, -1e-13])
def test_a_loss_of_rounding_error_is_no_denominator(loss: float):
    found = trade_summary(ledger([5.0, loss]))
    assert np.isnan(found.profit_factor)
    assert np.isnan(found.payoff)
