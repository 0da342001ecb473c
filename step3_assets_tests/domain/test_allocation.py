"""Shares of equity by month, from data before it."""

from datetime import date

import pandas as pd

from step3_assets.domain.allocation import equal_weight
from step3_assets.domain.execution.marking import MarkClock
from step3_assets_tests.domain.execution.samples import make_bars


def test_equal_weight_counts_the_symbols_that_have_bars_in_the_month():
    hours = 24 * 31
    bars = pd.concat(
        [
            make_bars("AAA", [1, 1], hours=[0, hours]),  # March and April
            make_bars("BBB", [1], hours=[hours]),  # joins in April
        ]
    )
    months = [date(2020, 3, 1), date(2020, 4, 1), date(2020, 5, 1)]
    assert equal_weight(MarkClock.from_bars(bars), months) == {
        date(2020, 3, 1): {"AAA": 1.0},
        date(2020, 4, 1): {"AAA": 0.5, "BBB": 0.5},
        date(2020, 5, 1): {},
    }
