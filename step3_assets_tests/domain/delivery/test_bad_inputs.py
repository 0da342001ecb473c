"""More than two hundred generated bad inputs: each is refused by name, or taken with equal content.

Belongs here: faults made by rule, one for every column and file. Does not belong here: single rules
(the modules beside this one).
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.catalogue.delivery import BAR_FEATURES, OUTCOME_COLUMNS
from step3_assets.catalogue.delivery import EVENTS as EVENTS_TABLE
from step3_assets.domain.core.manifest import write_manifest
from step3_assets.domain.delivery import DeliveryError, read, read_delivery
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.domain.delivery.mutation import BARS, BASELINE, EVENTS, copy_good
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

META = "meta/aaa_step2_config.json"
BASELINE_FILE = "selection/dual_portfolio_ml/dual_symbol_portfolio_summary.json"


def dropped(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns([name])


def doubled(table: pa.Table, name: str) -> pa.Table:
    return table.append_column(name, table.column(name))


def renamed(table: pa.Table, name: str) -> pa.Table:
    return table.rename_columns([f"{n} " if n == name else n for n in table.column_names])


def as_bytes(table: pa.Table, name: str) -> pa.Table:
    texts = [str(value).encode() for value in table.column(name).to_pylist()]
    return table.set_column(table.schema.get_field_index(name), name, pa.array(texts, pa.binary()))


def spoilt_value(table: pa.Table, name: str) -> pa.Table:
    """One value that the column's own type allows and the rest of the row contradicts."""
    values = table.column(name).to_pylist()
    row = len(values) // 2
    while values[row] is None or values[row] != values[row]:
        row += 1
    value = values[row]
    if isinstance(value, bool):
        values[row] = not value
    elif isinstance(value, str):
        values[row] = f"{value}_x" if not value[:4].isdigit() else "1961-01-02 15:00:00+00:00"
    elif isinstance(value, int | float):
        values[row] = -value - 1
    else:
        values[row] = value + pd.Timedelta(minutes=13)
    array = pa.array(values, table.schema.field(name).type)
    return table.set_column(table.schema.get_field_index(name), name, array)


WAYS: dict[str, Callable[[pa.Table, str], pa.Table]] = {
    "dropped": dropped,
    "doubled": doubled,
    "renamed": renamed,
    "as bytes": as_bytes,
}
FREE = {  # numbers that nothing else in a delivery of one symbol is computed from
    "family", "beta_proxy", "average", "barcount", "tr", "ema_fast_slope", "vol_z", "pullback_z",
    "sigma_prank", "u_atr_prank", "dist_to_hi", "intraday_tail_frac", "gap_mu", "gap_sd",
    "gap_tail", "vol_spike", "volume", "a_tp", "b_sl", "rs_log", "ret_spread",
    "regime_agree",
}  # fmt: skip


def names_of(file: str) -> list[str]:
    """Delivered columns of a file of symbol AAA alone, whose other symbol is called MKT."""
    table = EVENTS_TABLE if file == EVENTS else BAR_FEATURES
    prefix = ("cross_", "mkt_")
    return [
        c.name.replace(*prefix) if c.name.startswith("cross_") else c.name
        for c in table.columns
        if c.is_delivered
    ]


CASES = [(file, name, way) for file in (EVENTS, BARS) for name in names_of(file) for way in WAYS]


@pytest.mark.parametrize(("file", "name", "way"), CASES)
def test_every_column_in_every_wrong_way(tmp_path: Path, file: str, name: str, way: str) -> None:
    folder = copy_good(tmp_path)
    pq.write_table(WAYS[way](pq.read_table(folder / file), name), folder / file)
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    assert {p.file for p in caught.value.problems} <= {file, EVENTS}
    assert any(name in p.column for p in caught.value.problems if p.file == file)


VALUES = [(f, n) for f in (EVENTS, BARS) for n in names_of(f) if n not in FREE and "mkt" not in n]


@pytest.mark.parametrize(
    ("file", "name"), [c for c in VALUES if c[1] not in ("rs_log", "ret_spread", "regime_agree")]
)
def test_every_computed_value_is_compared(tmp_path: Path, file: str, name: str) -> None:
    folder = copy_good(tmp_path)
    pq.write_table(spoilt_value(pq.read_table(folder / file), name), folder / file)
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    assert any(p.rows for p in caught.value.problems)


def test_there_are_more_than_two_hundred():
    assert len(CASES) + len(VALUES) > 300
    assert len(OUTCOME_COLUMNS) == 11


