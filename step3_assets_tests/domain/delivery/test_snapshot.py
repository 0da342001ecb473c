"""A folder that is being written: what is waited for, for how long, and what is new content."""

import os
import shutil
from pathlib import Path

import pytest

from step3_assets.domain.delivery import snapshot
from step3_assets.domain.delivery.snapshot import Snapshot, is_still, look
from step3_assets_tests.deliveries import write_small_delivery

NOW = 2_000_000_000.0
EVENTS_A, BARS_A = "events/aaa_events.parquet", "bar_features/aaa_bar_features.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_small_delivery(tmp_path / "delivery", n_months=1, events_per_month=4)
    age(folder, 1000)
    return folder


def age(folder: Path, seconds: float) -> None:
    """Set every file's time to so long before ``NOW``."""
    for path in folder.rglob("*.*"):
        set_age(path, seconds)


def set_age(path: Path, seconds: float) -> None:
    os.utime(path, (NOW - seconds, NOW - seconds))


def first_look(folder: Path) -> Snapshot:
    seen = look(folder, {}, "", None, NOW)
    assert seen.waiting is None
    return seen


def again(folder: Path, before: Snapshot, judged: Snapshot, now: float = NOW) -> Snapshot:
    return look(folder, judged.files, judged.fingerprint, before.waiting, now)


def test_a_settled_delivery_has_a_fingerprint_of_its_bytes(folder: Path, tmp_path: Path):
    seen = first_look(folder)
    assert len(seen.fingerprint) == 64
    copied = tmp_path / "copy"
    shutil.copytree(folder, copied)
    age(copied, 50)
    assert first_look(copied).fingerprint == seen.fingerprint


def test_only_files_whose_stamp_changed_are_hashed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = first_look(folder)
    hashed: list[str] = []
    real = snapshot.sha256_or_unreadable
    monkeypatch.setattr(
        snapshot, "sha256_or_unreadable", lambda p: hashed.append(p.name) or real(p)
    )
    assert again(folder, seen, seen).fingerprint == seen.fingerprint
    assert hashed == []
    set_age(folder / EVENTS_A, 100)  # touched, not changed
    assert again(folder, seen, seen).fingerprint == seen.fingerprint
    assert hashed == ["aaa_events.parquet"]


def test_a_young_file_waits_two_seconds(folder: Path):
    set_age(folder / EVENTS_A, 1.0)
    seen = look(folder, {}, "", None, NOW)
    assert (seen.waiting and seen.waiting.reason) == f"{EVENTS_A} was written a moment ago"
    assert look(folder, {}, "", seen.waiting, NOW + 1.5).waiting is None


def test_a_truncated_file_waits_ten_minutes_and_is_then_judged_as_it_is(folder: Path):
    path = folder / BARS_A
    path.write_bytes(path.read_bytes()[:-100])
    set_age(path, 500)
    seen = look(folder, {}, "", None, NOW)
    assert seen.waiting is not None
    assert f"{BARS_A} has no complete Parquet footer" in seen.waiting.reason
    later = look(folder, {}, "", seen.waiting, NOW + 599)
    assert later.waiting is not None
    assert look(folder, {}, "", later.waiting, NOW + 600).fingerprint


def test_a_growing_file_starts_the_ten_minutes_anew(folder: Path):
    path = folder / BARS_A
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    set_age(path, 500)
    seen = look(folder, {}, "", None, NOW)
    path.write_bytes(whole[:-50])
    set_age(path, 400)
    grown = look(folder, {}, "", seen.waiting, NOW + 599)
    assert grown.waiting is not None
    assert grown.waiting.since == NOW + 599


@pytest.mark.parametrize("name", [EVENTS_A, BARS_A])
def test_a_symbol_without_its_pair_waits(folder: Path, name: str):
    (folder / name).unlink()
    seen = look(folder, {}, "", None, NOW)
    assert seen.waiting is not None
    assert f"{name}: the file is missing" in seen.waiting.reason


def test_an_empty_folder_waits(tmp_path: Path):
    assert look(tmp_path, {}, "", None, NOW).waiting is not None
    assert look(tmp_path / "nowhere", {}, "", None, NOW).waiting is not None


def test_new_files_among_old_ones_wait_a_minute_for_the_others(folder: Path, tmp_path: Path):
    seen = first_look(folder)
    other = write_small_delivery(tmp_path / "two", n_months=1, events_per_month=4, seed=1)
    for name in (EVENTS_A, BARS_A):
        shutil.copy(other / name, folder / name)
        set_age(folder / name, 20)
    waits = again(folder, seen, seen)
    assert waits.waiting is not None
    assert "bbb_bar_features.parquet, events/bbb_events.parquet may follow" in waits.waiting.reason
    assert again(folder, waits, seen, NOW + 41).fingerprint not in ("", seen.fingerprint)
    for path in other.rglob("bbb_*.parquet"):
        target = folder / path.relative_to(other)
        shutil.copy(path, target)
        set_age(target, 5)
    assert again(folder, waits, seen).fingerprint not in ("", seen.fingerprint)


def test_a_file_from_the_far_future_does_not_wait_for_it(folder: Path):
    set_age(folder / EVENTS_A, -86400)
    assert look(folder, {}, "", None, NOW).waiting is None


def test_a_file_that_changes_while_it_is_hashed_waits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    real = snapshot.sha256_or_unreadable

    def append(path: Path) -> str:
        digest = real(path)
        if path.name == "aaa_events.parquet":
            with path.open("ab") as stream:
                stream.write(b"more")
        return digest

    monkeypatch.setattr(snapshot, "sha256_or_unreadable", append)
    seen = look(folder, {}, "", None, NOW)
    assert seen.fingerprint == ""
    assert (seen.waiting and seen.waiting.reason) == "a file changed while it was hashed"


def test_meta_is_part_of_the_delivery_and_strangers_are_not(folder: Path):
    seen = first_look(folder)
    (folder / "notes.txt").write_text("hello")
    assert again(folder, seen, seen).fingerprint == seen.fingerprint
    meta = folder / "meta" / "aaa_step2_config.json"
    meta.write_text("{}")
    set_age(meta, 100)
    assert again(folder, seen, seen).fingerprint not in ("", seen.fingerprint)


def test_still_the_same_or_not(folder: Path):
    seen = first_look(folder)
    assert is_still(folder, seen)
    path = folder / EVENTS_A
    stamp = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as if nothing had happened
    assert not is_still(folder, seen)
