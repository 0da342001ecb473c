"""Canonical frames: one pandas form for each type, lossless or refused."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.column import Column, KnownAt, Table
from step3_assets.domain.core.canonical import (
    ColumnError,
    canonical_dtype,
    canonical_frame,
    canonical_series,
    check_columns,
)
from step3_assets_tests.storage.rows import rows_of


def column(dtype: str, *, is_nullable: bool = False) -> Column:
    return Column("c", dtype, KnownAt.RESULT, ".", is_nullable=is_nullable)


@pytest.mark.parametrize(
    ("dtype", "is_nullable", "expected"),
    [
        ("VARCHAR", True, "str"),
        ("DOUBLE", False, "float64"),
        ("BIGINT", False, "int64"),
        ("BIGINT", True, "float64"),
        ("BOOLEAN", False, "bool"),
        ("BOOLEAN", True, "boolean"),
        ("DATE", False, "object"),
        ("TIMESTAMPTZ", True, "datetime64[us, UTC]"),
    ],
)
def test_each_type_has_one_dtype_with_rows_or_without(
    dtype: str, is_nullable: bool, expected: str
) -> None:
    described = column(dtype, is_nullable=is_nullable)
    assert str(canonical_dtype(described)) == expected
    assert str(canonical_series(pd.Series([], dtype=object), described).dtype) == expected
    if is_nullable:
        nulls = canonical_series(pd.Series([None, np.nan, pd.NA], dtype=object), described)
        assert str(nulls.dtype) == expected
        assert nulls.isna().all()


NAIVE = pd.Timestamp("2019-02-01 14:30")
REFUSED = [
    ("DOUBLE", [True, False], "is bool, not numbers", ()),
    ("DOUBLE", ["1", "2"], "is str, not numbers", ()),
    ("DOUBLE", pd.Series([1.0, "2"], dtype=object), "holds mixed", ()),
    ("BIGINT", [1.0, 2.5], "is not a whole number", (1,)),
    ("BIGINT", [1.0, np.inf], "is not a whole number", (1,)),
    ("BIGINT", [1.0, 2.0**53], "is not a whole number", (1,)),
    ("BIGINT", [1.0, np.nan], "null where none is allowed", (1,)),
    ("BIGINT", [True, False], "is bool, not whole numbers", ()),
    ("BIGINT", np.array([2**63], dtype="uint64"), "does not fit 64 bits", ()),
    ("BIGINT", pd.Series([2**70], dtype=object), "does not fit 64 bits", ()),
    ("BOOLEAN", [0, 1], "is int64, not true or false", ()),
    ("BOOLEAN", [True, None], "null where none is allowed", (1,)),
    ("BOOLEAN", pd.Series(["True", "False"], dtype=object), "holds string objects", ()),
    ("VARCHAR", [1, 2], "is int64, not text", ()),
    ("VARCHAR", pd.Series(["a", 1, b"b"], dtype=object), "is not text", (1, 2)),
    ("VARCHAR", pd.Series(["\ud800"], dtype=object), "not valid Unicode", ()),
    ("VARCHAR", pd.Categorical([1, 2]), "is not text", (0, 1)),
    ("DATE", ["2019-02-01"], "holds str, not dates", (0,)),
    ("DATE", pd.Series([dt.datetime(2019, 2, 1)], dtype=object), "holds datetime, not", (0,)),
    ("DATE", pd.to_datetime(["2019-02-01 00:00", "2019-02-01 01:00"]), "is a time of day", (1,)),
    ("DATE", pd.to_datetime(["2019-02-01"], utc=True), "holds Timestamp, not dates", (0,)),
    ("TIMESTAMPTZ", [NAIVE], "not stamps with a time zone", ()),
    ("TIMESTAMPTZ", pd.Series([NAIVE.tz_localize("UTC"), NAIVE], dtype=object), "is not a", (1,)),
    ("TIMESTAMPTZ", ["2019-02-01T14:30Z"], "is str, not stamps", ()),
    ("TIMESTAMPTZ", [1_549_031_400], "is int64, not stamps", ()),
    ("TIMESTAMPTZ", pd.to_datetime([1], unit="ns", utc=True), "finer than a microsecond", (0,)),
]


@pytest.mark.parametrize(("dtype", "values", "message", "positions"), REFUSED)
def test_what_would_lose_something_is_refused(
    dtype: str, values: Any, message: str, positions: tuple[int, ...]
) -> None:
    with pytest.raises(ColumnError, match=message) as caught:
        canonical_series(pd.Series(values), column(dtype))
    assert caught.value.positions == positions


def test_large_integers_survive_where_the_type_can_hold_them() -> None:
    values = pd.Series([2**63 - 1, -(2**63)])
    assert canonical_series(values, column("BIGINT")).tolist() == values.tolist()
    with pytest.raises(ColumnError, match="is not a whole number"):
        canonical_series(values, column("BIGINT", is_nullable=True))


def test_an_arrow_nan_counts_as_null() -> None:
    pa = pytest.importorskip("pyarrow")
    values = pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1.0, float("nan")])))
    assert canonical_series(values, column("BIGINT", is_nullable=True)).isna().tolist() == [
        False,
        True,
    ]
    with pytest.raises(ColumnError, match="null where none is allowed"):
        canonical_series(values, column("BIGINT"))


@pytest.mark.parametrize("name", TABLES)
def test_a_canonical_frame_is_in_catalogue_order_and_key_order(name: str) -> None:
    table = TABLES[name]
    frame = rows_of(table)
    canonical = canonical_frame(frame.sample(frac=1, random_state=3)[table.names[::-1]], table)
    assert list(canonical.columns) == table.names
    assert canonical.index.tolist() == list(range(len(frame)))
    keys = list(canonical[list(table.key)].itertuples(index=False, name=None))
    assert keys == sorted(keys)
    pd.testing.assert_frame_equal(canonical, canonical_frame(frame, table))
    pd.testing.assert_frame_equal(canonical, canonical_frame(canonical, table))


def test_the_input_is_left_alone() -> None:
    frame = rows_of(TABLES["scores"])
    before = frame.copy(deep=True)
    canonical_frame(frame, TABLES["scores"])
    pd.testing.assert_frame_equal(frame, before)


def test_doubled_columns_are_named() -> None:
    table = Table("t", ".", ".", (column("BIGINT"),), ("c",), partition=None)
    with pytest.raises(ValueError, match="t: columns doubled 'c'"):
        check_columns(pd.DataFrame([[1, 2]], columns=["c", "c"]), table)
