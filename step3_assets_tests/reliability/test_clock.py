"""A clock that is set back: nothing waits for ever, nothing is refused, no table changes."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster._core.test_utils import freeze_time

from step3_assets.domain.delivery.snapshot import PATIENCE_S, look
from step3_assets.storage.backup import make_backup, restore_backup
from step3_assets.storage.locks import Deadline
from step3_assets.storage.store import Store
from step3_assets_tests.defs.installation import START, Installation, failure_text
from step3_assets_tests.domain.delivery.mutation import EVENTS, copy_good

YEAR_S = 365 * 86_400.0


def half_written(folder: Path) -> Path:
    copy_good(folder)
    content = (folder / EVENTS).read_bytes()
    (folder / EVENTS).write_bytes(content[: len(content) // 2])
    return folder


@pytest.mark.parametrize("back_s", [300.0, 3_000.0, YEAR_S])
def test_an_unfinished_delivery_is_waited_for_ten_minutes_by_the_new_clock(
    tmp_path: Path, back_s: float
) -> None:
    folder = half_written(tmp_path / "d")
    now = time.time() + 60
    first = look(folder, {}, "", None, now)
    assert first.waiting is not None
    now -= back_s
    again = look(folder, {}, "", first.waiting, now)
    assert again.waiting is not None
    judged = look(folder, {}, "", again.waiting, now + PATIENCE_S)
    assert judged.waiting is None
    assert judged.fingerprint


def test_a_delivery_from_the_future_is_taken(tmp_path: Path) -> None:
    """Files that a clock, since set back, dated a year ahead."""
    folder = copy_good(tmp_path / "d")
    ahead = time.time() + YEAR_S
    for path in folder.rglob("*.*"):
        os.utime(path, (ahead, ahead))
    assert look(folder, {}, "", None, time.time()).waiting is None


def test_months_are_made_whatever_the_clock_says(tmp_path: Path) -> None:
    place = Installation(tmp_path / "home", copy_good(tmp_path / "d"))
    assert place.run("ingest", START).success
    before = place.store.table_hashes()
    for year in (2018, 2015):
        with freeze_time(datetime(year, 6, 1, tzinfo=UTC)):
            result = place.run("ingest", START)
        assert result.success, failure_text(result)
        assert place.store.table_hashes() == before


def test_waits_are_measured_by_a_clock_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    deadline = Deadline(5)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 4 < deadline.left_s <= 5


def test_what_is_replaced_is_kept_though_the_clock_stands_still(
    empty_store: Store, tmp_path: Path
) -> None:
    make_backup(empty_store, tmp_path / "b")
    kept = set()
    with freeze_time(datetime(2020, 1, 1, tzinfo=UTC)):
        for _ in range(3):
            kept.add(restore_backup(tmp_path / "b", empty_store.path.parent)[1])
    assert len(kept) == 3
    assert all(path is not None and (path / "step3.duckdb").exists() for path in kept)
