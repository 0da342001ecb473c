"""The sensor that detects a new Step 2 delivery and requests the runs for what it changes.

Belongs here: one evaluation, its message, and the events it records for the UI. Does not
belong here: when a folder has settled (:mod:`step3_assets.domain.delivery.snapshot`), which months
depend on which (:mod:`step3_assets.domain.delivery.changes`), which runs follow and their status
(:mod:`step3_assets.defs.delivery.plan`).

An evaluation ends in one of: waiting for files, waiting for runs, a refusal, a plan, the next stage
of a plan, or nothing new. The state of the sensor is its cursor and Dagster's run history, so it
may be stopped at any moment.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.defs.delivery.assets import NO_MANIFEST, stored_rows
from step3_assets.defs.delivery.plan import (
    REQUESTED_JOBS,
    UNKNOWN,
    Cursor,
    Demand,
    Plan,
    Standing,
    delivery_label,
    find_demand,
    make_plan,
    read_cursor,
    run_requests,
    standing_of,
)
from step3_assets.defs.jobs import WALK_FORWARD
from step3_assets.defs.metadata import table_metadata
from step3_assets.defs.notifier import Message, notify
from step3_assets.defs.partitions import Partitions, partition_key, partitions_for
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.run_log import DELIVERY_SENSOR
from step3_assets.defs.settings import Settings
from step3_assets.domain.core.months import month_label
from step3_assets.domain.delivery import Delivery, DeliveryError, probe_months, read_delivery
from step3_assets.domain.delivery.changes import (
    DELIVERED,
    MonthHashes,
    delivered_hashes,
    ranges_of,
    stored_hashes,
)
from step3_assets.domain.delivery.revisions import CHANGES, count_revisions
from step3_assets.domain.delivery.snapshot import Snapshot, Waiting, is_still, look
from step3_assets.domain.delivery.withdrawal import refuse_withdrawal
from step3_assets.storage.store import Store

SENSOR = DELIVERY_SENSOR
CHECK = "delivery"
INTERVAL_S = 30
FAILED = "failed"
EVENTS_KEY = dg.AssetKey("events")


@dataclass
class _Look:
    """One evaluation: its inputs, and the events and messages it records."""

    instance: dg.DagsterInstance
    settings: Settings
    partitions: Partitions
    cursor: Cursor
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def set_message(self, text: str) -> None:
        """Keep the message of this evaluation, with its time.

        If the delivery in the folder is refused, the message of a plan still mentions it.
        """
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        if self.cursor.refusal:
            text = f"{text}; the delivery in the folder is {self.cursor.refusal}"
        self.cursor = self.cursor.model_copy(update={"message": text, "message_at": at})

    def update_cursor(self, **update: Any) -> None:
        """Replace fields of the cursor."""
        self.cursor = self.cursor.model_copy(update=update)

    def skip(self, text: str) -> dg.SensorResult:
        """End the evaluation without a run."""
        return dg.SensorResult(
            skip_reason=text, cursor=self.cursor.model_dump_json(), asset_events=self.events
        )


def build_delivery_sensor(partitions: Partitions, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor; ``partitions`` are those with which the code location was loaded."""

    @dg.sensor(
        name=SENSOR,
        jobs=[job for job in jobs if job.name in REQUESTED_JOBS],
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Watches the content of the delivery folder. Requests the months that "
        "changed, then the test months that depend on them, then the results and the shadow.",
    )
    def delivery_sensor(
        context: dg.SensorEvaluationContext, platform: PlatformResource
    ) -> dg.SensorResult:
        settings = platform.settings()
        here = _Look(context.instance, settings, partitions, read_cursor(context.cursor))
        result = evaluate(here, platform.store(), time.time())
        for message in here.messages:
            notify(settings, message, context.log)
        return result

    return delivery_sensor


