"""A run whose process was killed is closed as failed; a live one is left alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType

from step3_assets.cli.dead_runs import PROCESS_TAG, close_dead_runs, process_mark

GONE = 2**22 + 1  # above Linux's largest pid


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def a_run(
    instance: dg.DagsterInstance, mark: str | None, *, logged_pid: int | None = None
) -> dg.DagsterRun:
    run = dg.DagsterRun(
        job_name="walk_forward",
        status=dg.DagsterRunStatus.STARTED,
        tags={PROCESS_TAG: mark} if mark else {},
    )
    instance.run_storage.add_run(run)
    if logged_pid is not None:
        instance.report_engine_event(f"Started process for run (pid: {logged_pid}).", run)
    return run


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status.value


def test_a_run_whose_process_is_gone_is_failed_and_says_why(instance: dg.DagsterInstance) -> None:
    run = a_run(instance, f"{GONE}:17")
    assert close_dead_runs(instance) == [run.run_id]
    assert status_of(instance, run) == "FAILURE"
    (event,) = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    assert isinstance(event.dagster_event, DagsterEvent)
    assert f"process ({GONE}) is gone" in str(event.dagster_event.message)
    assert close_dead_runs(instance) == []


def test_a_run_of_the_ui_is_known_by_the_pid_in_its_log(instance: dg.DagsterInstance) -> None:
    dead, live = (
        a_run(instance, None, logged_pid=GONE),
        a_run(instance, None, logged_pid=os.getpid()),
    )
    assert close_dead_runs(instance) == [dead.run_id]
    assert status_of(instance, live) == "STARTED"


def test_a_live_run_and_one_that_has_not_begun_are_left_alone(instance: dg.DagsterInstance) -> None:
    runs = [
        a_run(instance, process_mark()),
        a_run(instance, process_mark(1)),
        a_run(instance, None),
    ]
    assert close_dead_runs(instance) == []
    assert {status_of(instance, run) for run in runs} == {"STARTED"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system tells no start times")
def test_a_pid_that_another_process_got_meanwhile_is_not_the_run(
    instance: dg.DagsterInstance,
) -> None:
    run = a_run(instance, f"{os.getpid()}:1")
    assert close_dead_runs(instance) == [run.run_id]