ODD_NAMES = [
    "100%", "a?b", "a#b", "[red]", "[a-z]*", "with blank", " lead", "ünï—çødé", "日本", "x=1",
    "month=2019-01", "{}", "$HOME", "~", "a;b", "a&b", "'quote", '"double', "back\\slash", "-dash",
    "new\nline", "s3:", "file:", "%2e%2e", "e\u0301",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_of_any_name_is_read(tmp_path: Path, name: str) -> None:
    folder = copy_good(tmp_path / name)
    assert read_delivery(folder).symbols == ("AAA",)
    (folder / EVENTS).unlink()
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    assert str(folder) in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["synthetic", "knobs", "trade_symbol", "monthly_table", "month_end",
                             "equity", "pnl", "trades", "max_off_calendar_frac", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(content=JSON, file=st.sampled_from([META, BASELINE_FILE]))
def test_json_of_any_shape_is_refused_or_means_what_it_says(tmp_path_factory, content, file):
    folder = copy_good(tmp_path_factory.mktemp("json"))
    (folder / file).write_text(json.dumps(content))
    delivery, blamed = None, set()
    try:
        delivery = read_delivery(folder)
    except DeliveryError as error:
        blamed = {p.file for p in error.problems}
    shutil.rmtree(folder)
    if delivery is None:
        assert blamed == {file}
        return
    assert isinstance(content, dict)
    assert delivery.is_synthetic is (file == META and content.get("synthetic") is True)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{}", b"{}" * 2, b'{"synthetic": "false"}',
        b'{"synthetic": true, "synthetic": false}', b'{"knobs": {"max_off_calendar_frac": "1"}}',
        b'{"knobs": {"max_off_calendar_frac": true}}', b'{"knobs": {"max_off_calendar_frac": 2}}',
        b'{"knobs": {"max_off_calendar_frac": NaN}}',
        b'{"synthetic": 0}', b'{"synthetic": []}', b'{"knobs": [1]}', b'{"trade_symbol": 5}',
    ],
)  # fmt: skip
def test_malformed_meta_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = copy_good(tmp_path)
    (folder / META).write_bytes(content)
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    assert [p.file for p in caught.value.problems] == [META]


ROW = BASELINE["monthly_table"][0]


@pytest.mark.parametrize(
    "table",
    [
        None, [], {}, "x", 5, [5], [None], [{}], [ROW, ROW], [{**ROW, "month_end": "soon"}],
        [{**ROW, "month_end": "2019-13-31"}], [{**ROW, "equity": "much"}], [{**ROW, "equity": -1}],
        [{**ROW, "equity": 10**400}],
        [{**ROW, "equity": 0}], [{**ROW, "pnl": 20_000.0}], [{**ROW, "trades": -1}],
        [{**ROW, "trades": True}], [{k: v for k, v in ROW.items() if k != "pnl"}],
    ],
)  # fmt: skip
def test_a_malformed_published_baseline_is_refused(tmp_path: Path, table: object) -> None:
    folder = copy_good(tmp_path)
    (folder / BASELINE_FILE).write_text(json.dumps({"monthly_table": table}))
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    assert [p.file for p in caught.value.problems] == [BASELINE_FILE]


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.rename(path.parents[1] / "elsewhere")
    path.symlink_to(path.parents[1] / "elsewhere")


def broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("file", [EVENTS, BARS])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (pipe, "a named pipe"),
        (link, "a symbolic link"),
        (broken_link, "a symbolic link"),
        (folder_there, "a folder"),
    ],
)
def test_what_is_no_plain_file_is_named(tmp_path: Path, file: str, make, words: str) -> None:
    folder = copy_good(tmp_path)
    make(folder / file)
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    (problem,) = caught.value.problems
    assert f"{file}, {words}" in problem.message


@pytest.mark.parametrize(("make", "kind"), [(pipe, "pipe"), (link, "link"), (folder_there, "f")])
def test_a_manifest_that_is_no_plain_file_is_refused(tmp_path: Path, make, kind: str) -> None:
    """It would be taken as a delivery without one, whose flipped bytes nobody sees."""
    folder = with_manifest(copy_good(tmp_path / "delivery"))
    make(folder / "manifest.json")
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    (problem,) = caught.value.problems
    assert problem.file == "manifest.json"
    assert kind in problem.message


def test_two_files_of_adjustments_of_one_symbol_are_refused(tmp_path: Path) -> None:
    folder = copy_good(tmp_path)
    (folder / "adjustments").mkdir()
    for name in ("aaa.csv", "AAA.csv"):
        (folder / "adjustments" / name).write_text("date,factor,kind\n")
    with pytest.raises(DeliveryError, match="AAA has another file"):
        read_delivery(folder)


@pytest.mark.parametrize("file", [META, BASELINE_FILE, "adjustments/aaa.csv"])
@pytest.mark.parametrize("make", [pipe, broken_link, folder_there])
def test_other_files_that_are_no_plain_files_are_ignored(tmp_path: Path, file: str, make) -> None:
    folder = copy_good(tmp_path)
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).touch()
    make(folder / file)
    assert read_delivery(folder).symbols == ("AAA",)


