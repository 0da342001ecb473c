"""Metadata in the UI is readable."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.defs.metadata import column_schema, readable, table_metadata


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (20.824521550163013, 20.82),
        (-0.2769941821358638, -0.277),
        (0.00012345678, 0.0001235),
        (10407.52612, 10408.0),
        (0.0, 0.0),
    ],
)
def test_numbers_have_four_significant_digits(value: float, shown: float):
    assert readable({"x": value}) == {"x": shown}


def test_counts_and_words_stay_and_what_is_missing_goes():
    assert readable({"n": 123456, "t": "new", "m": float("nan")}) == {"n": 123456, "t": "new"}


def test_a_table_shows_blanks_not_nan():
    frame = pd.DataFrame(
        {
            "head": ["ridge", None],
            "brier": [0.25212095, np.nan],
            "rows": [3911, 7],
            "ok": [True, False],
        }
    )
    lines = str(table_metadata(frame).value).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")] == [
        "", "ridge", "0.2521", "3,911", "yes", "",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].split("|")] == ["", "", "", "7", "no", ""]


def test_a_column_says_its_meaning_unit_and_when_it_is_known():
    columns = {c.name: c for c in column_schema("acceptance")["dagster/column_schema"].columns}
    assert columns["criterion"].description == "Name of the acceptance criterion."
    assert columns["comparison"].description.startswith("\\>=, \\>, \\<=")
    columns = {c.name: c for c in column_schema("folds")["dagster/column_schema"].columns}
    assert columns["embargo_bars"].description.endswith("Unit: bars. Known: fold start.")
