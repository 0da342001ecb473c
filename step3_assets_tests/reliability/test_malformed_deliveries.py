"""Every kind of malformed delivery, through the asset that ingests: one message, nothing stored.

The door's own tests (``domain/delivery``) go through each rule; here each kind of fault meets an
installation that holds a good delivery already, and the database must stay the same to the byte.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from step3_assets.domain.core.months import add_months
from step3_assets_tests.defs.installation import START, Installation, failure_text
from step3_assets_tests.domain.delivery.mutation import (
    BARS,
    EVENTS,
    add_to,
    copy_good,
    rewrite_arrow,
    rewrite_frame,
    set_values,
)

Spoil = Callable[[Path], object]
META = "meta/aaa_step2_config.json"


@dataclass(frozen=True)
class Fault:
    """A way to spoil a good delivery, and the words that its message must hold."""

    spoil: Spoil
    words: tuple[str, ...]


def rows(file: str, column: str, where: list[int], value: object, says: str) -> Fault:
    """Values in some rows; the message names file, column and rows."""
    noun = "row" if len(where) == 1 else "rows"
    place = f"{file}, column {column}, {noun} {', '.join(map(str, where))}: "
    return Fault(lambda d: rewrite_frame(d, file, set_values(column, where, value)), (place, says))


def column(file: str, name: str, make: Callable[[pa.ChunkedArray], pa.Array], says: str) -> Fault:
    """A column in another type; the message names file and column."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, make(table.column(name)))

    return Fault(lambda d: rewrite_arrow(d, file, change), (f"{file}, column {name}", says))


def renamed(file: str, name: str, says: str) -> Fault:
    """A file under another name; the message holds that name."""

    def move(folder: Path) -> None:
        (folder / file).rename((folder / file).with_name(name))

    return Fault(move, (f"{Path(file).parent}/", says))


def raw(file: str, change: Callable[[bytes], bytes], says: str) -> Fault:
    """Other bytes; the message names the file."""

    def write(folder: Path) -> None:
        (folder / file).write_bytes(change((folder / file).read_bytes()))

    return Fault(write, (f"{file}: ", says))


def varint(number: int) -> bytes:
    """A whole number as Parquet's footer writes it."""
    number *= 2
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def declare_rows(content: bytes, count: int = 2**40) -> bytes:
    """A footer that promises a million million rows, in the file and in every row group."""
    length = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - length], content[-8 - length : -8]
    have = varint(pq.read_metadata(pa.BufferReader(content)).num_rows)
    for field in range(0x16, 0x100, 0x10):  # a 64-bit field's header, whatever its number
        footer = footer.replace(bytes([field]) + have, bytes([field]) + varint(count))
    return body + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def second_case(folder: Path) -> None:
    shutil.copy(folder / EVENTS, folder / "events" / "AAA_events.parquet")


def folder_in_place(folder: Path) -> None:
    (folder / EVENTS).unlink()
    (folder / EVENTS).mkdir()


def linked_file(folder: Path) -> None:
    (folder / EVENTS).rename(folder / "elsewhere.parquet")
    (folder / EVENTS).symlink_to(folder / "elsewhere.parquet")


def linked_folder(folder: Path) -> None:
    (folder / "events").rename(folder / "elsewhere")
    (folder / "events").symlink_to(folder / "elsewhere")


def swapped_files(folder: Path) -> None:
    shutil.copy(folder / BARS, folder / EVENTS)


def frame_fault(file: str, change: Callable[[pd.DataFrame], pd.DataFrame], *words: str) -> Fault:
    return Fault(lambda d: rewrite_frame(d, file, change), (file, *words))


def of_values(kind: pa.DataType) -> Callable[[pa.ChunkedArray], pa.Array]:
    return lambda values: values.cast(kind, safe=False)


def one_struct(values: pa.ChunkedArray) -> pa.Array:
    return pa.array([{"value": v} for v in values.to_pylist()])


def one_list(values: pa.ChunkedArray) -> pa.Array:
    return pa.array([[v] for v in values.to_pylist()])


def one_map(values: pa.ChunkedArray) -> pa.Array:
    return pa.array([[("k", v)] for v in values.to_pylist()], pa.map_(pa.string(), pa.float64()))


