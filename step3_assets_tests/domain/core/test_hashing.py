"""Hashes speak of values: no order, index or dtype flavour may show in them."""

import datetime as dt
import hashlib
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.column import Column, KnownAt, Table
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.hashing import frame_hash, row_hashes, text_hash
from step3_assets_tests.storage.rows import rows_of

R = KnownAt.RESULT
TINY = Table(
    "tiny",
    "One column of each type.",
    "none",
    (
        Column("month", "DATE", R, "."),
        Column("name", "VARCHAR", R, ".", is_nullable=True),
        Column("x", "DOUBLE", R, ".", is_nullable=True),
        Column("n", "BIGINT", R, "."),
        Column("m", "BIGINT", R, ".", is_nullable=True),
        Column("is_on", "BOOLEAN", R, "."),
        Column("at", "TIMESTAMPTZ", R, ".", is_nullable=True),
    ),
    ("month", "n"),
)


def tiny() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "month": [dt.date(2019, 2, 1), dt.date(2019, 2, 1), dt.date(2019, 3, 1)],
            "name": ["a", None, "ü"],
            "x": [0.0, 1.5, np.nan],
            "n": [1, 2, 3],
            "m": [7, None, 9],
            "is_on": [True, False, True],
            "at": pd.to_datetime(
                pd.Series(["2019-02-01 14:30:00.000001", "2019-02-01 15:30", None]),
                utc=True,
                format="ISO8601",
            ),
        }
    )


def with_column(name: str, values: Any) -> pd.DataFrame:
    return tiny().assign(**{name: values})


SAME = {
    "rows in another order": tiny().iloc[[2, 0, 1]],
    "columns in another order": tiny()[TINY.names[::-1]],
    "another index": tiny().set_index(pd.Index([9, 9, -1])),
    "minus zero": with_column("x", [-0.0, 1.5, np.nan]),
    "another NaN": with_column("x", np.array([0, 0x3FF8 << 48, 0x7FF8_DEAD << 32]).view(float)),
    "nullable double": with_column("x", pd.array([0.0, 1.5, None], dtype="Float64")),
    "single precision": with_column("x", np.array([0.0, 1.5, np.nan], dtype="float32")),
    "arrow double": with_column("x", pd.array([0.0, 1.5, None], dtype="double[pyarrow]")),
    "objects of double": with_column("x", pd.Series([0.0, 1.5, None], dtype=object)),
    "float integers": with_column("n", [1.0, 2.0, 3.0]),
    "small integers": with_column("n", np.array([1, 2, 3], dtype="int8")),
    "unsigned integers": with_column("n", np.array([1, 2, 3], dtype="uint64")),
    "arrow integers": with_column("n", pd.array([1, 2, 3], dtype="int32[pyarrow]")),
    "nullable integers": with_column("m", pd.array([7, None, 9], dtype="Int64")),
    "arrow integers with null": with_column("m", pd.array([7, None, 9], dtype="int64[pyarrow]")),
    "objects of integer": with_column("m", pd.Series([7, None, 9], dtype=object)),
    "objects of text": with_column("name", pd.Series(["a", np.nan, "ü"], dtype=object)),
    "string[python]": with_column("name", pd.array(["a", None, "ü"], dtype="string[python]")),
    "arrow text": with_column("name", tiny()["name"].astype(pd.ArrowDtype(pa.string()))),
    "categories": with_column("name", pd.Categorical(["a", None, "ü"])),
    "nullable boolean": with_column("is_on", pd.array([True, False, True], dtype="boolean")),
    "arrow boolean": with_column("is_on", pd.array([True, False, True], dtype="bool[pyarrow]")),
    "objects of boolean": with_column("is_on", pd.Series([True, False, True], dtype=object)),
    "midnight stamps": with_column("month", pd.to_datetime(tiny()["month"])),
    "arrow dates": with_column("month", tiny()["month"].astype(pd.ArrowDtype(pa.date32()))),
    "nanosecond stamps": with_column("at", tiny()["at"].dt.as_unit("ns")),
    "another zone": with_column("at", tiny()["at"].dt.tz_convert("America/New_York")),
    "objects of stamp": with_column("at", tiny()["at"].astype(object)),
    "arrow stamps": with_column(
        "at", tiny()["at"].astype(pd.ArrowDtype(pa.timestamp("us", "America/New_York")))
    ),
}

