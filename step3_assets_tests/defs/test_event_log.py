"""The run log keeps its files open; Dagster's own class reads what it wrote, and the reverse."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import dagster as dg
import pytest

from step3_assets.cli.installation import DAGSTER_YAML
from step3_assets.defs.event_log import OPEN_FILES, OpenEventLog


@dg.asset
def counted() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    return tmp_path


def open_files(home: Path) -> set[str]:
    """Names of the runs (and the index) whose file this process has open."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if path.suffix == ".db" and path.is_relative_to(home / "history" / "runs"):
                found.add(path.stem)
    return found


def event_types(home: Path, run_id: str) -> list[str]:
    """What stands in the file of a run, read by nobody's class."""
    with closing(sqlite3.connect(home / "history" / "runs" / f"{run_id}.db")) as connection:
        rows = connection.execute(
            "SELECT dagster_event_type FROM event_logs ORDER BY id"
        ).fetchall()
    return [row[0] for row in rows]


def test_events_are_there_for_every_reader_at_once(home: Path):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, OpenEventLog)
        run_id = dg.materialize([counted], instance=instance).run_id
        assert event_types(home, run_id)[-1] == "PIPELINE_SUCCESS"
        assert open_files(home)
    assert not open_files(home)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as stock:
        assert not isinstance(stock.event_log_storage, OpenEventLog)
        found = stock.get_latest_materialization_event(counted.key)
        assert found is not None
        assert found.run_id == run_id


def test_a_commit_does_not_wait_for_the_disk(home: Path):
    log = OpenEventLog(str(home))
    with log.index_connection() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 1
    log.dispose()


def test_many_runs_do_not_keep_as_many_files_open(home: Path):
    log = OpenEventLog(str(home))
    for number in range(OPEN_FILES + 3):
        with log.run_connection(f"run{number}") as connection:
            connection.exec_driver_sql("SELECT count(*) FROM event_logs")
    assert open_files(home) == {f"run{number}" for number in range(3, OPEN_FILES + 3)}
    log.dispose()


def test_a_failed_statement_leaves_the_connection_usable(home: Path):
    log = OpenEventLog(str(home))
    with pytest.raises(Exception, match="no such table"), log.index_connection() as connection:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
    with log.index_connection() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event_logs").scalar_one() == 0
    log.dispose()
