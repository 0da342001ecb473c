"""Each unit has one format, and a missing number is never shown as zero."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.report import numbers as fmt

MISSING = [None, float("nan"), np.nan, pd.NA, pd.NaT, float("inf")]
WRITERS = [
    fmt.bps,
    fmt.percent,
    fmt.share,
    fmt.usd,
    fmt.count,
    fmt.ratio,
    fmt.fine_ratio,
    fmt.score,
    fmt.tally,
]


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (fmt.bps, 2.34, "2.3 bps"),
        (fmt.bps, -1234.56, "-1,234.6 bps"),
        (fmt.bps, -0.04, "0.0 bps"),
        (fmt.percent, 0.12345, "12.35%"),
        (fmt.percent, -0.00001, "0.00%"),
        (fmt.percent, 12.5, "1,250.00%"),
        (fmt.share, 0.5333, "53.3%"),
        (fmt.usd, 10234.5, "$10,234"),
        (fmt.usd, -1234.5, "-$1,234"),
        (fmt.usd, -0.2, "$0"),
        (fmt.usd, np.float64(1e6), "$1,000,000"),
        (fmt.count, 1234, "1,234"),
        (fmt.count, np.int64(0), "0"),
        (fmt.count, 1234.0, "1,234"),
        (fmt.ratio, 0.456, "0.46"),
        (fmt.fine_ratio, 0.4496, "0.450"),
        (fmt.score, 0.249951, "0.2500"),
        (fmt.tally, 3.0, "3"),
        (fmt.tally, 0.5, "0.50"),
        (fmt.month_text, date(2019, 2, 1), "2019-02"),
        (fmt.month_text, pd.Timestamp("2019-02-01"), "2019-02"),
        (fmt.month_text, pd.Period("2019-02"), "2019-02"),
    ],
)
def test_a_number_is_written_in_its_unit(write, value, text):
    assert write(value) == text


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("value", MISSING, ids=["None", "nan", "np.nan", "NA", "NaT", "inf"])
def test_a_missing_number_says_so(write, value):
    assert write(value) == "not available"


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(1, 3, "33.3%"), (0, 5, "0.0%"), (0, 0, "not available")]
)
def test_a_share_of_nothing_is_not_available(part, whole, text):
    assert fmt.share_of(part, whole) == text


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (1500, "1,500 days")]
)
def test_a_noun_follows_its_count(n, text):
    assert fmt.plural(n, "day") == text
