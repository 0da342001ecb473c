"""``step3 status`` beside a sensor that has looked, and without chatter."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from step3_assets.cli.installation import dagster_instance, prepare_home
from step3_assets.cli.main import cli
from step3_assets.defs.delivery.plan import Cursor
from step3_assets.defs.delivery.sensor import SENSOR
from step3_assets.defs.settings import load_settings
from step3_assets.storage.store import Store


def test_what_the_sensor_said_last_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    Store(load_settings(tmp_path).database).ensure_tables()
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="step3_assets"))
    origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(SENSOR)
    cursor = Cursor(message="accepted: asks for ingest 2021-03", message_at="2021-04-01 09:00 UTC")
    with dagster_instance(prepare_home()) as instance:
        data = SensorInstigatorData(cursor=cursor.model_dump_json())
        instance.add_instigator_state(
            InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
        )
    monkeypatch.delenv("DAGSTER_HOME")  # as in a person's shell
    shown = CliRunner().invoke(cli, ["status"], catch_exceptions=False)
    assert "sensor    on; 2021-04-01 09:00 UTC: accepted: asks for ingest 2021-03" in shown.output


def test_notices_of_dagsters_betas_are_not_shown_to_a_person(tmp_path: Path):
    """In a process of its own: pytest hides them from itself."""
    Store(load_settings(tmp_path).database).ensure_tables()
    done = subprocess.run(
        [sys.executable, "-m", "step3_assets.cli.main", "status"],
        env={**os.environ, "STEP3_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


BLOCKED = ("dagster", "lightgbm", "sklearn", "matplotlib", "scipy", "exchange_calendars", "optuna")


def test_status_loads_nothing_heavy(tmp_path: Path):
    """In a process in which the heavy libraries cannot be imported, on a home that Dagster made."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(',')));"
        "from step3_assets.cli.main import main; main()"
    )
    Store(load_settings(tmp_path).database).ensure_tables()
    folder = load_settings(tmp_path).dagster_home / "schedules"
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", program, ",".join(BLOCKED), "status"],
        env={**os.environ, "STEP3_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "sensor    not known: schedules.db is not there yet" in done.stdout


def test_a_file_that_is_not_dagsters_is_said_and_the_rest_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    Store(load_settings(tmp_path).database).ensure_tables()
    folder = load_settings(tmp_path).dagster_home / "schedules"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "schedules.db") as connection:
        connection.execute("CREATE TABLE jobs (id INTEGER, body TEXT)")
    shown = CliRunner().invoke(cli, ["status"], catch_exceptions=False).output
    assert "sensor    not known: schedules.db cannot be read (no such column: job_body)" in shown
    assert "calibrated_models" in shown
