"""Full and read-only disks, and a Dagster home that is gone: one message, sound tables.

A real small file system is mounted where the tests may do so (they must be root).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from step3_assets.catalogue import TABLES
from step3_assets.cli import ui as ui_module
from step3_assets.cli.installation import DAGSTER_YAML, dagster_instance
from step3_assets.defs.settings import load_settings
from step3_assets.storage.backup import make_backup, restore_backup
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.defs.installation import START, TOML
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.reliability.victims import kill_after, output_of, run_verb, start
from step3_assets_tests.storage.rows import months, rows_of
from step3_assets_tests.waiting import wait_until

Mount = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """A small file system of its own and a function that mounts it again with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip("may not mount a file system here")

    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small file system")
    mount("size=8m")
    try:
        yield place, mount
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def verb(home: Path, *words: str) -> tuple[int, str]:
    """Run a verb in a process of its own: its exit status and what it printed."""
    with tempfile.TemporaryDirectory() as elsewhere:
        output = Path(elsewhere) / "output.txt"
        process = start(run_verb, home, list(words), output)
        process.join(120)
        assert process.exitcode is not None
        return process.exitcode, output.read_text("utf-8")


def one_message(said: str) -> str:
    """The one line of complaint; a traceback fails the test."""
    assert "Traceback" not in said, said
    lines = [line for line in said.splitlines() if line.startswith("step3: ")]
    assert len(lines) == 1, said
    return lines[0]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    return write_small_delivery(folder, start=START, n_months=25, events_per_month=30)


@pytest.fixture(scope="module")
def quiet(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where the delivery is ingested."""
    home = tmp_path_factory.mktemp("quiet") / "home"
    make_home(home, delivery)
    status, said = verb(home, "train-dataset")
    assert status == 0, said
    return home


def make_home(home: Path, delivery: Path) -> None:
    settings = load_settings(home)
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML)
    (home / "step3.toml").write_text(TOML.format(delivery=delivery))


def hashes(home: Path) -> dict[str, str]:
    return Store(home / "step3.duckdb").table_hashes()


def fill_up(place: Path, leave_kb: int) -> None:
    """Take the free space, all but so much."""
    free = shutil.disk_usage(place).free - leave_kb * 1024
    (place / "ballast").write_bytes(b"\0" * max(0, free))


@pytest.mark.parametrize("leave_kb", [4, 1500])
def test_a_disk_that_fills_up(
    quiet: Path, delivery: Path, disk: tuple[Path, Mount], leave_kb: int
) -> None:
    """At the run log, at the first months, in between: then room is made and all is well."""
    place, mount = disk
    home = place / "home"
    make_home(home, delivery)
    with dagster_instance(load_settings(home)):
        Store(home / "step3.duckdb").ensure_tables()
    fill_up(place, leave_kb)
    status, said = verb(home, "train-dataset")
    assert status == 1
    message = one_message(said)
    assert "the disk is full" in message, message
    assert "free some space and run again" in message
    mount("remount,size=64m")
    status, said = verb(home, "train-dataset")
    assert status == 0, said
    assert hashes(home) == hashes(quiet)


def test_a_disk_that_fills_up_under_a_replacement(disk: tuple[Path, Mount]) -> None:
    """Until the next month no longer fits: the months before it stand, to the hash."""
    place, mount = disk
    mount("remount,size=4m")
    store = Store(place / "step3.duckdb")
    store.ensure_tables()
    frame = rows_of(TABLES["scores"], n_months=12, per_month=6_000)
    last = {}
    with pytest.raises(StoreError, match="No space left on device") as caught:  # noqa: PT012
        for month in months(12):
            last = store.table_hashes()
            store.replace_partitions({"scores": frame[frame["month"] == month]}, [month])
    assert str(store.path) in str(caught.value)
    n_stored = len(store.partitions("scores"))
    assert 0 < n_stored < 12
    assert store.table_hashes() == last
    with pytest.raises(StoreError, match="No space left on device"):
        make_backup(store, place / "b.zip")
    assert [name for name in os.listdir(place) if "b.zip" in name] == []
    mount("remount,size=64m")
    store.replace_partitions({"scores": frame}, months(12))
    assert store.partitions("scores") == months(12)


def test_a_home_that_may_only_be_read(
    quiet: Path, disk: tuple[Path, Mount], tmp_path: Path
) -> None:
    place, mount = disk
    mount("remount,size=64m")
    home = place / "home"
    shutil.copytree(quiet, home)
    before = hashes(home)
    mount("remount,ro")
    status, said = verb(home, "status")
    assert status == 0, said
    status, said = verb(home, "backup", "--out", str(tmp_path / "b"))
    assert status == 0, said
    for words in (["train-dataset"], ["restore", "--from", str(tmp_path / "b"), "--yes"], ["ui"]):
        status, said = verb(home, *words)
        assert status == 1
        message = one_message(said)
        assert "cannot be written" in message or "Read-only file system" in message
        assert str(home) in message or "STEP3_HOME" in message
    assert hashes(home) == before
    restore_backup(tmp_path / "b", tmp_path / "other")
    assert hashes(tmp_path / "other") == before


def test_a_dagster_home_that_is_gone(quiet: Path, tmp_path: Path) -> None:
    """The history is lost, nothing else: a new one is made and everything goes on."""
    home = tmp_path / "home"
    shutil.copytree(quiet, home)
    before = hashes(home)
    shutil.rmtree(home / "dagster")
    status, said = verb(home, "status")
    assert status == 0, said
    status, said = verb(home, "train-dataset", "--force")
    assert status == 0, said
    assert hashes(home) == before
    with dagster_instance(load_settings(home)) as instance:
        assert instance.get_runs_count() == 2


def idle_ui(home: Path) -> None:
    """``step3 ui`` with servers that do nothing until they are interrupted."""
    idle = "import sys, time; print('idle', flush=True); time.sleep(100)"
    ui_module.server_command = lambda *_: [sys.executable, "-c", idle]
    run_verb(home, ["ui", "--port", "1"])


def test_a_dagster_home_deleted_under_the_ui_stops_the_servers(tmp_path: Path) -> None:
    home, dagster = tmp_path, tmp_path / "dagster"
    process = start(idle_ui, home)
    try:
        log = dagster / "ui.log"
        wait_until(lambda: log.exists() and log.read_text("utf-8"), 60, "the servers' start")
        shutil.rmtree(dagster)
        (dagster / "history").mkdir(parents=True)  # as a server does that writes to it meanwhile
        process.join(30)
        assert process.exitcode == 1
    finally:
        kill_after(process, 0)
    said = one_message(output_of(home))
    assert f"{dagster} was deleted while the servers used it: they are stopped" in said
