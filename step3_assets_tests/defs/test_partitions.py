"""Partitions exist only for periods that have data."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from step3_assets.catalogue import TABLES
from step3_assets.defs.live.recalibration_schedule import build_recalibration_schedule
from step3_assets.defs.partitions import Partitions, partitions_for
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.settings import load_settings
from step3_assets.storage.store import Store
from step3_assets_tests.defs.installation import START, Installation
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.storage.rows import rows_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its data end with March 2021."""
    folder = tmp_path_factory.mktemp("partitions")
    delivery = write_small_delivery(folder / "delivery", start=START, n_months=27)
    return Installation(folder / "home", delivery).home


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def last_keys(partitions: Partitions, day: str) -> tuple[str | None, ...]:
    with freeze_time(at(day)):
        return tuple(
            definition.get_last_partition_key()
            for definition in (
                partitions.data_months,
                partitions.fold_months,
                partitions.epochs,
                partitions.weeks,
            )
        )


def test_months_that_cannot_be_made_yet_are_not_there(home: Path):
    with freeze_time(at("2026-11-26")):
        partitions = partitions_for(load_settings(home))
    expected = ("2021-04-01", "2021-04-01", "2021-01-01", "2021-04-26")
    assert last_keys(partitions, "2026-11-26") == expected
    before = ("2021-03-01", "2021-03-01", "2021-01-01", "2021-03-15")
    assert last_keys(partitions, "2021-03-20") == before, "nor those the calendar has not reached"


def test_live_data_follow_the_calendar_without_a_reload(home: Path):
    with freeze_time(at("2021-04-05")):
        partitions = partitions_for(load_settings(home))
    assert last_keys(partitions, "2021-06-02")[:2] == ("2021-06-01", "2021-06-01")
    assert last_keys(partitions, "2021-06-02")[3] == "2021-05-31"


def test_without_data_the_calendar_decides(tmp_path: Path):
    with freeze_time(at("2021-04-05")):
        assert last_keys(partitions_for(load_settings(tmp_path)), "2021-04-05")[0] == "2021-04-01"


def test_the_schedule_does_not_request_a_week_that_is_not_there(home: Path):
    store = Store(load_settings(home).database)
    store.ensure_tables()
    folds = rows_of(TABLES["folds"], n_months=1).assign(month=date(2021, 3, 1))
    store.replace_partitions({"folds": folds}, [date(2021, 3, 1)])
    with freeze_time(at("2026-11-26")):
        partitions = partitions_for(load_settings(home))
        schedule = build_recalibration_schedule(partitions.weeks)
        with dg.build_schedule_context(
            scheduled_execution_time=at("2026-11-23"),
            resources={"platform": PlatformResource(home=str(home))},
        ) as context:
            result = schedule.evaluate_tick(context)
    assert not result.run_requests
    assert "the data end too long before it" in str(result.skip_message)
