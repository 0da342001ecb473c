"""Whatever happens to a file, it is refused as a delivery or arrives as it stands in the file."""

import random
import re
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.domain.delivery import Delivery, DeliveryError, read_delivery
from step3_assets_tests.domain.delivery.mutation import BARS, EVENTS, copy_good

KINDS = [
    pa.float32(), pa.float64(), pa.int8(), pa.int32(), pa.int64(), pa.uint64(), pa.bool_(),
    pa.string(), pa.binary(), pa.date32(), pa.decimal128(20, 4), pa.timestamp("us"),
    pa.timestamp("ns", "UTC"), pa.timestamp("us", "Asia/Tokyo"), pa.null(),
]  # fmt: skip
VALUES = [
    None, np.nan, np.inf, -np.inf, 0, -1, 1, 2, 0.5, 1e300, 2**53 + 1, 2**63 - 1, -(2**63), True,
    "", "AAA", "aaa", "../x", "2019-01-03 15:00:00", "2019-01-03 15:00:00+00:00", "9999-99-99",
    "0001-01-01 00:00:00+00:00", "ä\x00", "x" * 10_000,
]  # fmt: skip


def drop_column(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.remove_column(rng.randrange(table.num_columns))


def rename_column(table: pa.Table, rng: random.Random) -> pa.Table:
    names = list(table.column_names)
    new = ["", "x", "spy_sigma", "mkt_sigma", "y", "date", rng.choice(names), "a\x00b"]
    names[rng.randrange(len(names))] = rng.choice(new)
    return table.rename_columns(names)


def swap_names(table: pa.Table, rng: random.Random) -> pa.Table:
    names = list(table.column_names)
    first, second = rng.sample(range(len(names)), 2)
    names[first], names[second] = names[second], names[first]
    return table.rename_columns(names)


def retype_column(table: pa.Table, rng: random.Random) -> pa.Table:
    place = rng.randrange(table.num_columns)
    try:
        cast = table.column(place).cast(rng.choice(KINDS), safe=False)
    except pa.ArrowException:
        return table
    return table.set_column(place, table.column_names[place], cast)


def set_cells(table: pa.Table, rng: random.Random) -> pa.Table:
    place = rng.randrange(table.num_columns)
    kind, value = table.schema.field(place).type, rng.choice(VALUES)
    cells = table.column(place).to_pylist()
    for row in rng.sample(range(len(cells)), rng.choice([1, 2, len(cells)])):
        cells[row] = value
    try:
        array = pa.array(cells, kind, from_pandas=rng.random() < 0.5)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return table
    return table.set_column(place, table.column_names[place], array)


def null_outcomes(table: pa.Table, rng: random.Random) -> pa.Table:
    frame = table.to_pandas().astype(object)
    rows = rng.sample(range(len(frame)), rng.choice([1, 3, len(frame)]))
    frame.iloc[rows, 4:20] = None
    return pa.Table.from_pandas(frame.infer_objects(), preserve_index=False)


def repeat_rows(table: pa.Table, rng: random.Random) -> pa.Table:
    rows = [rng.randrange(table.num_rows) for _ in range(rng.choice([1, 5]))]
    return pa.concat_tables([table, table.take(rows)])


def take_rows(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.take(rng.sample(range(table.num_rows), rng.randrange(table.num_rows + 1)))


def shuffle_rows(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.take(rng.sample(range(table.num_rows), table.num_rows))


def add_column(table: pa.Table, rng: random.Random) -> pa.Table:
    name = rng.choice(["extra", "qqq_sigma", "month", "__index_level_0__", table.column_names[0]])
    return table.append_column(name, pa.array(range(table.num_rows)))


CHANGES = [
    drop_column, rename_column, swap_names, retype_column, set_cells, set_cells, set_cells,
    null_outcomes, repeat_rows, take_rows, shuffle_rows, add_column,
]  # fmt: skip


def change_file(path: Path, rng: random.Random) -> None:
    """Change a file's rows once or twice, and at times its bytes too."""
    table = pq.read_table(path)
    for _ in range(rng.choice([1, 1, 2])):
        with suppress(pa.ArrowException, KeyError, ValueError, TypeError):  # no such change here
            table = rng.choice(CHANGES)(table, rng)
    pq.write_table(table, path)
    if rng.random() < 0.2:
        raw = bytearray(path.read_bytes())
        if rng.random() < 0.5:
            raw = raw[: rng.randrange(len(raw))]
        else:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)


def assert_same_content(delivery: Delivery, folder: Path) -> None:
    """Every delivered value is the one in the file, found by a plain read of it."""
    files = ((EVENTS, delivery.events, "decision_time_utc"), (BARS, delivery.bars, "date"))
    for file, rows, stamp in files:
        plain = pq.read_table(folder / file).replace_schema_metadata(None).to_pandas()
        if file == EVENTS:
            prefix = re.compile(f"^{re.escape(rows['cross_symbol'].iloc[0].lower())}_")
            plain.columns = [prefix.sub("cross_", name) for name in plain.columns]
        order = pd.to_datetime(plain[stamp], utc=True).argsort()
        assert len(plain) == len(rows)
        for name in plain.columns:
            expected, got = plain[name].iloc[order].reset_index(drop=True), rows[name]
            if str(got.dtype).startswith("datetime"):
                expected = pd.to_datetime(expected, utc=True)
            same = (expected == got) | (expected.isna() & got.isna())
            assert same.all(), f"{file} {name}"


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32), file=st.sampled_from([EVENTS, BARS]), has_pending=st.booleans())
def test_a_changed_file_is_refused_or_arrives_as_it_is(seed, file, has_pending):
    with TemporaryDirectory() as name:
        folder = copy_good(Path(name), has_pending=has_pending)
        change_file(folder / file, random.Random(seed))
        try:
            delivery = read_delivery(folder)
        except DeliveryError:
            return
        assert_same_content(delivery, folder)


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_an_unchanged_content_keeps_its_version(seed):
    rng = random.Random(seed)
    with TemporaryDirectory() as name:
        folder = copy_good(Path(name))
        table = shuffle_rows(pq.read_table(folder / EVENTS), rng)
        columns = rng.sample(table.column_names, table.num_columns)
        pq.write_table(
            table.select(columns),
            folder / EVENTS,
            row_group_size=rng.randint(1, 30),
            compression=rng.choice(["none", "snappy", "gzip", "zstd"]),
            use_dictionary=rng.random() < 0.5,
        )
        good = read_delivery(copy_good(Path(name) / "good"))
        assert read_delivery(folder).dataset_version == good.dataset_version