DROP = "'; DROP TABLE events; --"
FAULTS: dict[str, Fault] = {
    # names
    "a file name with SQL": renamed(EVENTS, f"a{DROP}_events.parquet", "DROP TABLE events"),
    "a file name that climbs": renamed(EVENTS, "..aaa_events.parquet", "(ignored: events/..aaa"),
    "a file name with a coded slash": renamed(
        EVENTS, "%2e%2fx_events.parquet", "not a plain ticker"
    ),
    "a file name with a backslash": renamed(
        EVENTS, "c\\..\\x_events.parquet", "not a plain ticker"
    ),
    "a very long file name": renamed(
        BARS, "a" * 230 + "_bar_features.parquet", "not a plain ticker"
    ),
    "a file name in upper case": renamed(EVENTS, "AAA_events.parquet", "not a plain ticker"),
    "a file name with a line break": renamed(EVENTS, "a\na_events.parquet", "not a plain ticker"),
    "a file name that is not Unicode": renamed(
        EVENTS, os.fsdecode(b"a\xffa_events.parquet"), "not a plain ticker"
    ),
    "the same symbol in two cases": Fault(second_case, ("events/AAA_events.parquet", "lower case")),
    "another symbol's file": renamed(EVENTS, "ccc_events.parquet", "is missing, though"),
    # files
    "a folder named like a file": Fault(folder_in_place, ("events/", "ignored: " + EVENTS)),
    "a link to a file": Fault(linked_file, ("events/", "ignored: " + EVENTS)),
    "a link to a folder": Fault(linked_folder, ("events/", "links are not followed")),
    "no folder of events": Fault(lambda d: shutil.rmtree(d / "events"), ("events/", "missing")),
    "no file of bars": Fault(lambda d: (d / BARS).unlink(), ("bar_features/", "holds no *_bar_fe")),
    "a file of no bytes": raw(EVENTS, lambda b: b"", "is empty (0 bytes)"),
    "a half-written file": raw(BARS, lambda b: b[: len(b) // 2], "truncated or damaged"),
    "a file without its footer": raw(EVENTS, lambda b: b[:-8], "truncated or damaged"),
    "a footer of bytes at random": raw(
        BARS, lambda b: b[:-300] + bytes(range(256)) + b[-44:], "truncated or damaged"
    ),
    "a text file": raw(EVENTS, lambda b: b"symbol,y\nAAA,1\n", "truncated or damaged"),
    "a million million rows declared": raw(BARS, declare_rows, "declares 1,099,511,627,776 rows"),
    "a few rows more declared than there are": raw(
        EVENTS, lambda b: declare_rows(b, 100_000), "truncated or damaged"
    ),
    "bars in the place of events": Fault(
        swapped_files, (EVENTS, "is missing; expected", "and 26 more")
    ),
    "no rows": frame_fault(EVENTS, lambda f: f.iloc[:0], "holds no rows"),
    "meta that is no JSON": raw(META, lambda b: b'{"knobs": ', "not valid JSON"),
    "meta nested without end": raw(META, lambda b: b"[" * 200_000, "not valid JSON"),
    "meta that is a list": raw(META, lambda b: b"[1]", "expected a JSON object"),
    # columns
    "a column less": frame_fault(
        EVENTS, lambda f: f.drop(columns="b_sl"), "column b_sl: is missing"
    ),
    "a column more": frame_fault(
        BARS, lambda f: f.assign(tomorrow=0.0), "column tomorrow: is not in the contract"
    ),
    "a column name with SQL": frame_fault(
        BARS, lambda f: f.rename(columns={"close": f"close{DROP}"}), "column close: is missing"
    ),
    "a nested column more": Fault(
        lambda d: rewrite_arrow(
            d, EVENTS, lambda t: t.append_column("x", one_struct(t.column("sigma")))
        ),
        (f"{EVENTS}, column x", "not in the contract"),
    ),
    "structs": column(EVENTS, "sigma", one_struct, "is struct<value: double>; expected double"),
    "lists": column(BARS, "close", one_list, "expected double"),
    "maps": column(EVENTS, "sigma", one_map, "expected double"),
    "decimals": column(
        BARS, "close", of_values(pa.decimal128(30, 12)), "is decimal128(30, 12); expected double"
    ),
    "single precision": column(EVENTS, "net_logret", of_values(pa.float32()), "is float; expected"),
    "texts of numbers": column(BARS, "volume", of_values(pa.string()), "is string; expected"),
    "bytes for a text": column(EVENTS, "symbol", of_values(pa.binary()), "is binary; expected str"),
    "stamps without zone": column(BARS, "date", of_values(pa.timestamp("ms")), "zone UTC"),
    "stamps of Tokyo": column(
        BARS, "date", of_values(pa.timestamp("us", "Asia/Tokyo")), "expected timestamp with zone"
    ),
    "stamps as numbers": column(BARS, "date", of_values(pa.int64()), "is int64; expected"),
    "stamps between microseconds": frame_fault(
        BARS,
        lambda f: f.assign(date=f["date"].dt.as_unit("ns") + pd.Timedelta(1, "ns")),
        "column date, rows 0, 1, 2, 3, 4 and",
        "finer than a microsecond",
    ),
    "dates for stamps": column(BARS, "ny_time", of_values(pa.date32()), "America/New_York"),
    # rows
    "a price of nothing": rows(BARS, "close", [3, 9], None, "null"),
    "an infinite price": rows(BARS, "open", [7], np.inf, "not finite"),
    "a negative price": rows(BARS, "low", [5], -1.0, "must be above 0"),
    "a symbol with SQL": rows(EVENTS, "symbol", [2], DROP, "is not a plain ticker"),
    "a symbol in lower case": rows(EVENTS, "symbol", [0, 1], "aaa", "is not a plain ticker"),
    "a very long symbol": rows(EVENTS, "symbol", [4], "A" * 100_000, "is not a plain ticker"),
    "a stamp in another zone": rows(
        EVENTS, "decision_time_utc", [3], "2019-01-02 10:00:00-05:00", "in another time zone"
    ),
    "a day that never was": rows(
        EVENTS, "exit_time_utc", [3, 7], "2019-02-30 15:00:00+00:00", "is not a date that exists"
    ),
    "the year 9999": rows(
        EVENTS, "entry_time_utc", [1], "9999-12-31 23:00:00+00:00", "outside the years"
    ),
    "an outcome that is neither": rows(EVENTS, "y", [6], 2, "0 or 1"),
    "an exit of no known kind": rows(EVENTS, "exit_reason", [2], DROP, "is not a plain name"),
    "a row number outside the bars": rows(EVENTS, "t_idx", [23], 2**40, "bar"),
    "a candidate twice": frame_fault(
        EVENTS, lambda f: pd.concat([f, f.iloc[[4]]]), "rows 4, 24", "more than once"
    ),
    "a bar twice": frame_fault(BARS, lambda f: pd.concat([f.iloc[:1], f]), "column date", "rows"),
    "bars in reverse": frame_fault(BARS, lambda f: f.iloc[::-1], "column date"),
    "an entry at another bar": frame_fault(
        EVENTS, add_to("label_end_idx", [5], -3), "row 5", "label_end_idx"
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("door")
    installation = Installation(folder / "home", copy_good(folder / "good"))
    assert installation.run("ingest", START).success
    return installation


@pytest.mark.parametrize("name", list(FAULTS))
@pytest.mark.filterwarnings("ignore:the delivery cannot be read")
def test_a_malformed_delivery_is_refused_with_one_message(place: Installation, name: str) -> None:
    fault = FAULTS[name]
    folder = place.home.parent / "spoilt"
    shutil.rmtree(folder, ignore_errors=True)
    fault.spoil(copy_good(folder))
    database = place.home / "step3.duckdb"
    before = database.read_bytes()
    place.point_to(folder)
    result = place.run("ingest", START, assets=["events"])
    assert not result.success
    said = failure_text(result)
    assert said.count("is refused, ") == 1, said
    for words in (str(folder), *fault.words):
        assert words in said, said
    assert len(said) < 20_000
    assert database.read_bytes() == before


def test_there_are_as_many_kinds_as_promised_and_the_good_one_passes(
    place: Installation, tmp_path: Path
) -> None:
    assert len(FAULTS) >= 40
    before = place.store.table_hashes()
    place.point_to(copy_good(tmp_path / "sound"))
    assert place.run("ingest", START).success
    assert place.store.table_hashes() == before
    assert add_months(START, 0) in place.store.partitions("events")
