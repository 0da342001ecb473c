"""Files that are not a store, and creating one."""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from filelock import FileLock

from step3_assets.catalogue import SCHEMA_VERSION, TABLES
from step3_assets.catalogue.column import Column, KnownAt, Table
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.storage.connection import attached
from step3_assets.storage.ddl import create_table
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.storage.rows import months, rows_of

NOBODY = 65_534


def new_store(path: Path, lock_timeout_s: float = 10.0) -> Store:
    store = Store(path, lock_timeout_s=lock_timeout_s)
    store.ensure_tables()
    return store


def change(path: Path, *statements: str) -> None:
    """Run statements on the file behind the store's back."""
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_making_a_store_makes_its_folders_and_leaves_no_drafts(tmp_path: Path) -> None:
    path = tmp_path / "it's a" / "new folder" / "step3.duckdb"
    store = new_store(path)
    assert sorted(os.listdir(path.parent)) == ["step3.duckdb", "step3.duckdb.lock"]
    assert store.read("events").empty
    assert store.size_bytes() == path.stat().st_size > 0


def test_a_leftover_draft_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "s.duckdb.new").write_text("a process was killed here")
    (tmp_path / "s.duckdb.new.wal").write_text("and here")
    assert new_store(tmp_path / "s.duckdb").read("scores").empty


def test_making_it_again_keeps_the_rows_and_adds_missing_tables(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    store.replace_all({"acceptance": rows_of(TABLES["acceptance"])})
    change(store.path, "DROP TABLE scores")
    with pytest.raises(StoreError, match="scores does not exist"):
        store.read("scores")
    store.ensure_tables()
    assert store.read("scores").empty
    assert len(store.read("acceptance")) == 24


def test_the_file_is_plain_and_of_the_pinned_storage_version(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    with duckdb.connect(str(store.path), read_only=True) as connection:
        tags = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal"
        ).fetchall()
        assert tags[0][0].startswith("v1.5.0")
        assert connection.execute("SELECT count(*) FROM duckdb_indexes()").fetchall() == [(0,)]
        kinds = connection.execute(
            "SELECT DISTINCT constraint_type FROM duckdb_constraints()"
        ).fetchall()
        assert kinds == [("NOT NULL",)]
        types = connection.execute("SELECT DISTINCT data_type FROM duckdb_columns()").fetchall()
        assert "TIMESTAMP WITH TIME ZONE" in {t for (t,) in types}


def test_the_ddl_of_a_small_table() -> None:
    described = (("month", "DATE", False), ("at", "TIMESTAMPTZ", False), ("x", "DOUBLE", True))
    table = Table(
        "tiny",
        ".",
        ".",
        tuple(Column(n, d, KnownAt.RESULT, ".", is_nullable=null) for n, d, null in described),
        ("month",),
    )
    assert create_table(table) == (
        'CREATE TABLE IF NOT EXISTS step3."tiny" '
        '("month" DATE NOT NULL, "at" TIMESTAMPTZ NOT NULL, "x" DOUBLE)'
    )


def test_the_instance_is_silent_single_threaded_and_in_utc(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    with attached(store.path, is_writer=False, timeout_s=5, log=logging.getLogger()) as connection:
        settings = [
            connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]
            for name in ("TimeZone", "threads", "enable_progress_bar")
        ]
    assert settings == ["UTC", 1, False]


def each_call(store: Store) -> list:
    return [
        store.ensure_tables,
        lambda: store.read("scores"),
        lambda: store.partitions("scores"),
        lambda: store.replace_partitions({"scores": rows_of(TABLES["scores"])}, months(3)),
        lambda: store.append("scores", rows_of(TABLES["scores"])),
        store.table_hashes,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"month,symbol\n2019-02,QQQ\n" * 1000, "not a valid DuckDB database file"),
        (b"", "not a valid DuckDB database file"),
        (b"\0" * 50_000, "not a valid DuckDB database file"),
    ],
    ids=["text", "empty", "zeros"],
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "s.duckdb"
    path.write_bytes(content)
    for call in each_call(Store(path)):
        with pytest.raises(StoreError, match=message) as caught:
            call()
        assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_truncated_database(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    content = store.path.read_bytes()
    store.path.write_bytes(content[:10_000])
    for call in each_call(store):
        with pytest.raises(StoreError, match="cannot be opened"):
            call()


def test_a_damaged_database_does_not_poison_the_process(tmp_path: Path) -> None:
    sound, damaged = new_store(tmp_path / "sound.duckdb"), new_store(tmp_path / "damaged.duckdb")
    frame = rows_of(TABLES["scores"], per_month=500)
    damaged.replace_partitions({"scores": frame}, months(3))
    content = bytearray(damaged.path.read_bytes())
    for position in range(12_288 + 500, len(content), 1_000):
        content[position] ^= 0xFF
    damaged.path.write_bytes(content)
    for call in each_call(damaged):
        with pytest.raises(StoreError, match=r"damaged\.duckdb"):
            call()
    sound.replace_partitions({"scores": frame}, months(3))
    assert len(sound.read("scores")) == 1500


def test_an_instance_that_broke_is_replaced(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    seen = []

    def visit(error: Exception | None = None) -> None:
        with attached(store.path, is_writer=False, timeout_s=5, log=logging.getLogger()) as found:
            seen.append(found)
            if error:
                raise error

    with pytest.raises(StoreError, match="the database has been invalidated"):
        visit(duckdb.FatalException("the database has been invalidated"))
    visit()
    visit()
    assert seen[0] is not seen[1]
    assert seen[1] is seen[2]


def test_columns_that_lie_in_another_order_in_the_file(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    table = TABLES["scores"]
    order = ", ".join(table.names[::-1])
    change(
        store.path,
        f"CREATE TABLE turned AS SELECT {order} FROM scores",
        "DROP TABLE scores",
        "ALTER TABLE turned RENAME TO scores",
    )
    store.ensure_tables()
    frame = rows_of(table)
    store.replace_partitions({"scores": frame.iloc[:20]}, months(3))
    assert store.append("scores", frame) == 4
    pd.testing.assert_frame_equal(store.read("scores"), canonical_frame(frame, table))


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened for reading"):
        Store(tmp_path).read("events")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be created"):
        new_store(tmp_path / "file" / "s.duckdb")


def test_no_file_yet(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.duckdb")
    assert store.size_bytes() == 0
    for call in each_call(store)[1:]:
        with pytest.raises(StoreError, match=r"no store there yet: ensure_tables\(\) creates it"):
            call()
    assert os.listdir(tmp_path) == []


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    change(path, "CREATE TABLE mine (a INTEGER)")
    for call in each_call(Store(path)):
        with pytest.raises(StoreError, match="a DuckDB file, but not a step3 store"):
            call()


def test_a_file_of_another_schema_version(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    change(store.path, "UPDATE store_info SET value = '0'")
    message = f"holds schema version 0, this program writes {SCHEMA_VERSION}"
    for call in each_call(store):
        with pytest.raises(StoreError, match=message):
            call()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "ALTER TABLE scores ADD COLUMN gamma DOUBLE",
            "extra columns: gamma DOUBLE; missing columns: none",
        ),
        (
            "ALTER TABLE scores DROP COLUMN q10",
            "extra columns: none; missing columns: q10 DOUBLE",
        ),
        (
            "ALTER TABLE scores ALTER COLUMN month TYPE VARCHAR",
            "extra columns: month VARCHAR; missing columns: month DATE",
        ),
    ],
)
def test_a_table_that_differs_from_the_catalogue(
    tmp_path: Path, statement: str, message: str
) -> None:
    store = new_store(tmp_path / "s.duckdb")
    change(store.path, statement)
    with pytest.raises(StoreError, match=f"table scores differs from the catalogue: {message}"):
        store.ensure_tables()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as an ordinary user, whom file permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_read_only_file_can_be_read_and_says_so_when_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder) / "s.duckdb")
        store.replace_all({"acceptance": rows_of(TABLES["acceptance"])})
        for part in Path(folder).iterdir():
            part.chmod(0o444)
        Path(folder).chmod(0o555)
        with unprivileged():
            assert len(store.read("acceptance")) == 24
            store.ensure_tables()
            with pytest.raises(StoreError, match=r"s\.duckdb: cannot be written: Permission den"):
                store.replace_all({"acceptance": rows_of(TABLES["acceptance"])})
        Path(folder, "s.duckdb.lock").chmod(0o666)
        with unprivileged(), pytest.raises(StoreError, match="cannot be opened for writing"):
            store.replace_all({"acceptance": rows_of(TABLES["acceptance"])})
        Path(folder).chmod(0o755)
        assert len(store.read("acceptance")) == 24


