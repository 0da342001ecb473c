"""The account, worked by hand: 10,000 USD, costs of 20 bps a round trip unless said otherwise."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.portfolio import PORTFOLIO_DECISIONS, PORTFOLIO_EQUITY, PORTFOLIO_TRADES
from step3_assets.config import ExecutionConfig
from step3_assets.domain.execution.ledger import LedgerResult, simulate
from step3_assets.domain.execution.marking import LedgerError, MarkClock
from step3_assets_tests.domain.execution.samples import (
    MONTH_END,
    MONTH_START,
    hour,
    make_bars,
    make_candidates,
)


def run(bars, rows, allocation=None, end=MONTH_END, **settings) -> LedgerResult:
    symbols = sorted(set(bars["symbol"]))
    return simulate(
        make_candidates(bars, rows) if isinstance(rows, list) else rows,
        bars,
        start=MONTH_START,
        end=end,
        allocation=allocation or dict.fromkeys(symbols, 1.0),
        config=ExecutionConfig(**settings),
    )


RISING = make_bars("AAA", [100, 100, 110, 121, 121, 133.1, 133.1])


def test_one_trade_by_hand():
    out = run(RISING, [{"symbol": "AAA", "t": 0, "exit": 3}])
    trade = out.trades.iloc[0]
    assert len(out.trades) == 1
    # 10,000 USD pay for the position and for its cost of 0.1 %.
    paid = 1.001
    expected = {
        "allocation_frac": 1.0,
        "size_frac": 1.0,
        "notional_usd": 10_000.0 / paid,
        "units": 100.0 / paid,
        "entry_open": 100.0,
        "exit_open": 121.0,
        "cost_entry_usd": 10.0 / paid,
        "cost_exit_usd": 12.1 / paid,
        "pnl_usd": 2_077.9 / paid,
        "net_bps": 2_077.9,
        "equity_before_usd": 10_000.0,
    }
    for name, value in expected.items():
        assert trade[name] == pytest.approx(value, rel=1e-12), name
    assert trade["binding_cap"] == "buying_power"
    assert (trade["entry_time_utc"], trade["exit_time_utc"]) == (hour(1), hour(3))
    # Closes are the next opens. The fill at hour 1 is not in the mark at hour 1.
    assert list(out.equity["bar_end_utc"]) == [hour(i) for i in range(1, 8)]
    np.testing.assert_allclose(
        out.equity["equity_usd"],
        [10_000, 11_000 / paid, 12_100 / paid, *[12_087.9 / paid] * 4],
        rtol=1e-13,
    )
    np.testing.assert_allclose(
        out.equity["cash_usd"], [10_000, 0, 0, *[12_087.9 / paid] * 4], atol=1e-9
    )
    assert out.equity["cash_usd"].min() >= 0.0


def test_frames_have_the_catalogue_columns_without_series():
    out = run(RISING, [{"symbol": "AAA", "t": 0, "exit": 3}])
    for frame, table in (
        (out.trades, PORTFOLIO_TRADES),
        (out.decisions, PORTFOLIO_DECISIONS),
        (out.equity, PORTFOLIO_EQUITY),
    ):
        assert {"series", *frame.columns} == set(table.names)


def test_no_candidates_is_a_flat_line_on_every_bar():
    empty = make_candidates(RISING, [{"symbol": "AAA", "t": 0, "exit": 3}]).iloc[:0]
    out = run(RISING, empty)
    assert list(out.equity["equity_usd"]) == [10_000.0] * 7
    assert out.trades.empty
    assert out.decisions.empty


def test_overlap_is_refused_and_the_next_may_enter_at_the_exits_open():
    out = run(
        RISING,
        [
            {"symbol": "AAA", "t": 0, "exit": 3},
            {"symbol": "AAA", "t": 1, "exit": 4},  # would enter at bar 2: open until bar 3
            {"symbol": "AAA", "t": 2, "exit": 5},  # enters at bar 3, where the first exits
        ],
    )
    assert list(out.decisions["status"]) == ["traded", "position_open", "traded"]
    second = out.trades.iloc[1]
    # Equity when it was sized is the mark at the end of bar 2, before the first one's exit fee.
    assert second["equity_before_usd"] == pytest.approx(12_100.0 / 1.001, rel=1e-13)
    # What is there at the fill, after that fee, pays for the position and its own cost.
    notional = 12_100.0 * 0.999 / 1.001 / 1.001
    assert second["notional_usd"] == pytest.approx(notional, rel=1e-12)
    assert second["units"] == pytest.approx(notional / 121.0, rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "statuses"),
    [
        pytest.param(
            [{"t": 0, "exit": 3}, {"t": 1, "exit": 6}, {"t": 3, "exit": 5}],
            ["traded", "position_open", "traded"],
            id="refused while a position was open",
        ),
        pytest.param(
            [{"t": 1, "exit": 6, "maturity": "provisional"}, {"t": 3, "exit": 5}],
            ["not_final", "traded"],
            id="not final",
        ),
        pytest.param(
            [{"t": 1, "exit": 6, "size_frac": 0.0}, {"t": 3, "exit": 5}],
            ["zero_size", "traded"],
            id="size zero",
        ),
    ],
)
def test_what_is_not_traded_blocks_nobody(rows, statuses):
    out = run(RISING, [{"symbol": "AAA", **row} for row in rows])
    assert list(out.decisions["status"]) == statuses


@pytest.mark.parametrize("maturity", ["provisional", "pending"])
def test_labels_that_are_not_final_are_never_traded(maturity):
    out = run(RISING, [{"symbol": "AAA", "t": 0, "exit": 3, "maturity": maturity}])
    assert list(out.decisions["status"]) == ["not_final"]
    assert out.trades.empty


def test_a_symbol_without_allocation_of_capital_has_zero_size():
    out = run(RISING, [{"symbol": "AAA", "t": 0, "exit": 3}], allocation={"AAA": 0.0})
    assert list(out.decisions["status"]) == ["zero_size"]


def test_size_is_marked_at_closes_known_at_the_decision_never_at_the_entry_open():
    # BBB is held at a close of 50 when AAA is decided; its next open, and AAA's, jump to 80.
    bars = pd.concat(
        [
            make_bars("AAA", [10, 10, 80, 80, 80], closes=[10, 10, 80, 80, 80]),
            make_bars("BBB", [40, 40, 80, 80, 80], closes=[40, 50, 80, 80, 80]),
        ]
    )
    rows = [
        {"symbol": "BBB", "t": 0, "exit": 4, "cost_rt": 0.0},
        {"symbol": "AAA", "t": 1, "exit": 4, "cost_rt": 0.0},
    ]
    out = run(bars, rows, allocation={"AAA": 0.4, "BBB": 0.5})
    later = out.trades.iloc[1]
    # 5,000 of BBB is 125 shares: 6,250 at the close, so equity is 11,250 and AAA gets 40 % of it.
    assert later["equity_before_usd"] == 11_250.0
    assert later["notional_usd"] == 4_500.0
    assert later["units"] == 4_500.0 / 80.0


def test_gross_cap_trims_and_symbols_go_first_in_their_order():
    bars = pd.concat([make_bars(s, [10.0] * 4) for s in ("BBB", "AAA")])
    rows = [{"symbol": s, "t": 0, "exit": 2, "cost_rt": 0.0} for s in ("BBB", "AAA")]
    out = run(bars, rows, allocation={"AAA": 0.7, "BBB": 0.7})
    assert list(out.trades["symbol"]) == ["AAA", "BBB"]
    assert list(out.trades["notional_usd"]) == pytest.approx([7_000.0, 3_000.0], rel=1e-15)
    assert list(out.trades["binding_cap"]) == ["size_frac", "gross_cap"]
    assert out.equity["gross_exposure_frac"].max() == pytest.approx(1.0, rel=1e-15)


def test_no_room_is_a_status():
    bars = pd.concat([make_bars(s, [10.0] * 4) for s in ("AAA", "BBB")])
    rows = [{"symbol": s, "t": 0, "exit": 2} for s in ("AAA", "BBB")]
    out = run(bars, rows)
    assert list(out.decisions["status"]) == ["traded", "gross_cap"]


def test_a_cap_above_one_borrows_nothing():
    bars = pd.concat([make_bars(s, [10.0] * 4) for s in ("AAA", "BBB")])
    rows = [{"symbol": s, "t": 0, "exit": 2, "cost_rt": 0.0} for s in ("AAA", "BBB")]
    out = run(bars, rows, max_gross_frac=2.0)
    assert list(out.decisions["status"]) == ["traded", "no_buying_power"]
    assert list(out.trades["notional_usd"]) == [10_000.0]


def test_capital_of_an_exit_known_at_the_decision_is_free_for_the_other_symbol():
    bars = pd.concat([make_bars(s, [10.0] * 6) for s in ("AAA", "BBB")])
    rows = [
        {"symbol": "BBB", "t": 0, "exit": 3, "cost_rt": 0.0},
        {"symbol": "AAA", "t": 2, "exit": 5, "cost_rt": 0.0},
    ]
    out = run(bars, rows)
    assert list(out.trades["notional_usd"]) == [10_000.0, 10_000.0]


def test_an_exit_that_is_decided_after_the_decision_frees_nothing():
    # AAA lacks bar 3, so its decision on bar 2 (known at hour 3) enters at hour 4; BBB's exit at
    # hour 4 is decided only when its bar 3 ends, at hour 4.
    bars = pd.concat(
        [make_bars("AAA", [10.0] * 5, hours=[0, 1, 2, 4, 5]), make_bars("BBB", [10.0] * 6)]
    )
    rows = [
        {"symbol": "BBB", "t": 0, "exit": 4},
        {"symbol": "AAA", "t": 2, "entry": 4, "exit": 5},
    ]
    out = run(bars, rows)
    assert list(out.decisions["status"]) == ["traded", "gross_cap"]


def test_minimum_fee_a_side():
    out = run(RISING, [{"symbol": "AAA", "t": 0, "exit": 3}], min_fee_usd=11.0)
    trade = out.trades.iloc[0]
    # The entry's fee is paid and the exit's kept back; 0.1 % of what is left comes to less.
    assert trade["notional_usd"] == pytest.approx(10_000.0 - 22.0, rel=1e-9)
    assert trade["cost_entry_usd"] == 11.0
    assert trade["cost_exit_usd"] == pytest.approx(0.001 * 1.21 * 9_978.0, rel=1e-9)


@pytest.mark.parametrize("fee", [5_000.0, 6_000.0, 1e9])
def test_a_fee_that_the_account_cannot_pay_twice_is_no_trade(fee):
    rows = [{"symbol": "AAA", "t": 0, "exit": 2}, {"symbol": "AAA", "t": 3, "exit": 5}]
    out = run(RISING, rows, min_fee_usd=fee)
    assert list(out.decisions["status"]) == ["no_buying_power", "no_buying_power"]
    assert (out.equity["equity_usd"] == 10_000.0).all()


def test_an_account_without_equity_trades_no_more():
    # Entry and exit cost 4,999 USD each: what is left pays for no other trade.
    rows = [{"symbol": "AAA", "t": 0, "exit": 2}, {"symbol": "AAA", "t": 3, "exit": 5}]
    out = run(RISING, [{**rows[0], "size_frac": 1e-4}, rows[1]], min_fee_usd=4_999.0)
    assert list(out.decisions["status"]) == ["traded", "no_buying_power"]
    assert 0.0 <= out.equity["cash_usd"].iloc[-1] < 4.0


def test_an_order_that_was_not_filled_blocks_nobody_and_starts_no_cooldown():
    bars = pd.concat([make_bars(s, [10.0] * 8) for s in ("AAA", "BBB")])
    rows = [
        {"symbol": "AAA", "t": 0, "exit": 3, "cost_rt": 0.0},
        {"symbol": "BBB", "t": 0, "exit": 3, "cost_rt": 0.0},
        {"symbol": "BBB", "t": 2, "exit": 5, "cost_rt": 0.0},
    ]
    out = run(bars, rows, max_gross_frac=3.0, allocation={"AAA": 1.0, "BBB": 1.0})
    assert list(out.decisions["status"]) == ["traded", "no_buying_power", "traded"]


def test_a_gap_between_decision_and_fill_is_paid_from_what_is_there():
    # AAA falls by 60 % at the open at which it is sold and BBB is bought.
    bars = pd.concat(
        [
            make_bars("AAA", [10.0, 10.0, 10.0, 4.0, 4.0, 4.0], closes=[10.0, 10.0, 10.0, 4, 4, 4]),
            make_bars("BBB", [20.0] * 6),
        ]
    )
    rows = [
        {"symbol": "AAA", "t": 0, "exit": 3, "cost_rt": 0.0},
        {"symbol": "BBB", "t": 2, "exit": 5, "cost_rt": 0.0},
    ]
    out = run(bars, rows)
    assert list(out.trades["notional_usd"]) == [10_000.0, 4_000.0]
    assert list(out.trades["equity_before_usd"]) == [10_000.0, 10_000.0]
    assert list(out.trades["binding_cap"]) == ["size_frac", "buying_power"]
    assert out.equity["cash_usd"].min() == 0.0


def test_a_cap_below_one_is_asked_again_at_the_fill():
    # AAA is held at 4,000 USD and opens 50 % up where BBB enters: 6,000 of then 12,000 USD.
    bars = pd.concat(
        [
            make_bars("AAA", [10.0, 10.0, 10.0, 15.0, 15.0, 15.0], closes=[10, 10, 10, 15, 15, 15]),
            make_bars("BBB", [20.0] * 6),
        ]
    )
    rows = [
        {"symbol": "AAA", "t": 0, "exit": 5, "cost_rt": 0.0, "size_frac": 0.4},
        {"symbol": "BBB", "t": 2, "exit": 5, "cost_rt": 0.0, "size_frac": 0.3},
    ]
    out = run(bars, rows, max_gross_frac=0.7)
    assert list(out.trades["notional_usd"]) == pytest.approx([4_000.0, 0.7 * 12_000.0 - 6_000.0])
    assert out.equity["gross_exposure_frac"].max() <= 0.7 + 1e-12


def test_allocation_by_month():
    out = run(
        RISING,
        [{"symbol": "AAA", "t": 0, "exit": 3}],
        allocation={date(2020, 3, 1): {"AAA": 0.3}, date(2020, 4, 1): {"AAA": 0.9}},
    )
    assert out.trades["notional_usd"].iloc[0] == 3_000.0


def test_a_trade_open_at_the_end_is_marked_on_to_its_exit_and_no_further():
    out = run(RISING, [{"symbol": "AAA", "t": 0, "exit": 5}], end=hour(2))
    # The exit bar is bar 5, which ends at hour 6: the mark that has the exit in it.
    assert out.equity["bar_end_utc"].iloc[-1] == hour(6)
    last = out.equity["equity_usd"].iloc[-1]
    assert last - 10_000.0 == pytest.approx(out.trades["pnl_usd"].sum(), rel=1e-14)


def test_bars_after_the_last_exit_do_not_matter_nor_the_rest_of_the_exit_bar():
    rows = [{"symbol": "AAA", "t": 0, "exit": 5}]
    whole = run(RISING, rows, end=hour(2))
    changed = RISING.iloc[:6].copy()
    changed.loc[5, ["close", "low"]] = [999.0, 0.01]
    cut = run(changed, make_candidates(RISING, rows), end=hour(2))
    pd.testing.assert_frame_equal(whole.equity, cut.equity, check_exact=True)
    pd.testing.assert_frame_equal(whole.trades, cut.trades, check_exact=True)


def test_a_missing_exit_bar_is_an_error_never_a_flat_line():
    rows = make_candidates(RISING, [{"symbol": "AAA", "t": 0, "exit": 5}])
    with pytest.raises(LedgerError, match="AAA has no bar that starts at 2020-03-02 19:00"):
        run(RISING.iloc[:5], rows, end=hour(2))


def test_a_symbol_without_a_bar_is_marked_at_its_last_close():
    bars = pd.concat(
        [
            make_bars("AAA", [10, 10, 12, 12], closes=[10, 11, 12, 12], hours=[0, 1, 4, 5]),
            make_bars("BBB", [5.0] * 6),
        ]
    )
    out = run(bars, [{"symbol": "AAA", "t": 0, "exit": 4, "cost_rt": 0.0}])
    assert list(out.equity["equity_usd"]) == [10_000, 11_000, 11_000, 11_000, 12_000, 12_000]


def test_bars_before_the_start_carry_marks_but_are_no_marks():
    bars = make_bars("AAA", [10, 10, 10, 11, 12, 12])
    out = simulate(
        make_candidates(bars, [{"symbol": "AAA", "t": 3, "exit": 5}]),
        MarkClock.from_bars(bars),
        start=hour(2),
        end=MONTH_END,
        allocation={"AAA": 1.0},
        config=ExecutionConfig(),
    )
    assert list(out.equity["bar_end_utc"]) == [hour(i) for i in (3, 4, 5, 6)]


def test_a_position_marked_before_its_first_close_is_an_error():
    # AAA's only bars begin at its entry; BBB's decision falls inside that first bar.
    bars = pd.concat(
        [
            make_bars("AAA", [10, 10, 10], hours=[1, 2, 3]),
            make_bars("BBB", [5.0] * 5).assign(
                date=[hour(i + 0.5) for i in range(5)],
                bar_end_utc=[hour(i + 1.5) for i in range(5)],
            ),
        ]
    )
    rows = make_candidates(
        bars,
        [{"symbol": "AAA", "t": 0, "exit": 3}, {"symbol": "BBB", "t": 0.5, "exit": 3.5}],
    )
    with pytest.raises(LedgerError, match="no close yet of a position held at 2020-03-02 15:30"):
        run(bars, rows, allocation={"AAA": 0.5, "BBB": 0.5})
