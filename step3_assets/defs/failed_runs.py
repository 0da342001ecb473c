"""Runs that failed and that no later run made good, as Dagster recorded them.

Belongs here: which runs those are, and why a run failed. Does not belong here: reporting them
(:mod:`step3_assets.defs.run_failure` and ``step3 status`` do that).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
PARTITION_TAG = "dagster/partition"
LOOKS_BACK = 200  # runs; a failure before them is history
FAILURE_EVENTS = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@dataclass(frozen=True)
class FailedRun:
    """A run that failed.

    Attributes
    ----------
    run_id, job, months : str
        ``months`` is empty where the run has no partition.
    at : datetime
        UTC.
    error : str
        Its first line is the message.
    """

    run_id: str
    job: str
    months: str
    at: datetime
    error: str


def standing_failures(instance: dg.DagsterInstance) -> list[FailedRun]:
    """Failed runs, the newest first, without those that a later run of the same job made good.

    A later run makes a failed one good if it succeeded and held all its months, and takes its
    place if it failed on the same.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=ENDED), limit=LOOKS_BACK)
    later: list[tuple[str, list[str]]] = []
    found = []
    for record in records:
        run = record.dagster_run
        span = partition_span(run.tags)
        is_covered = any(job == run.job_name and _holds(covering, span) for job, covering in later)
        later.append((run.job_name, span))
        if run.status is dg.DagsterRunStatus.FAILURE and not is_covered:
            ended = record.end_time or record.update_timestamp.timestamp()
            found.append(
                FailedRun(
                    run_id=run.run_id,
                    job=run.job_name,
                    months=months_text(run.tags),
                    at=datetime.fromtimestamp(ended, UTC),
                    error=failure_of(instance, run.run_id)[1],
                )
            )
    return found


def failure_of(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The first step that failed and its message; without a failed step, what the run said.

    Dagster says of a blocking check only that it failed; the message is the check's own.
    """
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run_id, of_type=FAILURE_EVENTS)
        if entry.dagster_event is not None
    ]
    refused: dict[str | None, str] = {}
    for event in events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.blocking:
                name = f"{check.asset_key.to_user_string()}.{check.check_name}"
                refused.setdefault(event.step_key, f"check {name}: {check.description or 'failed'}")
    for event in events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            return event.step_key or "", refused.get(event.step_key) or _step_error(event)
    said = [e.message for e in events if e.event_type is dg.DagsterEventType.RUN_FAILURE]
    return "", next((text for text in said if text), "")


def _step_error(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return (data.error.cause or data.error).message if data.error else event.message or ""


def partition_span(tags: Mapping[str, str]) -> list[str]:
    """First and last partition key of a run; empty where it has none."""
    keys = [tags[tag] for tag in RANGE_TAGS if tag in tags] or [tags.get(PARTITION_TAG, "")]
    return [keys[0], keys[-1]] if keys[0] else []


def months_text(tags: Mapping[str, str]) -> str:
    """The months (or week) of a run, as its tags name them; empty where it has none.

    Examples
    --------
    >>> months_text({"dagster/partition": "2021-01-01"})
    '2021-01'
    """
    return " to ".join(dict.fromkeys(key.removesuffix("-01") for key in partition_span(tags)))


def _holds(covering: list[str], span: list[str]) -> bool:
    if not (covering and span):
        return covering == span
    return covering[0] <= span[0] and span[1] <= covering[1]
