"""The schedule ``weekly_recalibration``: requests the coming week and earlier missing weeks.

Belongs here: when it runs and which weeks it requests. Does not belong here: the recalibration.

Dagster catches up on the latest missed tick only. Each tick therefore reads the store and also
requests earlier weeks that are missing. A week whose run is queued or running is not requested
again.
"""

from collections.abc import Iterator, Set
from datetime import date

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from step3_assets.defs.jobs import RECALIBRATION
from step3_assets.defs.partitions import partition_key
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.run_log import partition_span
from step3_assets.domain.core.instants import NY
from step3_assets.domain.core.weeks import Session, add_weeks, first_session, week_of, week_range
from step3_assets.domain.live.base_model import MONTH_BEFORE
from step3_assets.storage.store import Store

# Monday at 6, 7 and 8 in New York: no session opens before 9:30. The later ticks retry after a
# failed run or late data; they request nothing if the week is recalibrated or running.
CRON = "0 6-8 * * 1"
CATCH_UP_WEEKS = 13  # for older gaps, a person starts a backfill


def build_recalibration_schedule(
    weeks: dg.PartitionsDefinition | None = None,
) -> dg.ScheduleDefinition:
    """The schedule, off until a person turns it on.

    Parameters
    ----------
    weeks : PartitionsDefinition, optional
        Weeks known when the code location was loaded; no other week is requested.
    """
    requested: set[date] = set()  # used only without an instance, when runs cannot be looked up

    @dg.schedule(
        name="weekly_recalibration",
        job_name=RECALIBRATION,
        cron_schedule=CRON,
        execution_timezone=NY,
        description="Recalibrates each week before its first session, on Mondays at 6, 7 and 8 in "
        "New York, and earlier weeks that were missed.",
    )
    def weekly_recalibration(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        week = week_of(context.scheduled_execution_time.date())
        session = first_session(week)
        if session is None:
            yield dg.SkipReason(f"the exchange has no session in the week of {week}")
            return
        opens = f"first session {session.day}, opens {session.open_utc.tz_convert(NY):%H:%M %Z}"
        store = Store(platform.settings().database)
        if not store.path.exists() or not store.partitions("folds"):
            yield dg.SkipReason(f"week of {week}, {opens}: the walk-forward has no test month yet")
            return
        due = weeks_due(week, *made_weeks(store))
        if weeks is not None and not weeks.has_partition_key(partition_key(week)):
            yield dg.SkipReason(
                f"week of {week}, {opens}: the data end too long before it; deliver newer data, "
                "then reload the code location (Deployment, Code locations, Reload)"
            )
            return
        known = requested if context.instance_ref is None else weeks_under_way(context.instance)
        busy = due.keys() & known
        if not due.keys() - busy:
            yield dg.SkipReason(f"week of {week}, {opens}: {_nothing_due(busy)}")
            return
        due = {asked: first for asked, first in due.items() if asked not in busy}
        requested.update(due)
        context.log.info(f"week of {week}: {opens}; requests {', '.join(map(str, due))}")
        for asked, first in due.items():
            yield dg.RunRequest(
                run_key=partition_key(asked),
                partition_key=partition_key(asked),
                tags={"step3/first_session": first.day.isoformat()},
            )

    return weekly_recalibration


def _nothing_due(busy: Set[date]) -> str:
    if not busy:
        return "recalibrated already"
    return f"under way: {', '.join(map(str, sorted(busy)))}"


def weeks_under_way(instance: dg.DagsterInstance) -> set[date]:
    """Weeks with a queued or running run of the job, whoever launched it."""
    runs = instance.get_runs(
        dg.RunsFilter(job_name=RECALIBRATION, statuses=list(NOT_FINISHED_STATUSES))
    )
    weeks: set[date] = set()
    for run in runs:
        if span := partition_span(run.tags):
            weeks |= set(week_range(*map(date.fromisoformat, span)))
    return weeks


def made_weeks(store: Store) -> tuple[set[date], set[date]]:
    """Weeks that are recalibrated, and those of them that must be recalibrated again.

    A week that is recalibrated before the fold of its month exists uses the fold of the month
    before. Once the fold exists, the week is recalibrated again with it.
    """
    columns = ["week", "first_session", "base_source"]
    rows = store.read("recalibrations", columns=columns).to_dict("records")
    walked = set(store.partitions("folds"))
    stood_in = (row for row in rows if row["base_source"] == MONTH_BEFORE)
    again = {r["week"] for r in stood_in if r["first_session"].replace(day=1) in walked}
    return {row["week"] for row in rows}, again


def weeks_due(week: date, made: set[date], again: Set[date] = frozenset()) -> dict[date, Session]:
    """The weeks to request at the start of `week`, oldest first, with their first sessions.

    Parameters
    ----------
    week : date
        The week that begins.
    made : set of date
        Weeks of table ``recalibrations``.
    again : set of date
        Those of them that must be recalibrated again.

    Returns
    -------
    dict of date to Session
        `week` itself and, if an earlier week is recalibrated, every missing week after that one, at
        most :data:`CATCH_UP_WEEKS` back. Weeks without a session are left out.
    """
    earlier = [w for w in made if w < week]
    first = max(min(earlier), add_weeks(week, -CATCH_UP_WEEKS)) if earlier else week
    missing = [w for w in week_range(first, week) if w not in made or w in again]
    sessions = {w: first_session(w) for w in missing}
    return {w: session for w, session in sessions.items() if session is not None}
