"""A desk that looks at its delivery folder: the sensor, its cursor, and the runs it asked for.

Belongs here: what the tests of the delivery sensor share.
"""

import os
import shutil
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
from dagster._core.definitions.sensor_definition import SensorExecutionData

from step3_assets.defs.delivery.assets import record_dataset, store_months
from step3_assets.defs.delivery.plan import REQUEST_TAG, Cursor, read_cursor
from step3_assets.defs.delivery.sensor import build_delivery_sensor
from step3_assets.defs.jobs import INGEST, build_jobs
from step3_assets.defs.partitions import partitions_for
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.settings import load_settings
from step3_assets.domain.core.months import month_range, parse_month
from step3_assets.domain.delivery import read_delivery
from step3_assets_tests.defs.installation import Installation

EVENTS_KEY = dg.AssetKey("events")


class Desk:
    """One installation whose sensor is looked at by hand; runs are recorded, ingest is done."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        self.folder = home / "incoming"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.place = Installation(home, self.folder)
        self.instance = instance
        self.cursor: str | None = None

    def deliver(self, source: Path, *parts: str) -> None:
        """Copy a delivery (or some of its files) in; it has lain there for long."""
        names = parts or [p.relative_to(source).as_posix() for p in source.rglob("*.*")]
        for name in names:
            (self.folder / name).parent.mkdir(exist_ok=True, parents=True)
            shutil.copyfile(source / name, self.folder / name)
        self.settle()

    def settle(self) -> None:
        """Nothing was written for an hour."""
        hour_ago = time.time() - 3600
        for path in self.folder.rglob("*.*"):
            os.utime(path, (hour_ago, hour_ago))

    def look(self, *, records_runs: bool = True) -> SensorExecutionData:
        """One tick as Dagster evaluates it; its cursor is kept, its runs recorded as started."""
        settings = load_settings(self.place.home)
        sensor = build_delivery_sensor(partitions_for(settings), build_jobs())
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"platform": PlatformResource(home=str(self.place.home))},
        ) as context:
            result = sensor.evaluate_tick(context)
        self.cursor = result.cursor
        for request in result.run_requests or [] if records_runs else []:
            run = dg.DagsterRun(
                job_name=request.job_name or "",
                status=dg.DagsterRunStatus.STARTED,
                tags={**request.tags, "dagster/run_key": request.run_key or ""},
            )
            self.instance.add_run(run)
        return result

    def asks(self) -> list[str]:
        """What one look asks for: ``ingest 2021-01..2021-02``."""
        return [request_text(r) for r in self.look().run_requests or []]

    def says(self) -> str:
        """The reason that one look gives for asking for nothing."""
        result = self.look()
        assert not result.run_requests, [request_text(r) for r in result.run_requests or []]
        assert result.skip_message is not None
        return result.skip_message

    def end_runs(self, status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS) -> None:
        """Runs under way end; an ingest that succeeds has stored its months."""
        for run in self.instance.get_runs():
            if run.is_finished:
                continue
            if run.job_name == INGEST and status is dg.DagsterRunStatus.SUCCESS:
                self.ingest(*range_of(run.tags))
            event = dg.DagsterEventType.RUN_SUCCESS
            if status is dg.DagsterRunStatus.FAILURE:
                event = dg.DagsterEventType.RUN_FAILURE
            self.instance.handle_run_event(run.run_id, dg.DagsterEvent(event.value, run.job_name))

    def ingest(self, first: date, last: date) -> None:
        """Store months of what lies in the folder, as the ingest job does."""
        delivery, store = read_delivery(self.folder), self.place.store
        record_dataset(store, delivery)
        for table in ("bar_features", "events"):
            store_months(store, delivery, table, month_range(first, last))

    def finish(self) -> list[list[str]]:
        """Look until nothing more is asked for, every run succeeding; what each look asked for."""
        asked = []
        while requests := self.asks():
            asked.append(requests)
            self.end_runs()
        return asked

    def re_execute(self) -> None:
        """The last failed run again, as the UI does: its tags go along."""
        failed = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))[0]
        tags = {k: v for k, v in failed.tags.items() if k != "dagster/run_key"}
        self.instance.add_run(
            dg.DagsterRun(job_name=failed.job_name, status=dg.DagsterRunStatus.STARTED, tags=tags)
        )

    @property
    def memory(self) -> Cursor:
        """The cursor, parsed."""
        return read_cursor(self.cursor)


def request_text(request: dg.RunRequest) -> str:
    """Job and months of a request."""
    assert request.tags[REQUEST_TAG] == request.run_key
    try:
        first, last = range_of(request.tags)
    except KeyError:
        return str(request.job_name)
    return f"{request.job_name} {first:%Y-%m}..{last:%Y-%m}"


def range_of(tags) -> tuple[date, date]:
    first, last = (tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    return parse_month(first), parse_month(last)


def restate(folder: Path, symbol: str, month: date, column: str = "beta_proxy") -> None:
    """Double one value of a symbol's first event of a month."""
    path = folder / "events" / f"{symbol.lower()}_events.parquet"
    events = pd.read_parquet(path)
    row = events.index[events["decision_time_utc"].str.startswith(f"{month:%Y-%m}")][0]
    events.loc[row, column] *= 2
    events.to_parquet(path, index=False)


def verdicts(results: Sequence[SensorExecutionData]) -> list[dg.AssetCheckEvaluation]:
    """Check evaluations that looks left behind."""
    return [e for r in results for e in r.asset_events if isinstance(e, dg.AssetCheckEvaluation)]


def observation(result: SensorExecutionData) -> dict:
    """Metadata values of the one observation of a look."""
    found = [e for e in result.asset_events if isinstance(e, dg.AssetObservation)]
    assert len(found) == 1
    return {name: value.value for name, value in found[0].metadata.items()}