def test_waiting_for_a_writer_ends_at_the_deadline(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb", lock_timeout_s=0.2)
    with FileLock(str(store.path) + ".lock"):
        for call in (lambda: store.read("scores"), lambda: store.replace_all({})):
            with pytest.raises(StoreError, match=r"still locked after 0\.2 s: another process"):
                call()
    assert store.read("scores").empty


def test_the_same_process_has_the_file_open_otherwise(tmp_path: Path) -> None:
    store = new_store(tmp_path / "s.duckdb")
    with duckdb.connect(str(store.path)):
        for call in each_call(store):
            with pytest.raises(StoreError, match="this process has the file open outside the sto"):
                call()
    assert store.read("scores").empty


HOLD = """
import duckdb, sys, time
with duckdb.connect(sys.argv[1]):
    print("open", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_foreign_program_that_holds_the_file_is_waited_for_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = new_store(tmp_path / "s.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.path), "1.8"], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        impatient = Store(store.path, lock_timeout_s=0.05)
        with pytest.raises(StoreError, match=rf"still locked after 0\.05 s: .*PID {holder.pid}"):
            impatient.read("scores")
        assert store.read("scores").empty
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert any("waiting for the lock: " in w and str(holder.pid) in w for w in warnings)
    assert any("got the lock after 1." in w for w in warnings)
