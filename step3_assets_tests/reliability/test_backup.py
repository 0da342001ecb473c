"""A backup brings back every table to the hash; a damaged one brings back nothing."""

import hashlib
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from filelock import FileLock

from step3_assets.catalogue import TABLES
from step3_assets.cli.installation import dagster_instance
from step3_assets.cli.main import cli
from step3_assets.defs.settings import load_settings
from step3_assets.storage.backup import make_backup, read_manifest, restore_backup
from step3_assets.storage.locks import Deadline
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.reliability.rounds import rounds
from step3_assets_tests.reliability.victims import kill_after, start
from step3_assets_tests.storage.old_tables import VERSION_1
from step3_assets_tests.storage.rows import fill_tables, months, rows_of
from step3_assets_tests.storage.test_concurrency import (
    PAIR,
    check_pair,
    replace_forever,
    tag_of,
)

JOURNAL = '{"op_code": 0}\n{"op_code": 1}\n'


@dataclass(frozen=True)
class Saved:
    """A home with every kind of file, a backup of it, and the tables that came later."""

    home: Path
    backup: Path
    saved: dict[str, str]
    later: dict[str, str]


@pytest.fixture(scope="module")
def original(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("original")
    home = folder / "home"
    (home / "search").mkdir(parents=True)
    shutil.copy(template, home / "step3.duckdb")
    (home / "step3.toml").write_text("workers = 3\n")
    (home / "search" / "optuna.journal").write_text(JOURNAL + '{"half a li')
    store = Store(home / "step3.duckdb")
    fill_tables(store)
    saved = store.table_hashes()
    make_backup(store, folder / "b")
    fill_tables(store, tag=1)
    return Saved(home, folder / "b", saved, store.table_hashes())


@pytest.fixture
def place(original: Saved, tmp_path: Path) -> Saved:
    """A copy of its own for each test."""
    shutil.copytree(original.home, tmp_path / "home")
    shutil.copytree(original.backup, tmp_path / "kept" / "b")
    return replace(original, home=tmp_path / "home", backup=tmp_path / "kept" / "b")


def hashes(home: Path) -> dict[str, str]:
    return Store(home / "step3.duckdb").table_hashes()


def step3(home: Path, *words: str) -> tuple[int, str]:
    """Run a verb in this process: exit status and everything it said."""
    done = CliRunner(env={"STEP3_HOME": str(home)}).invoke(cli, list(words))
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


@pytest.mark.parametrize("name", ["b.zip", "b"])
def test_a_round_trip_keeps_every_hash(place: Saved, tmp_path: Path, name: str) -> None:
    out, other = tmp_path / "out" / name, tmp_path / "other"
    status, said = step3(place.home, "backup", "--out", str(out))
    assert status == 0, said
    assert f"step3 restore --from {out}" in said
    assert os.listdir(out.parent) == [name]

    status, said = step3(other, "restore", "--from", str(out))
    assert status == 0, said
    assert hashes(other) == place.later
    assert (other / "step3.toml").read_text() == "workers = 3\n"
    assert (other / "search" / "optuna.journal").read_text() == JOURNAL  # whole lines only


def test_what_is_replaced_is_asked_for_and_kept(place: Saved) -> None:
    assert place.later != place.saved
    status, said = step3(place.home, "restore", "--from", str(place.backup))
    assert status == 1
    assert "add --yes to replace them" in said
    assert hashes(place.home) == place.later

    status, said = step3(place.home, "restore", "--from", str(place.backup), "--yes")
    assert status == 0, said
    assert hashes(place.home) == place.saved
    (kept,) = (place.home / "replaced").iterdir()
    assert str(kept) in said
    assert hashes(kept) == place.later


def test_a_log_that_a_killed_writer_left_goes_aside_with_its_file(place: Saved) -> None:
    """It belongs to the old file; beside the restored one it would spoil it."""
    wal = place.home / "step3.duckdb.wal"
    wal.write_bytes(b"of another file")
    (place.home / "step3.duckdb").write_bytes(b"a damaged database")
    _, kept = restore_backup(place.backup, place.home)
    assert hashes(place.home) == place.saved
    assert kept is not None
    assert not wal.exists()
    assert (kept / wal.name).read_bytes() == b"of another file"


def test_a_backup_never_overwrites(empty_store: Store, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("precious")
    with pytest.raises(StoreError, match=r"b\.zip: exists already"):
        make_backup(empty_store, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_text() == "precious"


def test_an_existing_folder_gets_a_dated_one_inside(place: Saved, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    status, said = step3(place.home, "backup", "--out", str(tmp_path / "backups"))
    assert status == 0, said
    (made,) = (tmp_path / "backups").iterdir()
    assert made.name.startswith("step3_2")
    assert read_manifest(made).tables == place.later


def flip(path: Path, position: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 0x55
    path.write_bytes(content)


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def zipped(folder: Path, spoil: Callable[[Path], object]) -> Path:
    """The backup as a zip in the folder's place, spoilt."""
    packed = folder.with_name("packed.zip")
    shutil.make_archive(str(packed.with_suffix("")), "zip", folder)
    spoil(packed)
    return packed


def rows_changed(folder: Path) -> None:
    """A sound database with other rows than the manifest says."""
    store = Store(folder / "step3.duckdb")
    store.replace_partitions({"scores": rows_of(TABLES["scores"], tag=2)}, months(3))


SPOILERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda b: (b / "manifest.json").unlink(), "is not a step3 backup"),
    "manifest cut off": (lambda b: os.truncate(b / "manifest.json", 40), "is not a step3 backup"),
    "manifest of other keys": (lambda b: edit_manifest(b, more=1), "is not a step3 backup"),
    "hashes that are no text": (
        lambda b: edit_manifest(b, files={"step3.toml": 1}),
        "is not a step3 backup",
    ),
    "another format": (lambda b: edit_manifest(b, format=2), "backup format 2; this program r"),
    "another schema": (
        lambda b: edit_manifest(b, schema_version="0"),
        "holds schema version 0, this program reads",
    ),
    "a path that leads out": (
        lambda b: edit_manifest(b, files={"dagster/../../x": "0"}),
        "names a file that a backup cannot contain: 'dagster/../../x'",
    ),
    "an absolute path": (lambda b: edit_manifest(b, files={"/etc/x.json": "0"}), "cannot contain"),
    "a program": (lambda b: edit_manifest(b, files={"search/x.py": "0"}), "cannot contain"),
    "no database": (lambda b: (b / "step3.duckdb").unlink(), "step3.duckdb is missing"),
    "database cut off": (lambda b: os.truncate(b / "step3.duckdb", 20_000), "damaged"),
    "a bit of the database": (lambda b: flip(b / "step3.duckdb", 0.02), "damaged: step3.duckdb"),
    "other rows": (rows_changed, "not the rows that were saved: scores"),
    "settings changed": (
        lambda b: (b / "step3.toml").write_text("workers = 4\n"),
        "not the bytes that were saved: step3.toml",
    ),
    "journal gone": (lambda b: (b / "search" / "optuna.journal").unlink(), "is missing"),
    "a link": (
        lambda b: (
            (b / "step3.toml").unlink(),
            (b / "step3.toml").symlink_to("/etc/hostname"),
        ),
        "step3.toml is missing",
    ),
    "zip cut off": (
        lambda b: zipped(b, lambda p: os.truncate(p, p.stat().st_size // 2)),
        "is not a step3 backup",
    ),
    "zip with a bit changed": (lambda b: zipped(b, lambda p: flip(p, 0.3)), "damaged"),
}


@pytest.fixture
def of_version_1(tmp_path: Path) -> Path:
    """A backup as the first program's store would be in it."""
    folder = tmp_path / "old"
    folder.mkdir()
    with duckdb.connect(str(folder / "step3.duckdb")) as connection:
        for statement in VERSION_1:
            connection.execute(statement)
    digest = hashlib.sha256((folder / "step3.duckdb").read_bytes()).hexdigest()
    content = {
        "created_utc": "2024-01-03T00:00:00+00:00",
        "schema_version": "1-38050cfa",
        "tables": {"acceptance": "of other columns"},
        "files": {},
        "format": 1,
        "database_sha256": digest,
    }
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


def test_a_backup_of_an_older_program_is_brought_up_to_date(of_version_1: Path, tmp_path: Path):
    restore_backup(of_version_1, tmp_path / "home")
    store = Store(tmp_path / "home" / "step3.duckdb")
    assert list(store.read("acceptance")["criterion"]) == ["max_drawdown"]
    assert store.altered() == []


def test_one_without_the_hash_of_its_database_says_what_is_unproved(
    of_version_1: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    edit_manifest(of_version_1, database_sha256="")
    restore_backup(of_version_1, tmp_path / "home")
    assert "acceptance" in caplog.text
    assert "could not be verified" in caplog.text


def test_a_damaged_one_is_refused(of_version_1: Path, tmp_path: Path):
    edit_manifest(of_version_1, database_sha256="0" * 64)
    with pytest.raises(StoreError, match=r"not the bytes that were saved: step3.duckdb"):
        restore_backup(of_version_1, tmp_path / "home")
    assert not (tmp_path / "home" / "step3.duckdb").exists()


@pytest.mark.parametrize("name", list(SPOILERS))
def test_a_damaged_backup_is_refused_and_nothing_touched(place: Saved, name: str) -> None:
    spoil, words = SPOILERS[name]
    database, files = place.home / "step3.duckdb", sorted(os.listdir(place.home))
    before = database.read_bytes()
    found = spoil(place.backup)
    source = found if isinstance(found, Path) else place.backup
    with pytest.raises(StoreError, match=words) as caught:
        restore_backup(source, place.home)
    assert str(caught.value).startswith(str(source))
    assert database.read_bytes() == before
    assert sorted(os.listdir(place.home)) == files
    assert (place.home / "step3.toml").read_text() == "workers = 3\n"


def test_a_zip_brings_out_nothing_that_its_manifest_does_not_name(
    place: Saved, tmp_path: Path
) -> None:
    source = zipped(place.backup, lambda _: None)
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("../planted.txt", "x")
        archive.writestr("planted.txt", "x")
    other = tmp_path / "deep" / "other"
    restore_backup(source, other)
    assert not list(tmp_path.rglob("planted.txt"))
    assert hashes(other) == place.saved


def test_backups_taken_while_a_writer_writes_are_of_one_moment(
    empty_store: Store, tmp_path: Path
) -> None:
    """The writer puts one tag into two tables and two months at once, another each time."""
    store = Store(empty_store.path, lock_timeout_s=30)
    writer = start(replace_until_killed, store)
    try:
        wait = Deadline(60)
        while store.read("scores").empty:
            assert wait.left_s
        tags = []
        for number in range(rounds(4)):
            make_backup(store, tmp_path / f"b{number}")
            copy = Store(tmp_path / f"b{number}" / "step3.duckdb")
            scores, bins = (copy.read(name) for name in PAIR)
            tags.append({tag_of(rows) for _, rows in scores.groupby("month")})
            check_pair(scores, bins)
        assert writer.is_alive()
    finally:
        kill_after(writer, 0)
    assert all(len(found) == 1 for found in tags)
    assert len(set.union(*tags)) > 1


class _Unwatched:
    def set(self) -> None:
        pass


def replace_until_killed(store: Store) -> None:
    replace_forever(store, _Unwatched())


def restore_again_and_again(source: Path, home: Path) -> None:
    while True:
        restore_backup(source, home)


def test_a_restore_that_is_killed_leaves_the_old_tables_or_the_new(place: Saved) -> None:
    database = place.home / "step3.duckdb"
    old = database.read_bytes()
    chance = random.Random(11)
    for _ in range(rounds(3)):
        database.write_bytes(old)
        victim = start(restore_again_and_again, place.backup, place.home)
        assert kill_after(victim, chance.uniform(0.02, 0.6))
        assert hashes(place.home) in (place.later, place.saved)
        restore_backup(place.backup, place.home)
        assert hashes(place.home) == place.saved


def test_the_dagster_home_comes_back_unless_servers_run_on_it(
    empty_store: Store, tmp_path: Path
) -> None:
    home = empty_store.path.parent
    settings = load_settings(home)
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dagster_instance(settings) as instance:
        instance.run_storage.add_run(dg.DagsterRun(job_name="kept"))
        make_backup(empty_store, tmp_path / "b", has_dagster=True)
        instance.run_storage.add_run(dg.DagsterRun(job_name="lost"))
    running = pytest.raises(StoreError, match="`step3 ui` is running on it")
    with FileLock(home / ".ui.lock"), running:
        restore_backup(tmp_path / "b", home)
    _, kept = restore_backup(tmp_path / "b", home)
    assert kept is not None
    assert (kept / "dagster" / "dagster.yaml").exists()
    with dagster_instance(settings) as instance:
        assert [run.job_name for run in instance.get_runs()] == ["kept"]
