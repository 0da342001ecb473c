"""Dagster's own files, read without Dagster: what stands in its run log and its schedules.

Belongs here: the failed runs that nothing made good, the last tick of each sensor and schedule, the
delivery sensor's message. Does not belong here: reporting them, changing anything.

Loading Dagster takes seconds, and ``step3 status`` is asked often. The files are SQLite with JSON
in them; columns that are missing mean another version of Dagster, and are said so.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
PARTITION_TAG = "dagster/partition"
DELIVERY_SENSOR = "delivery_sensor"
LOOKS_BACK = 200  # runs; a failure before them is history
ENDED_TICKS = ("FAILURE", "SUCCESS", "SKIPPED")


class RunLogError(RuntimeError):
    """The files cannot be read, or are not those of the Dagster that this program knows."""


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


@dataclass(frozen=True)
class FailedTick:
    """A sensor or schedule whose last tick failed."""

    name: str
    at: datetime
    error: str


@dataclass(frozen=True)
class DeliverySensor:
    """The delivery sensor as it stands.

    Attributes
    ----------
    is_on : bool
    message, message_at : str
        What it reported last, and when; empty where it has read no delivery.
    waiting : str
        Why it waits; empty where it does not.
    """

    is_on: bool
    message: str
    message_at: str
    waiting: str


def standing_failures(dagster_home: Path) -> list[FailedRun]:
    """Failed runs, the newest first, without those that a later run of the same job made good.

    A later run makes a failed one good if it succeeded and held all its months, and takes its
    place if it failed on the same.

    Raises
    ------
    RunLogError
    """
    path = dagster_home / "history" / "runs.db"
    later: list[tuple[str, list[str]]] = []
    found = []
    with _opened(path) as connection:
        runs = connection.execute(
            "SELECT run_id, pipeline_name, status, coalesce(end_time, "
            "strftime('%s', update_timestamp)) FROM runs WHERE status IN ('SUCCESS', 'FAILURE') "
            "ORDER BY id DESC LIMIT ?",
            [LOOKS_BACK],
        ).fetchall()
        for run_id, job, status, ended in runs:
            tags = dict(
                connection.execute('SELECT "key", value FROM run_tags WHERE run_id = ?', [run_id])
            )
            span = partition_span(tags)
            is_covered = any(name == job and _holds(covering, span) for name, covering in later)
            later.append((job, span))
            if status == "FAILURE" and not is_covered:
                found.append(
                    FailedRun(
                        run_id=run_id,
                        job=job,
                        months=months_text(tags),
                        at=datetime.fromtimestamp(float(ended), UTC),
                        error=_failure_of(dagster_home, run_id),
                    )
                )
    return found


def failed_ticks(dagster_home: Path) -> list[FailedTick]:
    """Sensors and schedules whose last tick failed, by name.

    Raises
    ------
    RunLogError
    """
    with _opened(dagster_home / "schedules" / "schedules.db") as connection:
        rows = connection.execute(
            "SELECT tick_body FROM job_ticks WHERE id IN (SELECT max(id) FROM job_ticks "
            "WHERE status IN (?, ?, ?) GROUP BY selector_id) AND status = 'FAILURE'",
            ENDED_TICKS,
        ).fetchall()
    ticks = [json.loads(body) for (body,) in rows]
    return sorted(
        (
            FailedTick(
                name=str(tick["job_name"]),
                at=datetime.fromtimestamp(float(tick["timestamp"]), UTC),
                error=_message(tick.get("error")) or "failed without a message",
            )
            for tick in ticks
        ),
        key=lambda tick: tick.name,
    )


def delivery_sensor(dagster_home: Path) -> DeliverySensor | None:
    """The delivery sensor; None where it has never been on.

    Raises
    ------
    RunLogError
    """
    with _opened(dagster_home / "schedules" / "schedules.db") as connection:
        rows = connection.execute("SELECT job_body FROM jobs").fetchall()
        states = [json.loads(body) for (body,) in rows]
        own = [one for one in states if one["origin"]["job_name"] == DELIVERY_SENSOR]
        if not own:
            return None
        cursor = json.loads((own[0].get("job_specific_data") or {}).get("cursor") or "{}")
        return DeliverySensor(
            is_on=not own[0]["status"]["__enum__"].endswith("STOPPED"),
            message=cursor.get("message", ""),
            message_at=cursor.get("message_at", ""),
            waiting=(cursor.get("waiting") or {}).get("reason", ""),
        )


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


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A file of Dagster's, to be read only; an empty one in memory where there is none yet."""
    if not path.is_file():
        raise RunLogError(f"{path.name} is not there yet")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as opened:
            yield opened
    except (sqlite3.Error, KeyError, TypeError, ValueError) as error:
        raise RunLogError(f"{path.name} cannot be read ({error}); `step3 ui` shows it") from error


def _failure_of(dagster_home: Path, run_id: str) -> str:
    """What the first failed step said; of a blocking check its own message."""
    path = dagster_home / "history" / "runs" / f"{run_id}.db"
    if not path.is_file():
        return "its log is gone"
    with _opened(path) as connection:
        rows = connection.execute(
            "SELECT event FROM event_logs WHERE dagster_event_type IN "
            "('ASSET_CHECK_EVALUATION', 'STEP_FAILURE', 'RUN_FAILURE', 'PIPELINE_FAILURE') "
            "ORDER BY id"
        ).fetchall()
    events = [json.loads(body)["dagster_event"] for (body,) in rows]
    refused: dict[str | None, str] = {}
    for event in events:
        data = event.get("event_specific_data") or {}
        if data.get("__class__") == "AssetCheckEvaluation":
            if data["blocking"] and not data["success"]:
                name = f"{'/'.join(data['asset_key']['path'])}.{data['check_name']}"
                said = f"check {name}: {data['description'] or 'failed'}"
                refused.setdefault(event["step_key"], said)
        elif event["event_type_value"] == "STEP_FAILURE":
            given = (data.get("user_failure_data") or {}).get("description")
            return refused.get(event["step_key"]) or given or _message(data.get("error"))
    return next((event["message"] for event in events if event.get("message")), "")


def _message(error: Mapping[str, Any] | None) -> str:
    """The message of an error, or of its cause."""
    return str(((error or {}).get("cause") or error or {}).get("message", "")).strip()


def _holds(covering: list[str], span: list[str]) -> bool:
    if not (covering and span):
        return covering == span
    return covering[0] <= span[0] and span[1] <= covering[1]
