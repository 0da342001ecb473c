"""Failed runs: told by the notifier's own tick, and shown by ``step3 status`` until made good."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from step3_assets.cli.installation import dagster_instance, prepare_home
from step3_assets.cli.main import cli
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.run_failure import build_run_failure_sensor
from step3_assets.defs.run_log import standing_failures
from step3_assets.defs.settings import load_settings
from step3_assets.storage.store import Store
from step3_assets_tests.defs.receivers import web_receiver

JANUARY, TO_MARCH = ("2021-01-01", "2021-01-01"), ("2021-01-01", "2021-03-01")


@dg.asset
def folds(context: dg.AssetExecutionContext) -> None:
    if context.run.tags.get("fails") == "body":
        raise ValueError("the fold\nholds no rows")


@dg.asset_check(asset=folds, blocking=True)
def purge(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=context.run.tags.get("fails") != "check", description="3 labels reach into the month"
    )


WALK = dg.Definitions(
    [folds], asset_checks=[purge], jobs=[dg.define_asset_job("walk_forward")]
).resolve_job_def("walk_forward")


def run(instance: dg.DagsterInstance, span: tuple[str, str] | None, fails: str = "") -> None:
    ends = zip(("start", "end"), span or (), strict=False)
    tags = {f"dagster/asset_partition_range_{end}": key for end, key in ends}
    tags |= {"fails": fails} if fails else {}
    WALK.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    Store(load_settings(tmp_path).database).ensure_tables()
    with dagster_instance(prepare_home()) as opened:
        yield opened


def test_a_failed_run_stands_until_a_run_over_all_its_months_succeeds(
    instance: dg.DagsterInstance,
):
    run(instance, TO_MARCH, fails="body")
    run(instance, JANUARY)
    (standing,) = standing_failures(Path(instance.root_directory))
    assert (standing.job, standing.months) == ("walk_forward", "2021-01 to 2021-03")
    assert standing.error.strip() == "ValueError: the fold\nholds no rows"
    run(instance, JANUARY, fails="check")
    assert [s.months for s in standing_failures(Path(instance.root_directory))] == [
        "2021-01",
        "2021-01 to 2021-03",
    ]
    run(instance, TO_MARCH)
    assert standing_failures(Path(instance.root_directory)) == []
    run(instance, None, fails="body")
    run(instance, None, fails="check")
    (standing,) = standing_failures(Path(instance.root_directory))
    assert standing.error == "check folds.purge: 3 labels reach into the month"


def test_status_names_a_failed_run_and_why(instance: dg.DagsterInstance):
    (Path(instance.root_directory) / "schedules").mkdir(exist_ok=True)
    run(instance, JANUARY, fails="check")
    shown = CliRunner().invoke(cli, ["status"], catch_exceptions=False).output
    (line,) = (line for line in shown.splitlines() if line.startswith("FAILED"))
    assert line.startswith("FAILED    walk_forward 2021-01: run ")
    assert line.endswith("UTC: check folds.purge: 3 labels reach into the month")
    run(instance, JANUARY)
    assert "FAILED" not in CliRunner().invoke(cli, ["status"], catch_exceptions=False).output


def test_a_tick_of_the_notifier_tells_of_each_failed_run_once(
    instance: dg.DagsterInstance, tmp_path: Path
):
    """Dagster's own evaluation: its cursor, its reading of the event log, its context."""
    sensor, cursor = build_run_failure_sensor(), None
    resources = {"platform": PlatformResource(home=str(tmp_path))}
    repository = dg.Definitions(
        [folds], jobs=[dg.define_asset_job("walk_forward")], sensors=[sensor], resources=resources
    ).get_repository_def()

    def messages() -> list[str]:
        nonlocal cursor
        before = len(received.bodies)
        with dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            repository_def=repository,
            sensor_name=sensor.name,
            resources=resources,
        ) as context:
            cursor = sensor.evaluate_tick(context).cursor
        return [body["text"] for body in received.bodies[before:]]

    with web_receiver() as received:
        (tmp_path / "step3.toml").write_text(
            '[notify]\nchannel = "webhook"\n[notify.webhook]\n'
            f'url = "http://127.0.0.1:{received.port}/hook"\n'
        )
        run(instance, JANUARY, fails="body")
        assert messages() == [], "what failed before it was switched on is history"
        run(instance, JANUARY)
        run(instance, TO_MARCH, fails="check")
        assert messages() == [
            "Run failed: job walk_forward, step folds_purge, months 2021-01 to 2021-03: "
            "check folds.purge: 3 labels reach into the month"
        ]
        assert messages() == []
