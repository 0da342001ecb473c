"""The clock and the marks, computed by hand."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.core.instants import instant_us, utc_stamp
from step3_assets.domain.execution.marking import LedgerError, MarkClock, Positions, mark_equity
from step3_assets_tests.domain.execution.samples import START, hour, make_bars


def positions(*rows: tuple[int, float, float, float, float, float]) -> Positions:
    """(symbol code, entry hour, exit hour, units, paid, received)."""
    columns = list(zip(*rows, strict=True)) or [()] * 6
    to_us = [[instant_us(hour(h)) for h in columns[i]] for i in (1, 2)]
    return Positions(
        np.array(columns[0], dtype="int64"),
        np.array(to_us[0], dtype="int64"),
        np.array(to_us[1], dtype="int64"),
        *(np.array(columns[i], dtype="float64") for i in (3, 4, 5)),
    )


def test_the_clock_is_the_union_of_bar_ends_and_carries_the_last_close():
    bars = pd.concat(
        [
            make_bars("BBB", [10, 11], closes=[10.5, 11.5], lows=[9, 10], hours=[0, 2]),
            make_bars("AAA", [20, 21], closes=[20.5, 21.5], lows=[19, 18], hours=[1, 2]),
        ]
    )
    clock = MarkClock.from_bars(bars)
    assert clock.symbols == ("AAA", "BBB")
    assert [utc_stamp(int(s)) for s in clock.stamp_us] == [hour(1), hour(2), hour(3)]
    np.testing.assert_array_equal(clock.close, [[np.nan, 10.5], [20.5, 10.5], [21.5, 11.5]])
    # BBB has no bar that ends at hour 2: its low there is the close it is carried at.
    np.testing.assert_array_equal(clock.low, [[np.nan, 9.0], [19.0, 10.5], [18.0, 10.0]])


def test_row_order_of_the_bars_does_not_matter():
    bars = pd.concat([make_bars("AAA", [1, 2, 3]), make_bars("BBB", [4, 5, 6])])
    first = MarkClock.from_bars(bars)
    second = MarkClock.from_bars(bars.sample(frac=1.0, random_state=3))
    np.testing.assert_array_equal(first.close, second.close)
    assert first.symbols == second.symbols


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("close", 0.0, "close is not a positive price in 1 row"),
        ("low", np.nan, "low is not a positive price"),
        ("open", np.inf, "open is not a positive price"),
        ("bar_end_utc", START, "bar_end_utc does not follow date"),
        ("date", START, "doubled or overlaps"),
    ],
)
def test_bars_that_cannot_carry_a_mark_are_refused(column, value, message):
    bars = make_bars("AAA", [1, 2, 3])
    bars.loc[1, column] = value
    with pytest.raises(LedgerError, match=message):
        MarkClock.from_bars(bars)


def test_bars_of_another_length_that_overlap_are_refused():
    bars = make_bars("AAA", [1, 2, 3])
    bars.loc[0, "bar_end_utc"] = hour(1.5)
    with pytest.raises(LedgerError, match=r"overlaps the one before in 1 row.*AAA.*15:00"):
        MarkClock.from_bars(bars)


def test_stamps_without_a_zone_are_refused():
    bars = make_bars("AAA", [1, 2]).assign(date=pd.to_datetime(["2020-01-01", "2020-01-02"]))
    with pytest.raises(LedgerError, match=r"date: is datetime64.*not stamps with a time zone"):
        MarkClock.from_bars(bars)


def test_equity_is_cash_and_units_at_the_close_and_a_fill_at_the_mark_is_not_in_it():
    bars = make_bars("AAA", [10, 10, 12, 9, 9], closes=[10, 11, 12, 9, 9], lows=[9, 8, 11, 7, 9])
    clock = MarkClock.from_bars(bars)
    # 100 units bought at hour 1 for 1000 and 2 of cost, sold at hour 4 (open 9) for 900 less 3.
    held = positions((0, 1, 4, 100.0, 1002.0, 897.0))
    curve = mark_equity(held, clock, slice(0, 5), 1000.0).frame()
    assert list(curve["bar_end_utc"]) == [hour(i) for i in (1, 2, 3, 4, 5)]
    assert list(curve["cash_usd"]) == [1000.0, -2.0, -2.0, -2.0, 895.0]
    assert list(curve["equity_usd"]) == [1000.0, 1098.0, 1198.0, 898.0, 895.0]
    np.testing.assert_allclose(
        curve["gross_exposure_frac"], [0, 1100 / 1098, 1200 / 1198, 900 / 898, 0]
    )
    np.testing.assert_allclose(
        curve["drawdown_frac"], [0, 0, 0, 1 - 898 / 1198, 1 - 895 / 1198], atol=1e-15
    )
    # At the lows: 798 against 1000, 1098 against 1098, 698 against 1198; then flat.
    np.testing.assert_allclose(
        curve["drawdown_low_frac"], [0, 0.202, 0, 1 - 698 / 1198, 1 - 895 / 1198], atol=1e-15
    )


def test_one_exits_and_another_enters_at_the_same_open():
    clock = MarkClock.from_bars(make_bars("AAA", [10, 10, 10, 10, 10]))
    held = positions((0, 2, 3, 7.0, 70.0, 70.0), (0, 1, 2, 5.0, 50.0, 50.0))
    curve = mark_equity(held, clock, slice(0, 5), 100.0)
    np.testing.assert_array_equal(curve.cash_usd, [100, 50, 30, 100, 100])
    np.testing.assert_array_equal(curve.equity_usd, [100] * 5)


def test_no_positions_is_a_flat_line_on_the_whole_clock():
    clock = MarkClock.from_bars(make_bars("AAA", [10, 20, 5]))
    curve = mark_equity(positions(), clock, slice(0, 3), 100.0)
    np.testing.assert_array_equal(curve.equity_usd, [100.0] * 3)
    np.testing.assert_array_equal(curve.drawdown_low_frac, [0.0] * 3)


def test_a_position_without_any_close_yet_is_refused():
    bars = pd.concat([make_bars("AAA", [1, 1, 1]), make_bars("BBB", [2, 2], hours=[1, 2])])
    clock = MarkClock.from_bars(bars)
    with pytest.raises(LedgerError, match="no close yet of a position held at 2020-03-02 15:00"):
        mark_equity(positions((1, 0, 2, 1.0, 1.0, 1.0)), clock, slice(0, 3), 100.0)


def test_marks_of_a_period_begin_after_its_start_and_end_with_its_end():
    clock = MarkClock.from_bars(make_bars("AAA", [1] * 6))
    assert clock.rows_after(instant_us(hour(1)), instant_us(hour(3))) == slice(1, 3)
    assert list(clock.row_at(np.array([instant_us(hour(h)) for h in (0, 1, 1.5, 9)]))) == [
        -1,
        0,
        0,
        5,
    ]


def test_a_symbol_without_bars_is_named():
    clock = MarkClock.from_bars(make_bars("AAA", [1, 1]))
    with pytest.raises(LedgerError, match=r"none for symbol.*ZZZ"):
        clock.codes(pd.Series(["AAA", "ZZZ"]))
