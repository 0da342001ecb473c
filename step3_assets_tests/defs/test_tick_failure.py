"""Failed ticks are reported once, by message and by ``step3 status``."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_shared.error import SerializableErrorInfo

from step3_assets.cli.installation import dagster_instance, prepare_home
from step3_assets.cli.main import cli
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.settings import load_settings
from step3_assets.defs.tick_failure import build_tick_failure_sensor
from step3_assets.storage.store import Store
from step3_assets_tests.defs.receivers import Received, web_receiver

NAME = "delivery_sensor"
REFUSED = "Invalid run request for job shadow"
START_S = datetime(2021, 4, 1, 9, 0, tzinfo=UTC).timestamp()


class Watched:
    """A home, its Dagster instance, and a receiver of messages."""

    def __init__(self, home: Path, instance: dg.DagsterInstance, received: Received) -> None:
        self.home, self.instance, self.received = home, instance, received
        self.cursor: str | None = None
        self.at = START_S
        location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="step3_assets"))
        origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(NAME)
        data = SensorInstigatorData()
        self.state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
        instance.add_instigator_state(self.state)

    def tick(self, error: str = "") -> None:
        """A tick of the sensor, failed where it has an error."""
        self.at += 30
        self.instance.create_tick(
            TickData(
                instigator_origin_id=self.state.instigator_origin_id,
                instigator_name=NAME,
                instigator_type=InstigatorType.SENSOR,
                status=TickStatus.FAILURE if error else TickStatus.SKIPPED,
                timestamp=self.at,
                selector_id=self.state.selector_id,
                error=SerializableErrorInfo(f"{error}\n", [], "CheckError") if error else None,
            )
        )

    def messages(self) -> list[str]:
        """What one tick of the notifier sends."""
        before = len(self.received.bodies)
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"platform": PlatformResource(home=str(self.home))},
        ) as context:
            self.cursor = build_tick_failure_sensor().evaluate_tick(context).cursor
        return [body["text"] for body in self.received.bodies[before:]]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    with web_receiver() as received:
        (tmp_path / "step3.toml").write_text(
            '[notify]\nchannel = "webhook"\n[notify.webhook]\n'
            f'url = "http://127.0.0.1:{received.port}/hook"\n'
        )
        Store(load_settings(tmp_path).database).ensure_tables()
        with dagster_instance(prepare_home()) as instance:
            yield Watched(tmp_path, instance, received)


def test_a_failed_tick_is_reported_once_and_again_after_a_success(watched: Watched):
    watched.tick()
    assert watched.messages() == []
    watched.tick(REFUSED)
    assert watched.messages() == [f"Tick of sensor {NAME} failed: job {NAME}: {REFUSED}"]
    watched.tick(REFUSED)
    assert watched.messages() == [], "the same error is reported once"
    watched.tick("disk full")
    assert len(watched.messages()) == 1, "another error is reported"
    watched.tick()
    assert watched.messages() == []
    watched.tick("disk full")
    assert len(watched.messages()) == 1, "it has come back"


def test_a_failure_between_two_looks_is_reported_although_the_next_tick_succeeded(
    watched: Watched,
):
    watched.tick()
    watched.messages()
    watched.tick(REFUSED)
    watched.tick()
    assert len(watched.messages()) == 1
    assert watched.messages() == []


def test_status_shows_a_failed_tick_until_one_succeeds(watched: Watched):
    watched.tick(REFUSED)
    shown = CliRunner().invoke(cli, ["status"], catch_exceptions=False).output
    assert f"FAILED    {NAME}: last tick 2021-04-01 09:00 UTC: {REFUSED}" in shown
    watched.tick()
    assert "FAILED" not in CliRunner().invoke(cli, ["status"], catch_exceptions=False).output