def evaluate(here: _Look, store: Store, now: float) -> dg.SensorResult:
    """Check the requested runs, then the folder."""
    folder = here.settings.delivery
    if folder is None:
        return here.skip(
            "no delivery is set: name its folder in step3.toml (delivery = ...) or STEP3_DELIVERY"
        )
    plan = here.cursor.plan
    if plan is not None and (busy := standing_of(here.instance, plan.current).under_way):
        text = f"under way: {'; '.join(map(str, busy))}"
        if plan.reported and here.cursor.message.startswith(FAILED):
            here.set_message(f"{text}, executed again")
        return here.skip(text)
    snapshot = look(folder, here.cursor.files, here.cursor.checked, here.cursor.waiting, now)
    here.update_cursor(files=dict(snapshot.files), waiting=snapshot.waiting)
    if snapshot.waiting is None and snapshot.fingerprint != here.cursor.checked:
        if reload := _needs_reload(here):
            return here.skip(reload)
        _validate(here, store, snapshot, now)
    return _go_on(here)


def _needs_reload(here: _Look) -> str:
    """Why the code location must be reloaded to cover the delivery's months; empty if not."""
    assert here.settings.delivery is not None
    try:
        months = probe_months(here.settings.delivery)[:2]
    except DeliveryError:
        return ""  # reading it will refuse it
    known = here.partitions.data_months.get_partition_keys()
    is_inside = all(partition_key(month) in known for month in months)
    first_test = partitions_for(here.settings).first_test_month
    if is_inside and first_test >= here.partitions.first_test_month:
        return ""
    return (
        f"the delivery spans {month_label(months[0])} to {month_label(months[1])}, but the code "
        f"location was loaded for months from {month_label(here.partitions.first_data_month)} to "
        f"{known[-1][:7]}: "
        "reload it (Deployment, Code locations, Reload)"
    )


def _validate(here: _Look, store: Store, snapshot: Snapshot, now: float) -> None:
    """Read and validate the delivery; refuse it with a reason, or plan its runs."""
    assert here.settings.delivery is not None
    try:
        found: Delivery | DeliveryError = read_delivery(here.settings.delivery)
        refuse_withdrawal(found, stored_rows(store))
    except DeliveryError as error:
        found = error
    if not is_still(here.settings.delivery, snapshot):
        here.update_cursor(waiting=Waiting("the delivery changed while it was read", "", now))
        return
    label = delivery_label(here.instance, snapshot.fingerprint, here.cursor.generation + 1)
    here.update_cursor(checked=snapshot.fingerprint, generation=int(label.split(":")[1]))
    if isinstance(found, DeliveryError):
        _refuse(here, found, label)
    else:
        _accept(here, store, found, label)


def _refuse(here: _Look, error: DeliveryError, label: str) -> None:
    """Report an invalid delivery, once; the tables stay unchanged."""
    first = str(error.problems[0])
    more = len(error.problems) - 1
    text = f"refused: {first}" + (f" (and {more} more)" if more else "")
    here.update_cursor(refusal="")
    here.set_message(text)
    here.update_cursor(refusal=text)
    _record(here, label, text, is_accepted=False, found={"problems": _quoted(str(error))})
    here.messages.append(
        Message("Step 2 delivery refused", error=text, job=SENSOR, place="assets/events")
    )


def _accept(here: _Look, store: Store, delivery: Delivery, label: str) -> None:
    """Plan the runs of a valid delivery, and report what it revises."""
    delivered = delivered_hashes(delivery)
    stored = stored_hashes(store.read("dataset_months"))
    first_test = partitions_for(here.settings).first_test_month
    demand = find_demand(delivered, stored, here.cursor.outdated, first_test, delivery.last_month)
    unfinished = here.cursor.plan is not None and here.cursor.plan.rests_on_results
    plan = make_plan(demand, label, needs_results=unfinished)
    here.update_cursor(outdated=demand.outdated, plan=plan, refusal="")
    here.set_message(
        f"accepted: asks for {plan}" if plan else "accepted: the stored rows are the same"
    )
    revised = _count_revisions(store, delivery, demand, stored)
    found: dict[str, Any] = {
        "dataset version": delivery.dataset_version,
        "files": "as manifest.json names them" if delivery.has_manifest else NO_MANIFEST,
        "symbols": ", ".join(delivery.symbols),
        "months delivered": _span(delivery.first_month, delivery.last_month),
        "months to ingest": _spans(demand.ingest),
        "test months to make": _spans(demand.walk),
        **{f"rows {reason}": int(revised[reason].sum()) for reason in CHANGES},
    }
    if len(revised):
        found["rows by month"] = table_metadata(revised)
    if demand.walk and here.settings.config.search.is_enabled:
        found["search"] = "settings chosen on these months stay in force until the next search"
    _record(here, label, here.cursor.message, is_accepted=True, found=found)


