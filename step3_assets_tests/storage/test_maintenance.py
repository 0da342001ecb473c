"""Compaction and vacuuming lose nothing, whoever else has the files open or kills the process."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from step3_assets.storage import maintenance
from step3_assets.storage.connection import attached
from step3_assets.storage.maintenance import compact, remove_unread, vacuum
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.storage.rows import fill_tables

fill = partial(fill_tables, names=("events", "bar_features", "portfolio"))


@pytest.fixture(scope="module")
def worn_file(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose rows have been replaced several times over."""
    path = tmp_path_factory.mktemp("worn") / template.name
    shutil.copy(template, path)
    for tag in range(4):
        fill(Store(path, lock_timeout_s=5), tag=tag)
    return path


@pytest.fixture
def worn(worn_file: Path, tmp_path: Path) -> Store:
    shutil.copy(worn_file, tmp_path / worn_file.name)
    return Store(tmp_path / worn_file.name, lock_timeout_s=5)


def test_the_file_gets_smaller_and_every_table_stays(worn: Store):
    hashes, mode = worn.table_hashes(), worn.path.stat().st_mode
    before, after = compact(worn.path, timeout_s=5)
    assert after < 0.8 * before
    assert worn.table_hashes() == hashes
    assert worn.path.stat().st_mode == mode
    fill(worn, tag=9)  # keys and checks of the tables are there as well
    assert list(worn.path.parent.glob(f"*.{maintenance.COPY}*")) == []


def test_a_copy_that_differs_is_not_taken(worn: Store, monkeypatch: pytest.MonkeyPatch):
    hashes, honest = worn.table_hashes(), maintenance._content

    def one_row_lost(connection, catalogue: str, table: str):
        if catalogue == maintenance.COPY and table == "events":
            connection.execute(f"DELETE FROM {catalogue}.events WHERE rowid = 3")
        return honest(connection, catalogue, table)

    monkeypatch.setattr(maintenance, "_content", one_row_lost)
    with pytest.raises(StoreError, match=r"table events differs .*the store is unchanged"):
        compact(worn.path, timeout_s=5)
    assert worn.table_hashes() == hashes
    assert list(worn.path.parent.glob(f"*.{maintenance.COPY}*")) == []


READER = """
import logging, sys, time
from pathlib import Path
from step3_assets.storage.connection import attached
with attached(Path(sys.argv[1]), is_writer=False, timeout_s=5, log=logging.getLogger()):
    print("open", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_reader_is_waited_for_and_a_writer_waits(worn: Store):
    hashes = worn.table_hashes()
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(worn.path), "0.6"], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    start = time.monotonic()
    compact(worn.path, timeout_s=10)
    assert time.monotonic() - start > 0.2
    assert reader.wait(10) == 0
    assert worn.table_hashes() == hashes
    compacting = threading.Thread(target=compact, args=(worn.path, 10))
    compacting.start()
    fill(worn, tag=7)
    compacting.join()
    seven = worn.table_hashes()
    fill(worn, tag=7)
    assert worn.table_hashes() == seven != hashes


def test_a_store_that_stays_busy_is_refused_and_left(worn: Store):
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(worn.path), "5"], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    with pytest.raises(StoreError, match=r"still locked after 0\.2 s"):
        compact(worn.path, timeout_s=0.2)
    reader.kill()
    reader.wait()


KILLED = """
import os, signal, sys
from pathlib import Path
from step3_assets.storage import maintenance
maintenance._content = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
maintenance.compact(Path(sys.argv[1]), 5)
"""


def test_a_kill_in_the_middle_leaves_the_old_file(worn: Store):
    hashes = worn.table_hashes()
    status = subprocess.run([sys.executable, "-c", KILLED, str(worn.path)], check=False).returncode
    assert status == -9
    assert worn.table_hashes() == hashes
    compact(worn.path, timeout_s=5)
    assert worn.table_hashes() == hashes
    assert list(worn.path.parent.glob(f"*.{maintenance.COPY}*")) == []


def test_deleted_rows_give_their_space_back_while_others_have_the_file_open(tmp_path: Path):
    path = tmp_path / "log.db"
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE log (text TEXT)")
    other.executemany("INSERT INTO log VALUES (?)", [("x" * 1000,)] * 1000)
    other.commit()
    other.execute("DELETE FROM log WHERE rowid > 10")
    other.commit()
    assert vacuum([path]) == []
    assert path.stat().st_size < 100_000
    assert other.execute("SELECT count(*) FROM log").fetchone() == (10,)
    other.execute("BEGIN IMMEDIATE")
    problem = vacuum([path], timeout_s=0.1)
    assert len(problem) == 1
    assert "database is locked" in problem[0]
    other.close()


def test_only_files_unread_for_long_go(tmp_path: Path):
    old, read = tmp_path / "ab" / "old.parquet", tmp_path / "ab" / "read.parquet"
    old.parent.mkdir()
    for file, days in ((old, 91), (read, 89)):
        file.write_bytes(b"x")
        os.utime(file, (1e9, 1e9 - days * 86_400))
    journal = tmp_path / "optuna.journal"
    journal.write_bytes(b"x")
    os.utime(journal, (0, 0))
    assert remove_unread(tmp_path, 90, now=1e9) == 1
    assert (old.exists(), read.exists(), journal.exists()) == (False, True, True)


def test_what_is_done_on_closing_is_not_done_after_an_error(worn: Store):
    done: list[str] = []
    with (
        pytest.raises(RuntimeError),
        attached(
            worn.path,
            is_writer=True,
            timeout_s=5,
            log=maintenance._log,
            when_closed=lambda: done.append("closed"),
        ),
    ):
        raise RuntimeError
    assert done == []
