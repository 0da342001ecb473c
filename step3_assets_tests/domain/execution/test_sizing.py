"""Sizes by hand."""

from datetime import date

import pandas as pd
import pytest

from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.execution.sizing import equal_weight, size_entry
from step3_assets_tests.domain.execution.samples import make_bars


@pytest.mark.parametrize(
    ("asked", "equity", "gross", "max_gross", "expected"),
    [
        (0.5, 10_000.0, 0.0, 1.0, (5_000.0, "size_frac")),
        (0.5, 10_000.0, 5_000.0, 1.0, (5_000.0, "size_frac")),
        (0.5, 10_000.0, 6_000.0, 1.0, (4_000.0, "gross_cap")),
        (0.5, 10_000.0, 10_500.0, 1.0, (0.0, "gross_cap")),
        (0.5, 10_000.0, 9_950.0, 1.0, (50.0, "gross_cap")),
        (0.5, 10_000.0, 9_951.0, 1.0, (0.0, "gross_cap")),  # under 1 % of what was asked
        (1.0, 10_000.0, 0.0, 0.4, (4_000.0, "gross_cap")),
        (2.0, 10_000.0, 0.0, 2.5, (20_000.0, "size_frac")),
    ],
)
def test_size_entry(asked, equity, gross, max_gross, expected):
    assert size_entry(asked, equity, gross, max_gross) == expected


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
