"""What Dagster may forget: nothing that the UI shows, on a real instance and its real files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from step3_assets.cli.installation import DAGSTER_YAML
from step3_assets.defs.maintenance import forget_runs
from step3_assets.storage.maintenance import vacuum

MONTHS = dg.StaticPartitionsDefinition(["2020-01", "2020-02"])
IN_AN_HOUR = timedelta(hours=1)


@dg.asset(partitions_def=MONTHS)
def folds(context: dg.AssetExecutionContext) -> None:
    context.log.info("x" * 20_000)


@dg.asset_check(asset=folds)
def complete() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    with dg.DagsterInstance.get() as made:
        yield made


def make(instance: dg.DagsterInstance, month: str, *, checks: bool = True) -> str:
    return dg.materialize(
        [folds, complete] if checks else [folds], instance=instance, partition_key=month
    ).run_id


def shown(instance: dg.DagsterInstance) -> tuple:
    """What the UI says: the asset's partitions, their newest run, the check's newest result."""
    key, kind = folds.key, dg.DagsterEventType.ASSET_MATERIALIZATION
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, kind)
    record = instance.get_asset_records([key])[0].asset_entry
    check = dg.AssetCheckKey(key, "complete")
    results = instance.event_log_storage.get_latest_asset_check_execution_by_key([check])
    return (
        instance.get_materialized_partitions(key),
        latest,
        record.last_materialization_storage_id,
        results[check].run_id,
    )


def test_runs_whose_results_were_made_again_go_and_nothing_shown_changes(
    instance: dg.DagsterInstance, tmp_path: Path
):
    first, other, again = (
        make(instance, "2020-01"),
        make(instance, "2020-02"),
        make(instance, "2020-01"),
    )
    before = shown(instance)
    assert forget_runs(instance, datetime.now(UTC) - IN_AN_HOUR) == [], "too young"
    assert forget_runs(instance, datetime.now(UTC) + IN_AN_HOUR) == [first]
    assert {run.run_id for run in instance.get_runs()} == {other, again}
    assert shown(instance) == before
    assert not list(tmp_path.rglob(f"{first}*"))
    assert instance.all_logs(again), "a run that stays has its log"
    assert vacuum(sorted(tmp_path.rglob("*.db"))) == []
    assert shown(instance) == before
    make(instance, "2020-02")
    assert forget_runs(instance, datetime.now(UTC) + IN_AN_HOUR) == [other]


def test_a_run_with_a_checks_newest_result_stays(instance: dg.DagsterInstance):
    checked = make(instance, "2020-01")
    make(instance, "2020-01", checks=False)
    assert forget_runs(instance, datetime.now(UTC) + IN_AN_HOUR) == []
    assert instance.get_run_by_id(checked) is not None


def test_a_run_under_way_stays(instance: dg.DagsterInstance):
    run = create_run_for_test(instance, job_name="folds", status=dg.DagsterRunStatus.STARTED)
    assert forget_runs(instance, datetime.now(UTC) + IN_AN_HOUR) == []
    assert instance.get_run_by_id(run.run_id) is not None
