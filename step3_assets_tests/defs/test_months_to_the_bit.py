"""A month is the same bits alone, in a range, in any order, with or without later data."""

import shutil
from datetime import date
from pathlib import Path
from threading import Timer

import pytest

from step3_assets.domain.core.months import add_months
from step3_assets_tests.cluster.dask_cluster import DaskCluster
from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery

N_MONTHS = 27
LAST = add_months(START, N_MONTHS - 1)
MONTHS = [FIRST_TEST, add_months(FIRST_TEST, 1), add_months(FIRST_TEST, 2)]
BY_MONTH = (
    "folds",
    "fold_members",
    "calibrated_models",
    "model_metrics",
    "reliability_bins",
    "scores",
    "mock_baseline",
    "fold_backtests",
    "fold_trades",
)

NO_TABLES = ["step3_report"]  # what is compared here is the store


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    return write_small_delivery(folder, start=START, n_months=N_MONTHS, events_per_month=12)


@pytest.fixture(scope="module")
def ingested(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    place = Installation(tmp_path_factory.mktemp("ingested") / "home", delivery)
    result = place.run("ingest", START, LAST)
    assert result.success, failure_text(result)
    return place


@pytest.fixture(scope="module")
def in_one_run(
    ingested: Installation, delivery: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    place = copy_of(ingested, delivery, tmp_path_factory.mktemp("range") / "home")
    result = place.run("walk_forward", MONTHS[0], MONTHS[-1])
    assert result.success, failure_text(result)
    result = place.run("results", but=NO_TABLES)
    assert result.success, failure_text(result)
    return place


def copy_of(place: Installation, delivery: Path, home: Path) -> Installation:
    shutil.copytree(place.home, home)
    return Installation(home, delivery)


def test_the_models_are_really_there(in_one_run: Installation):
    models = in_one_run.store.read("calibrated_models")
    assert set(models["month"]) == set(MONTHS)
    assert "classifier" in set(models["head"])


def test_months_alone_in_another_order_equal_the_range(
    ingested: Installation, in_one_run: Installation, delivery: Path, tmp_path: Path
):
    alone = copy_of(ingested, delivery, tmp_path / "home")
    for month in (MONTHS[2], MONTHS[0], MONTHS[1]):
        result = alone.run("walk_forward", month)
        assert result.success, failure_text(result)
    assert alone.run("results", but=NO_TABLES).success
    assert alone.store.table_hashes() == in_one_run.store.table_hashes()


def test_run_again_equals_itself(in_one_run: Installation, delivery: Path, tmp_path: Path):
    again = copy_of(in_one_run, delivery, tmp_path / "home")
    assert again.run("walk_forward", MONTHS[1]).success
    assert again.store.table_hashes() == in_one_run.store.table_hashes()


def test_side_by_side_in_processes_equals_one_process(
    in_one_run: Installation, delivery: Path, tmp_path: Path
):
    place = copy_of(in_one_run, delivery, tmp_path / "home")
    toml = place.home / "step3.toml"
    toml.write_text(toml.read_text().replace("workers = 1", "workers = 2"))
    assert place.run("walk_forward", MONTHS[0], MONTHS[1], assets=["calibrated_models"]).success
    assert place.store.table_hashes() == in_one_run.store.table_hashes()


def test_on_a_cluster_that_loses_a_worker_equals_one_process(
    in_one_run: Installation, delivery: Path, tmp_path: Path
):
    pytest.importorskip("distributed")
    place = copy_of(in_one_run, delivery, tmp_path / "home")
    with DaskCluster(tmp_path) as cluster:
        cluster.start_scheduler()
        for name in ("a", "b"):
            cluster.start_worker(name)
        with (place.home / "step3.toml").open("a") as toml:
            toml.write(f'[compute]\nbackend = "dask"\naddress = "{cluster.address}"\n')
        loss = Timer(5, lambda: cluster.kill("a"))
        loss.start()
        result = place.run("walk_forward", MONTHS[0], MONTHS[-1])
        loss.join()
    assert result.success, failure_text(result)
    assert place.store.table_hashes() == in_one_run.store.table_hashes()


def test_a_fold_does_not_depend_on_later_deliveries(
    in_one_run: Installation, delivery: Path, tmp_path: Path
):
    longer = write_small_delivery(
        tmp_path / "longer", start=START, n_months=N_MONTHS + 2, events_per_month=12
    )
    place = Installation(tmp_path / "home", longer)
    place.run("ingest", START, add_months(LAST, 2))
    assert place.run("walk_forward", MONTHS[0], MONTHS[1]).success
    for table in BY_MONTH:
        ours = place.store.read(table, partitions=MONTHS[:2])
        theirs = in_one_run.store.read(table, partitions=MONTHS[:2])
        assert ours.equals(theirs), table


def test_a_planted_union_leak_is_seen(
    in_one_run: Installation, delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Hand every month the whole range's rows: the folds must notice or differ."""
    from step3_assets.defs.walk_forward import assets as training_assets

    place = copy_of(in_one_run, delivery, tmp_path / "home")
    monkeypatch.setattr(training_assets, "slice_months", lambda frame, first, last: frame)
    result = place.run("walk_forward", MONTHS[0], MONTHS[1], assets=["calibrated_models"])
    assert not result.success or place.store.table_hashes() != in_one_run.store.table_hashes()


def test_the_live_month_before_its_first_bar_is_a_fold(
    in_one_run: Installation, delivery: Path, tmp_path: Path
):
    place = copy_of(in_one_run, delivery, tmp_path / "home")
    live = add_months(LAST, 1)
    result = place.run("walk_forward", live)
    assert result.success, failure_text(result)
    manifest = place.store.read("folds", partitions=[live])
    assert manifest["n_test"].sum() == 0
    assert manifest["n_calibration"].sum() > 0
    assert len(place.store.read("calibrated_models", partitions=[live])) > 0


def test_missing_look_back_months_are_named_and_the_good_months_stay(
    delivery: Path, tmp_path: Path
):
    place = Installation(tmp_path / "home", delivery)
    place.run("ingest", START, MONTHS[0])
    result = place.run("walk_forward", MONTHS[0], MONTHS[2], assets=["folds"])
    assert not result.success
    text = failure_text(result)
    assert "2021-03" in text
    assert "not ingested" in text
    assert place.store.partitions("folds") == [MONTHS[0], add_months(MONTHS[0], 1)]


def test_a_fold_month_of_another_century_is_refused(in_one_run: Installation):
    result = in_one_run.run("walk_forward", date(2025, 1, 1), assets=["folds"])
    assert not result.success
    assert "2025-01" in failure_text(result)
