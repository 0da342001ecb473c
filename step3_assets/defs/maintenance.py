"""Keeping Dagster's run log small: which runs may be forgotten, the job and its schedule.

Belongs here: what Dagster need no longer remember. Does not belong here: files
(:mod:`step3_assets.storage.maintenance`), the command line (``step3 maintain``).

A run may be forgotten when it ended long ago and everything it made has been made again since: a
run that holds the newest materialization of a partition, or the newest result of a check, is what
the UI shows of it and stays.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from step3_assets.defs.jobs import MAINTENANCE
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.settings import Settings
from step3_assets.domain.core.instants import NY
from step3_assets.domain.search.forecasts import FORECASTS
from step3_assets.storage.maintenance import compact, remove_unread, vacuum

KEEP_DAYS = 90
CRON = "0 3 * * 0"  # Sundays at 3 in New York: nothing trades, no other schedule ticks

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Maintained:
    """What a maintenance did.

    Parameters
    ----------
    n_runs : int
        Runs forgotten.
    n_forecasts : int
        Cached forecasts removed.
    before, after : str
        Sizes of the home's parts, one line each.
    problems : list of str
        What could not be done; nothing was lost.
    """

    n_runs: int
    n_forecasts: int
    before: str
    after: str
    problems: list[str]


def maintain(
    settings: Settings,
    instance: dg.DagsterInstance,
    keep_days: float = KEEP_DAYS,
    report: Progress = lambda _stage, _share: None,
) -> Maintained:
    """Forget old runs, remove unread forecasts, and give back the space.

    Parameters
    ----------
    settings : Settings
    instance : DagsterInstance
    keep_days : float
        Runs and forecasts that are younger stay.
    report : callable
        Takes the stage and the share done.

    Raises
    ------
    StoreError
        If the store is busy for longer than a minute, or the disk has no room for a copy.
    """
    before = settings.sizes.text
    report("forgetting old runs", 0.0)
    forgotten = forget_runs(instance, datetime.now(UTC) - timedelta(days=keep_days))
    report("removing forecasts that nothing reads", 0.3)
    n_forecasts = remove_unread(settings.search_dir / FORECASTS, keep_days)
    report("compacting the tables", 0.4)
    if settings.database.exists():
        compact(settings.database, timeout_s=60.0)
    report("vacuuming the run log", 0.8)
    problems = vacuum(sorted(settings.dagster_home.rglob("*.db")))
    report("done", 1.0)
    return Maintained(len(forgotten), n_forecasts, before, settings.sizes.text, problems)


def forget_runs(instance: dg.DagsterInstance, ended_before: datetime) -> list[str]:
    """Delete runs that ended before a moment and made nothing that still stands; their ids."""
    needed = _runs_that_stand(instance)
    ended = dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=ended_before)
    forgotten = [run.run_id for run in instance.get_runs(ended) if run.run_id not in needed]
    storage = instance.event_log_storage
    for run_id in forgotten:
        instance.delete_run(run_id)
        if isinstance(storage, SqlEventLogStorage):
            with storage.index_connection() as connection:
                table = AssetCheckExecutionsTable
                connection.execute(table.delete().where(table.c.run_id == run_id))
    if isinstance(storage, SqliteEventLogStorage):
        storage.dispose()
        for run_id in forgotten:
            _remove_files(Path(storage.path_for_shard(run_id)))
    return forgotten


def _runs_that_stand(instance: dg.DagsterInstance) -> set[str]:
    """Runs with the newest materialization of a partition or the newest result of a check."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return {run.run_id for run in instance.get_runs()}
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    made = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)
    newest = (
        sa.select(sa.func.max(events.id))
        .where(events.dagster_event_type.in_([kind.value for kind in made]))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )
    results = sa.select(sa.func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition
    )
    found: set[str] = set()
    with storage.index_connection() as connection:
        for column, key, ids in (
            (events.run_id, events.id, newest),
            (checks.run_id, checks.id, results),
        ):
            rows = connection.execute(sa.select(column).where(key.in_(ids)).distinct())
            found |= {str(row[0]) for row in rows}
    return found


def _remove_files(shard: Path) -> None:
    """A forgotten run's own file and what SQLite keeps beside it, and its captured output."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            shard.with_name(shard.name + suffix).unlink()
    home = shard.parents[2]
    shutil.rmtree(home / "storage" / shard.stem, ignore_errors=True)


def build_maintenance_job() -> dg.JobDefinition:
    """The job ``maintenance``: what ``step3 maintain`` does."""

    @dg.op(name="maintain", description="Keep the home small; nothing that is shown goes.")
    def maintain_home(context: dg.OpExecutionContext, platform: PlatformResource) -> None:
        done = maintain(platform.settings(), context.instance)
        context.log.info(f"before: {done.before}")
        context.log.info(f"after: {done.after}; {done.n_runs} runs forgotten")
        for problem in done.problems:
            context.log.warning(problem)

    @dg.job(
        name=MAINTENANCE,
        description="Forgets runs that ended long ago and made nothing that still stands, removes "
        "forecasts that nothing reads, compacts the tables (`step3 maintain`).",
    )
    def maintenance() -> None:
        maintain_home()

    return maintenance


def build_maintenance_schedule() -> dg.ScheduleDefinition:
    """The schedule, off until a person turns it on."""
    return dg.ScheduleDefinition(
        name="weekly_maintenance",
        job_name=MAINTENANCE,
        cron_schedule=CRON,
        execution_timezone=NY,
        description="Keeps the home small, Sundays at 3 in New York.",
    )
