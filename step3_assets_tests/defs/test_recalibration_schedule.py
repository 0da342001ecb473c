"""The weekly schedule: which weeks it requests, and when it requests nothing."""

import contextlib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.live import RECALIBRATIONS
from step3_assets.defs.live import recalibration_schedule
from step3_assets.defs.live.recalibration_schedule import CRON, weeks_due
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.settings import load_settings
from step3_assets.domain.core.weeks import add_weeks, first_session, week_range
from step3_assets.storage.store import Store
from step3_assets_tests.storage.rows import rows_of

Status = dg.DagsterRunStatus
NY = ZoneInfo("America/New_York")
WEEK = date(2023, 1, 16)  # Monday is a holiday


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = Store(load_settings(tmp_path).database)
    store.ensure_tables()
    store.replace_partitions({"folds": rows_of(TABLES["folds"], n_months=1)}, [date(2019, 2, 1)])
    return tmp_path


@contextlib.contextmanager
def kept_instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk: one in memory is not handed on to a schedule."""
    with TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        yield instance


def mark_made(home: Path, *weeks: date) -> None:
    frame = rows_of(RECALIBRATIONS, n_months=len(weeks)).assign(week=list(weeks))
    store = Store(load_settings(home).database)
    store.replace_partitions({"recalibrations": frame}, list(weeks))


def tick(
    home: Path, at: datetime, instance: dg.DagsterInstance | None = None
) -> ScheduleExecutionData:
    """What Dagster itself makes of a tick."""
    from step3_assets.definitions import build_defs

    definitions = build_defs(load_settings(home))
    schedule = definitions.resolve_schedule_def("weekly_recalibration")
    with (
        contextlib.nullcontext(instance) if instance else kept_instance() as used,
        dg.build_schedule_context(
            instance=used,
            scheduled_execution_time=at,
            repository_def=definitions.get_repository_def(),
            resources={"platform": PlatformResource(home=str(home))},
        ) as context,
    ):
        return schedule.evaluate_tick(context)


def asked(result: ScheduleExecutionData) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


def monday(week: date, hour: int = 6) -> datetime:
    return datetime(week.year, week.month, week.day, hour, tzinfo=NY)


def test_the_first_tick_ever_asks_for_its_own_week_and_names_the_first_session(home: Path):
    result = tick(home, monday(WEEK))
    assert asked(result) == ["2023-01-16"]
    (request,) = result.run_requests or []
    assert request.tags["step3/first_session"] == "2023-01-17"


def test_weeks_that_were_missed_are_asked_for_too(home: Path):
    mark_made(home, add_weeks(WEEK, -4), add_weeks(WEEK, -2))
    assert asked(tick(home, monday(WEEK))) == ["2022-12-26", "2023-01-09", "2023-01-16"]


@pytest.mark.parametrize("status", [Status.STARTING, Status.STARTED])
def test_weeks_under_way_are_not_requested_again_and_failed_ones_are(home: Path, status: Status):
    mark_made(home, add_weeks(WEEK, -3))
    with kept_instance() as instance:
        first = tick(home, monday(WEEK), instance).run_requests or []
        assert [r.partition_key for r in first] == ["2023-01-02", "2023-01-09", "2023-01-16"]
        for request in first:
            tags = {**request.tags, "dagster/partition": str(request.partition_key)}
            instance.add_run(dg.DagsterRun(job_name="recalibration", status=status, tags=tags))
        busy = tick(home, monday(WEEK, 7), instance)
        assert asked(busy) == []
        assert "under way: 2023-01-02, 2023-01-09, 2023-01-16" in str(busy.skip_message)
        for run in instance.get_runs():
            event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, run.job_name)
            instance.handle_run_event(run.run_id, event)
        again = tick(home, monday(WEEK, 8), instance)
        assert asked(again) == ["2023-01-02", "2023-01-09", "2023-01-16"]


def test_a_range_that_a_person_launched_counts_as_under_way(home: Path):
    mark_made(home, add_weeks(WEEK, -3))
    ends = {"start": "2023-01-02", "end": "2023-01-09"}
    tags = {f"dagster/asset_partition_range_{end}": day for end, day in ends.items()}
    with kept_instance() as instance:
        run = dg.DagsterRun(job_name="recalibration", status=Status.STARTED, tags=tags)
        instance.add_run(run)
        assert asked(tick(home, monday(WEEK), instance)) == ["2023-01-16"]


def test_a_week_that_is_made_is_not_asked_for_again(home: Path):
    mark_made(home, WEEK)
    result = tick(home, monday(WEEK, 7))
    assert asked(result) == []
    assert "first session 2023-01-17, opens 09:30 EST: recalibrated already" in str(
        result.skip_message
    )


@pytest.mark.parametrize(
    ("source", "expected"), [("month_before", ["2023-01-16"]), ("champion", [])]
)
def test_a_week_on_the_month_before_is_made_again_once_its_own_fold_is_there(
    home: Path, source: str, expected: list[str]
):
    store = Store(load_settings(home).database)
    frame = rows_of(RECALIBRATIONS, n_months=1).assign(
        week=[WEEK], first_session=[date(2023, 1, 17)], base_source=source
    )
    store.replace_partitions({"recalibrations": frame}, [WEEK])
    assert asked(tick(home, monday(WEEK, 7))) == []
    own = rows_of(TABLES["folds"], n_months=1).assign(month=date(2023, 1, 1))
    store.replace_partitions({"folds": own}, [date(2023, 1, 1)])
    assert asked(tick(home, monday(WEEK, 8))) == expected


def test_a_week_without_a_session_is_skipped_with_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recalibration_schedule, "first_session", lambda week: None)
    result = tick(home, monday(WEEK))
    assert asked(result) == []
    assert "no session in the week of 2023-01-16" in str(result.skip_message)


def test_before_anything_is_walked_forward_it_says_so(tmp_path: Path):
    assert "the walk-forward has no test month yet" in str(
        tick(tmp_path, monday(WEEK)).skip_message
    )


def test_it_does_not_reach_back_beyond_a_quarter():
    due = weeks_due(WEEK, {add_weeks(WEEK, -200)})
    assert list(due) == week_range(add_weeks(WEEK, -13), WEEK)


@pytest.mark.parametrize("year", [2019, 2023, 2026])
def test_every_tick_of_a_year_comes_before_its_first_session(year: int):
    assert CRON == "0 6-8 * * 1"
    for week in week_range(date(year, 1, 1), date(year, 12, 31)):
        session = first_session(week)
        assert session is not None
        assert monday(week, 8) < session.open_utc.to_pydatetime()
