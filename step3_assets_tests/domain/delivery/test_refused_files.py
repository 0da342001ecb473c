"""Files that are absent, misnamed, damaged or empty stop the delivery."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from step3_assets.domain.delivery import DeliveryError, read_delivery
from step3_assets_tests.domain.delivery.mutation import (
    BARS,
    EVENTS,
    assert_refused,
    copy_good,
    rewrite_frame,
)

META = "meta/aaa_step2_config.json"
BASELINE = "selection/dual_portfolio_ml/dual_symbol_portfolio_summary.json"


@pytest.mark.parametrize("file", [EVENTS, BARS])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: b"", "is empty (0 bytes)"),
        (lambda raw: raw[:-40], "truncated or damaged"),
        (lambda raw: raw[: len(raw) // 2], "truncated or damaged"),
        (lambda raw: raw[:4], "truncated or damaged"),
        (lambda raw: b"symbol,y\nAAA,1\n", "truncated or damaged"),
    ],
    ids=["0 bytes", "footer cut", "half", "magic only", "csv"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, file, damage: Callable, words):
    folder = copy_good(tmp_path)
    (folder / file).write_bytes(damage((folder / file).read_bytes()))
    assert_refused(folder, file, words=words)


def test_page_checksums_are_verified_where_the_file_has_them(tmp_path):
    folder = copy_good(tmp_path)
    pq.write_table(pq.read_table(folder / BARS), folder / BARS, write_page_checksum=True)
    assert read_delivery(folder)
    raw = bytearray((folder / BARS).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / BARS).write_bytes(raw)
    assert_refused(folder, BARS, words="truncated or damaged")


@pytest.mark.parametrize("file", [EVENTS, BARS])
def test_a_file_without_rows_is_refused(tmp_path, file):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, file, lambda f: f.iloc[:0])
    assert_refused(folder, file, words="holds no rows")


@pytest.mark.parametrize("file", [EVENTS, BARS])
def test_a_symbol_needs_both_files(tmp_path, file):
    folder = copy_good(tmp_path, symbols=("AAA", "BBB"))
    (folder / file).unlink()
    assert_refused(folder, file, words="the file is missing")


@pytest.mark.parametrize("part", ["events", "bar_features"])
def test_a_missing_folder_is_refused(tmp_path, part):
    folder = copy_good(tmp_path)
    shutil.rmtree(folder / part)
    assert_refused(folder, f"{part}/", words="the folder is missing")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert_refused(tmp_path / "nowhere", ".", words="no such folder")


@pytest.mark.parametrize("part", ["events", "bar_features"])
def test_a_part_without_files_is_refused_and_names_what_lies_there(tmp_path, part):
    folder = copy_good(tmp_path)
    for path in (folder / part).iterdir():
        path.rename(path.with_suffix(".tmp"))
    assert_refused(folder, f"{part}/", words=".tmp")


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        *(
            (EVENTS, stem)
            for stem in ("AAA", "a aa", "", "a%2f", "1aa", "aaaaaaaaaaaa", "ä", "a\n")
        ),
        *((BARS, stem) for stem in ("Aaa", "", "aaa-b")),
    ],
)
def test_a_file_name_that_is_no_plain_ticker_is_refused(tmp_path, file, stem):
    folder = copy_good(tmp_path)
    name = (folder / file).with_name(Path(file).name.replace("aaa", stem))
    (folder / file).rename(name)
    assert_refused(folder, f"{Path(file).parent.name}/{name.name}", words="not a plain ticker")


def test_symbolic_links_are_not_followed(tmp_path):
    folder = copy_good(tmp_path)
    outside = (folder / EVENTS).rename(tmp_path / "elsewhere.parquet")
    (folder / EVENTS).symlink_to(outside)
    assert_refused(folder, "events/", words="aaa_events.parquet, a symbolic link)")


def test_a_renamed_file_does_not_rename_its_symbol(tmp_path):
    folder = copy_good(tmp_path)
    for file in (EVENTS, BARS):
        (folder / file).rename((folder / file).with_name(Path(file).name.replace("aaa", "ccc")))
    events, bars = EVENTS.replace("aaa", "ccc"), BARS.replace("aaa", "ccc")
    rows = (0, 1, 2, 3, 4)
    assert_refused(
        folder, events, "symbol", rows, "is not the file's symbol, CCC", ((bars, "symbol"),)
    )


@pytest.mark.parametrize("file", [META, BASELINE])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ('{"knobs": ', "not valid JSON"),
        ("[1, 2]", "expected a JSON object"),
        ("[" * 100_000, "not valid JSON"),
        ("\udcff", "not valid JSON"),
    ],
    ids=["empty", "cut off", "a list", "nested without end", "no text"],
)
def test_malformed_json_is_refused(tmp_path, file, content, words):
    folder = copy_good(tmp_path)
    (folder / file).write_bytes(content.encode(errors="surrogateescape"))
    assert_refused(folder, file, words=words)


def test_all_faults_come_in_one_error_and_the_message_stays_readable(tmp_path):
    folder = copy_good(tmp_path)
    (folder / META).write_text("{")
    rewrite_frame(folder, EVENTS, lambda f: f.rename(columns=lambda name: f"x_{name}"))
    rewrite_frame(folder, BARS, lambda f: f.drop(columns=["open"]))
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    files = {problem.file for problem in caught.value.problems}
    assert files == {META, EVENTS, BARS}
    message = str(caught.value)
    assert len(caught.value.problems) == 77
    assert message.count("\n") == 21
    assert message.endswith("more")