OTHER = {
    "a value": with_column("x", [0.0, np.nextafter(1.5, 2), np.nan]),
    "a null for zero": with_column("x", [np.nan, 1.5, np.nan]),
    "an empty text for null": with_column("name", ["a", "", "ü"]),
    "the text nan for null": with_column("name", ["a", "nan", "ü"]),
    "a zero for null": with_column("m", [7, 0, 9]),
    "a truth": with_column("is_on", [True, True, True]),
    "a microsecond": with_column("at", tiny()["at"] + pd.Timedelta(1, "us")),
    "a month": with_column("month", [dt.date(2019, 2, 1)] * 2 + [dt.date(2019, 4, 1)]),
    "values swapped between rows": with_column("name", [None, "a", "ü"]),
    "a row less": tiny().iloc[:2],
    "a row twice": tiny().iloc[[0, 1, 2, 2]],
    "values swapped between columns": tiny().assign(n=[7, 2, 3], m=[1, np.nan, 9]),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_content_has_the_same_hash(name: str) -> None:
    assert frame_hash(SAME[name], TINY) == frame_hash(tiny(), TINY)


@pytest.mark.parametrize("name", OTHER)
def test_other_content_has_another_hash(name: str) -> None:
    assert frame_hash(OTHER[name], TINY) != frame_hash(tiny(), TINY)


def test_the_encoding_is_what_the_charter_says() -> None:
    """One row encoded by hand: null mark and words, little endian."""

    def words(*values: int) -> bytes:
        return b"".join(v.to_bytes(8, "little", signed=True) for v in values)

    row = (
        words(0, (dt.date(2019, 2, 1) - dt.date(1970, 1, 1)).days)
        + words(0)
        + hashlib.sha256(b"a").digest()[:16]
        + words(0, 0)
        + words(0, 1)
        + words(0, 7)
        + words(0, 1)
        + words(0, 1_549_031_400_000_001)
    )
    expected = hashlib.sha256(row)
    assert row_hashes(tiny().iloc[:1], TINY).tolist() == [expected.hexdigest()[:32]]
    head = b"tiny(month DATE,name VARCHAR,x DOUBLE,n BIGINT,m BIGINT,is_on BOOLEAN,at TIMESTAMPTZ)"
    whole = hashlib.sha256(head + expected.digest()).hexdigest()[:32]
    assert frame_hash(tiny().iloc[:1], TINY) == whole


def test_row_hashes_follow_the_rows_and_keep_the_index() -> None:
    frame = tiny().set_index(pd.Index(["p", "q", "r"]))
    hashes = row_hashes(frame, TINY)
    assert hashes.index.tolist() == ["p", "q", "r"]
    assert hashes.is_unique
    assert hashes.str.len().tolist() == [32, 32, 32]
    shuffled = row_hashes(frame.loc[["r", "p", "q"]], TINY)
    pd.testing.assert_series_equal(shuffled.loc[["p", "q", "r"]], hashes)


def test_excluded_columns_do_not_count() -> None:
    other = with_column("x", [5.0, 6.0, 7.0])
    assert frame_hash(other, TINY, exclude=("x",)) == frame_hash(tiny(), TINY, exclude=("x",))
    assert frame_hash(tiny(), TINY, exclude=("x",)) != frame_hash(tiny(), TINY)
    left = row_hashes(other, TINY, exclude=("x",))
    assert left.tolist() == row_hashes(tiny(), TINY, exclude=("x",)).tolist()
    with pytest.raises(ValueError, match=r"tiny: cannot exclude unknown columns \['y'\]"):
        frame_hash(tiny(), TINY, exclude=("y",))


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_column_counts(table: Table) -> None:
    """A row, and copies of it with another value in one column each: as many contents."""
    first = canonical_frame(rows_of(table), table).iloc[:1]
    row = {name: first[name].iloc[0] for name in table.names}
    counted = [column for column in table.columns if not column.is_wall_clock]
    assert len(counted) >= len(table.columns) - 1
    values = {name: [row[name]] * (len(counted) + 1) for name in table.names}
    for position, column in enumerate(counted, start=1):
        values[column.name][position] = another(row[column.name], column)
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in values.items()})
    hashes = row_hashes(frame, table)
    same = [column.name for column, h in zip(counted, hashes[1:], strict=True) if h == hashes[0]]
    assert not same
    assert frame_hash(frame.iloc[:1], table) != frame_hash(frame.iloc[1:2], table)


def another(value: Any, column: Column) -> Any:
    """A value of the column's type that is not this one."""
    if column.dtype == "BOOLEAN":
        return not bool(value)
    if column.dtype == "DATE":
        return (dt.date(2001, 1, 1) if pd.isna(value) else value) + dt.timedelta(days=31)
    if column.dtype == "TIMESTAMPTZ":
        stamp = pd.Timestamp("2001-01-01", tz="UTC") if pd.isna(value) else value
        return stamp + pd.Timedelta(1, "us")
    if column.dtype == "VARCHAR":
        return f"{value}!"
    if column.dtype == "DOUBLE":
        return 1.5 if pd.isna(value) else float(np.nextafter(value, np.inf))
    return 1 if pd.isna(value) else int(value) + 1


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_no_rows_have_a_hash_of_their_table(table: Table) -> None:
    empty = rows_of(table).iloc[:0]
    assert frame_hash(empty, table) == frame_hash(pd.DataFrame(columns=table.names), table)
    assert frame_hash(empty, table) != frame_hash(rows_of(table), table)
    assert row_hashes(empty, table).empty


def test_missing_and_unknown_columns_are_named() -> None:
    frame = tiny().drop(columns="x").assign(y=1, z=2)
    for function in (canonical_frame, frame_hash, row_hashes):
        with pytest.raises(ValueError, match="tiny: columns missing 'x'; unknown 'y', 'z'"):
            function(frame, TINY)


def test_a_column_of_another_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"tiny\.x: is str, not numbers"):
        frame_hash(with_column("x", ["0.0", "1.5", "2"]), TINY)


def test_text_hash_is_sha256() -> None:
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sixteen_thousand_events_take_less_than_a_second() -> None:
    frame = rows_of(TABLES["events"], n_months=80, per_month=200)
    start = time.process_time()
    hashes = row_hashes(frame, TABLES["events"])
    assert time.process_time() - start < 1.0
    assert hashes.nunique() == 16_000