def _count_revisions(
    store: Store, delivery: Delivery, demand: Demand, stored: MonthHashes
) -> pd.DataFrame:
    """Count matured, restated, withdrawn and new rows by table and month, for changed months."""
    counted = []
    for table, rows in (("events", delivery.events), ("bar_features", delivery.bars)):
        known = [month for month in demand.ingest if month in stored[table]]
        before, arriving = (
            store.read(table, partitions=known),
            rows[rows["month"].isin(demand.ingest)],
        )
        counts = count_revisions(before, arriving, TABLES[table])
        counts.insert(0, "month", [month_label(month) for month in counts.index])
        counts.insert(0, "table", table)
        counted.append(counts)
    return pd.concat(counted, ignore_index=True)


def _record(
    here: _Look, label: str, text: str, *, is_accepted: bool, found: Mapping[str, Any]
) -> None:
    """Record the result for the UI: the check ``delivery`` of ``events``, and an observation."""
    here.events += [
        dg.AssetCheckEvaluation(
            asset_key=EVENTS_KEY,
            check_name=CHECK,
            passed=is_accepted,
            severity=dg.AssetCheckSeverity.ERROR,
            description=text,
            metadata=dict(found),
        ),
        dg.AssetObservation(
            asset_key=EVENTS_KEY,
            description=text,
            metadata={"delivery": label, "verdict": text, **found},
        ),
    ]


def _go_on(here: _Look) -> dg.SensorResult:
    """Request the runs of the current stage, or the next stage once they have succeeded."""
    while (plan := here.cursor.plan) is not None:
        standing = standing_of(here.instance, plan.current)
        if standing.missing:
            if plan.current[0].job == WALK_FORWARD:
                # From here on, months may be computed from the old or the new content.
                here.update_cursor(
                    outdated={t: dict.fromkeys(m, UNKNOWN) for t, m in here.cursor.outdated.items()}
                )
            return dg.SensorResult(
                run_requests=run_requests(standing.missing, plan.delivery),
                cursor=here.cursor.model_dump_json(),
                asset_events=here.events,
            )
        if standing.failed:
            return here.skip(_report_failures(here, plan, standing))
        _step(here, plan)
    if here.cursor.waiting is not None:
        return here.skip(f"waiting: {here.cursor.waiting.reason}")
    return here.skip(f"nothing new since {here.cursor.message_at}: {here.cursor.message}")


def _step(here: _Look, plan: Plan) -> None:
    """Move to the next stage after one has succeeded, or end the plan."""
    is_last = plan.stage + 1 == len(plan.stages)
    onward = None if is_last else plan.model_copy(update={"stage": plan.stage + 1})
    here.update_cursor(plan=onward)
    if onward is None or onward.rests_on_results:
        here.update_cursor(outdated={table: {} for table in DELIVERED})
    if onward is None:
        here.set_message(f"done: {plan}")


def _report_failures(here: _Look, plan: Plan, standing: Standing) -> str:
    """Report each failed run once; the plan waits for its re-execution or for a new delivery."""
    names = [f"{request} (run {run_id[:8]})" for request, run_id in standing.failed]
    text = (
        f"{FAILED}: {'; '.join(names)}. The next stages wait: re-execute the run, or deliver again"
    )
    if here.cursor.waiting is not None:
        text += f". Waiting: {here.cursor.waiting.reason}"
    new = [run_id for _, run_id in standing.failed if run_id not in plan.reported]
    if new:
        here.set_message(text)
        here.update_cursor(plan=plan.model_copy(update={"reported": (*plan.reported, *new)}))
        metadata = {"delivery": plan.delivery, "verdict": text}
        here.events.append(dg.AssetObservation(EVENTS_KEY, description=text, metadata=metadata))
    return text


def _span(first: date, last: date) -> str:
    return month_label(first) + (f" to {month_label(last)}" if last != first else "")


def _spans(months: Sequence[date]) -> str:
    return ", ".join(_span(*span) for span in ranges_of(months)) or "none"


def _quoted(text: str) -> dg.MarkdownMetadataValue:
    """Text from files, shown without formatting."""
    return dg.MetadataValue.md("\n".join(f"    {line}" for line in text.splitlines()))