# The manifest.


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "step2_out"
    bars = {"QQQ": random_bars(1), "SPY": random_bars(2)}
    write_delivery(build_delivery(bars, SHORT), folder)
    return folder


def test_a_written_delivery_has_checksums_and_a_manifest(written: Path):
    assert read_delivery(written).has_manifest
    assert sorted(json.loads((written / "manifest.json").read_text())["sha256"]) == sorted(
        p.relative_to(written).as_posix()
        for p in written.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    )


def flips(folder: Path, count: int, seed: int) -> Iterator[tuple[Path, bytes, bytes]]:
    """Single flipped bits over all files, each file by its size."""
    rng = random.Random(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in rng.choices(files, [p.stat().st_size for p in files], k=count):
        raw = path.read_bytes()
        flipped = bytearray(raw)
        flipped[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        yield path, raw, bytes(flipped)


def test_no_flipped_byte_of_a_delivery_with_a_manifest_is_accepted(written: Path):
    """1,000 single flips were tried once by hand: none was accepted."""
    for path, raw, flipped in flips(written, 200, seed=5):
        path.write_bytes(flipped)
        try:
            with pytest.raises(DeliveryError):
                read_delivery(written)
        finally:
            path.write_bytes(raw)


def test_page_checksums_see_flips_in_the_rows_without_a_manifest(written: Path, tmp_path: Path):
    folder = Path(shutil.copytree(written, tmp_path / "copy"))
    (folder / "manifest.json").unlink()
    shutil.rmtree(folder / "meta")
    good = read_delivery(folder).dataset_version
    n_changed = 0
    for path, raw, flipped in flips(folder, 60, seed=6):
        path.write_bytes(flipped)
        with suppress(DeliveryError):
            n_changed += read_delivery(folder).dataset_version != good
        path.write_bytes(raw)
    assert n_changed <= 1


def with_manifest(folder: Path) -> Path:
    names = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]
    write_manifest(folder, names)
    return folder


@pytest.mark.parametrize(
    ("change", "file", "words"),
    [
        (lambda d: (d / META).unlink(), META, "does not exist"),
        (lambda d: (d / "meta/more.json").write_text("{}"), "meta/more.json", "is not named"),
        (lambda d: (d / META).write_text("{}"), META, "is not the file that manifest.json names"),
        (lambda d: (d / "manifest.json").write_text("{"), "manifest.json", "not valid JSON"),
        (lambda d: (d / "manifest.json").write_text("[]"), "manifest.json", "expected an object"),
        (
            lambda d: (d / "manifest.json").write_text(
                '{"manifest_version": 1, "sha256": {"a": 1}}'
            ),
            "manifest.json",
            "64 hex digits",
        ),
        (
            lambda d: (d / "manifest.json").write_text(
                '{"manifest_version": 1, "sha256": {}, "sha256": {}}'
            ),
            "manifest.json",
            "appears twice",
        ),
    ],
)
def test_a_manifest_that_disagrees_is_refused(tmp_path: Path, change, file: str, words: str):
    folder = with_manifest(copy_good(tmp_path))
    assert read_delivery(folder).has_manifest
    change(folder)
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    (problem,) = caught.value.problems
    assert problem.file == file
    assert words in problem.message


# Files that change while they are read.


@pytest.mark.parametrize("file", [EVENTS, BARS, META])
@pytest.mark.parametrize("is_valid", [True, False])
def test_a_file_swapped_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, is_valid: bool
):
    """Even where what was read is sound: rows of two deliveries are no delivery."""
    folder = copy_good(tmp_path)
    real = read.read_sheet

    def swap(path, name, symbol, table):
        found = real(path, name, symbol, table)
        content = (folder / file).read_bytes() + b" " if is_valid else b"junk"
        (folder / file).with_name("new").write_bytes(content)
        (folder / file).with_name("new").replace(folder / file)
        return found

    monkeypatch.setattr(read, "read_sheet", swap)
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    assert [p.file for p in caught.value.problems] == [file]
    assert "changed while the delivery was read" in str(caught.value)


def test_numbers_of_minus_zero_are_stored_as_zero(tmp_path: Path):
    folder = copy_good(tmp_path)
    table = pq.read_table(folder / EVENTS)
    zeros = pa.array(np.full(table.num_rows, -0.0))
    place = table.schema.get_field_index("mkt_age_min")
    pq.write_table(table.set_column(place, "mkt_age_min", zeros), folder / EVENTS)
    assert not np.signbit(read_delivery(folder).events["cross_age_min"]).any()
