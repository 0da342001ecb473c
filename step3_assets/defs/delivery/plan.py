"""The state of the delivery sensor: its cursor and the plan of runs that it requests.

Belongs here: the runs that changed months require, their order, and the status of those runs. Does
not belong here: looking at the folder (:mod:`step3_assets.domain.delivery.snapshot`), the sensor.

A plan is a list of stages. The runs of a stage are requested together, and the next stage waits
until all of them have succeeded. The stages are: ingest; the walk-forward, one range of months at a
time because a run trains on all cores; the results and the shadow, which scores new candidates with
the models trained by then. The sensor finds a run by its tag, so a failed run that a person
re-executes in the UI counts for the plan.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import dagster as dg
from pydantic import AliasChoices, Field, ValidationError

from step3_assets.config import Frozen
from step3_assets.defs.jobs import INGEST, RESULTS, SHADOW, WALK_FORWARD
from step3_assets.defs.partitions import range_tags
from step3_assets.domain.core.months import month_label
from step3_assets.domain.delivery.changes import (
    DELIVERED,
    MonthChanges,
    MonthHashes,
    dependent_test_months,
    months_that_differ,
    ranges_of,
)
from step3_assets.domain.delivery.snapshot import FileMark, Waiting
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS

REQUEST_TAG = "step3/request"
DELIVERY_TAG = "step3/delivery"
REQUESTED_JOBS = (INGEST, WALK_FORWARD, RESULTS, SHADOW)
"""Every job that a plan may request; Dagster refuses a tick that requests any other."""
UNKNOWN = ""


def _earlier(name: str, earlier: str, **default: Any) -> Any:
    """A field that older versions wrote to the cursor under another name."""
    return Field(validation_alias=AliasChoices(name, earlier), **default)


class Request(Frozen):
    """One run: its job, its range of months (none for the whole job), and its unique key."""

    key: str
    job: str
    first: date | None = None
    last: date | None = None

    def __str__(self) -> str:
        if self.first is None or self.last is None:
            return self.job
        span = month_label(self.first)
        return f"{self.job} {span}" + (
            f" to {month_label(self.last)}" if self.last != self.first else ""
        )


class Plan(Frozen):
    """The runs that one delivery needs, stage by stage.

    ``reported`` holds the ids of failed runs that were reported already.
    """

    delivery: str
    stages: tuple[tuple[Request, ...], ...]
    stage: int = 0
    reported: tuple[str, ...] = _earlier("reported", "told", default=())

    @property
    def current(self) -> tuple[Request, ...]:
        """The runs under way."""
        return self.stages[self.stage]

    @property
    def rests_on_results(self) -> bool:
        """Whether the stage of the results is under way."""
        return self.current[0].job == RESULTS

    def __str__(self) -> str:
        return "; ".join(str(request) for stage in self.stages for request in stage)


class Cursor(Frozen):
    """The state that the sensor keeps from one evaluation to the next.

    Attributes
    ----------
    files : dict of str to FileMark
        Files of the delivery that was hashed last.
    checked : str
        Fingerprint of the delivery that was checked last, accepted or refused.
    generation : int
        Number of deliveries so far. It makes run keys unique, so that an earlier delivery that is
        delivered again gets new runs.
    waiting : Waiting or None
    outdated : dict of str to dict of date to str
        Ingested months whose dependent test months are not computed yet, each with the content
        hash that the dependents were computed from.
    plan : Plan or None
    refusal : str
        Why the delivery in the folder is refused; empty where it is accepted.
    message, message_at : str
        What the sensor reported last, and when (UTC).
    """

    files: dict[str, FileMark] = Field(default_factory=dict)
    checked: str = _earlier("checked", "judged", default="")
    generation: int = 0
    waiting: Waiting | None = None
    outdated: dict[str, dict[date, str]] = _earlier(
        "outdated", "owed", default_factory=lambda: {t: {} for t in DELIVERED}
    )
    plan: Plan | None = None
    refusal: str = ""
    message: str = _earlier("message", "said", default="")
    message_at: str = _earlier("message_at", "said_at", default="")


def read_cursor(text: str | None) -> Cursor:
    """The cursor; a fresh one if there is none or it cannot be read.

    A fresh cursor loses only the list of outdated months; the manifest still records what is
    stored.
    """
    if not text:
        return Cursor()
    try:
        return Cursor.model_validate_json(text)
    except ValidationError:
        return Cursor()


class Demand(Frozen):
    """The months that must be ingested and computed because of a delivery.

    Attributes
    ----------
    ingest : tuple of date
        Months whose stored content differs from the delivered content.
    walk : tuple of date
        Test months whose inputs changed since they were computed.
    outdated : dict of str to dict of date to str
        As in :class:`Cursor`.
    """

    ingest: tuple[date, ...]
    walk: tuple[date, ...]
    outdated: dict[str, dict[date, str]]


def find_demand(
    delivered: MonthHashes,
    stored: MonthHashes,
    outdated: dict[str, dict[date, str]],
    first_test: date,
    last: date,
) -> Demand:
    """Compare a delivery with the stored content and with the inputs of the computed test months.

    After a month is ingested, its dependents are based on the older content until they are computed
    again. If a delivery restores that content, the month is no longer outdated.
    """
    made_from = {table: {**stored[table], **outdated[table]} for table in DELIVERED}
    behind = months_that_differ(delivered, made_from)
    still_outdated = {
        table: {month: made_from[table].get(month, UNKNOWN) for month in months}
        for table, months in (("events", behind.events), ("bar_features", behind.bars))
    }
    return Demand(
        ingest=tuple(months_that_differ(delivered, stored).months),
        walk=tuple(_dependents(behind, first_test, last)),
        outdated=still_outdated,
    )


def _dependents(changes: MonthChanges, first_test: date, last: date) -> list[date]:
    return dependent_test_months(changes, LOOK_BACK_MONTHS, first_test, last)


def make_plan(demand: Demand, delivery: str, *, needs_results: bool = False) -> Plan | None:
    """The runs in order; ``None`` if there is nothing to do.

    Parameters
    ----------
    demand : Demand
    delivery : str
        Fingerprint and generation; part of every run's key.
    needs_results : bool
        The results of an earlier plan are not computed yet.
    """

    def request(job: str, months: tuple[date, date] | None) -> Request:
        first, last = months or (None, None)
        return Request(key=f"{job}:{first}:{last}:{delivery}", job=job, first=first, last=last)

    ingest = tuple(request(INGEST, months) for months in ranges_of(demand.ingest))
    stages = [ingest] if ingest else []
    stages += [(request(WALK_FORWARD, months),) for months in ranges_of(demand.walk)]
    if demand.walk or needs_results:
        stages.append((request(RESULTS, None), request(SHADOW, None)))
    return Plan(delivery=delivery, stages=tuple(stages)) if stages else None


def run_requests(requests: Iterable[Request], delivery: str) -> list[dg.RunRequest]:
    """Dagster run requests; a range of months is one run under the single-run backfill policy."""
    asked = []
    for request in requests:
        tags = {REQUEST_TAG: request.key, DELIVERY_TAG: delivery}
        if request.first is not None and request.last is not None:
            tags |= range_tags(request.first, request.last)
        asked.append(dg.RunRequest(run_key=request.key, job_name=request.job, tags=tags))
    return asked


class Standing(Frozen):
    """Status of a stage: requests without a run, running, and failed (with the run's id)."""

    missing: tuple[Request, ...] = ()
    under_way: tuple[Request, ...] = ()
    failed: tuple[tuple[Request, str], ...] = ()


def standing_of(instance: dg.DagsterInstance, requests: Sequence[Request]) -> Standing:
    """Look up the latest run of each request."""
    missing, under_way, failed = [], [], []
    for request in requests:
        runs = instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: request.key}), limit=1)
        if not runs:
            missing.append(request)
        elif not runs[0].is_finished:
            under_way.append(request)
        elif not runs[0].is_success:
            failed.append((request, runs[0].run_id))
    return Standing(missing=tuple(missing), under_way=tuple(under_way), failed=tuple(failed))


def delivery_label(instance: dg.DagsterInstance, fingerprint: str, generation: int) -> str:
    """A label of fingerprint and generation that no run uses yet.

    A reset cursor starts counting again, and a label that was used before would match old runs.
    """
    while True:
        label = f"{fingerprint[:16]}:{generation}"
        if not instance.get_runs(dg.RunsFilter(tags={DELIVERY_TAG: label}), limit=1):
            return label
        generation += 1
