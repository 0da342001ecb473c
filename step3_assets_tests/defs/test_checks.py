"""Checks over stored tables: a result for each month of a range, and planted faults."""

from collections.abc import Callable
from datetime import date

import dagster as dg
import pandas as pd
import pytest

from step3_assets.defs.partitions import range_tags
from step3_assets.defs.settings import load_settings
from step3_assets.domain.core.months import add_months
from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery

LAST = add_months(FIRST_TEST, 1)


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Installation:
    folder = tmp_path_factory.mktemp("checks")
    delivery = write_small_delivery(
        folder / "delivery", start=START, n_months=26, events_per_month=12
    )
    home = Installation(folder / "home", delivery)
    for job, first in (("ingest", START), ("walk_forward", FIRST_TEST)):
        result = home.run(job, first, LAST, instance=instance)
        assert result.success, failure_text(result)
    scores = home.store.read("scores")  # random numbers have no edge: let every row through
    opened = scores.assign(is_gated=True, gate_reason="pass", size_frac=1.0)
    home.store.replace_partitions({"scores": opened}, [FIRST_TEST, LAST])
    result = home.run(
        "walk_forward", FIRST_TEST, LAST, assets=["fold_backtests"], instance=instance
    )
    assert result.success, failure_text(result)
    return home


def run_check(
    place: Installation, instance: dg.DagsterInstance, asset: str, check: str, *months: date
) -> dg.ExecuteInProcessResult:
    """Run one check alone on what is stored."""
    from step3_assets.definitions import build_defs

    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    job = dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(key))
    definitions = dg.Definitions.merge(
        build_defs(load_settings(place.home)), dg.Definitions(jobs=[job])
    )
    tags = range_tags(months[0], months[-1]) if months else {}
    return definitions.resolve_job_def("one_check").execute_in_process(
        instance=instance,
        tags=tags,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def by_month(instance: dg.DagsterInstance, asset: str, check: str) -> dict[str, str]:
    """What the UI shows in a check's table of months."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {
        info.partition_key: info.latest_execution_status.value
        for info in found
        if info.partition_key and info.is_current
    }


def planted(
    place: Installation, table: str, month: date | None, change: Callable[[pd.DataFrame], None]
) -> Callable[[], None]:
    """Change stored rows; the returned function puts them back."""
    months = [month] if month else None
    honest = place.store.read(table, partitions=months)
    wrong = honest.copy()
    change(wrong)

    def store(rows: pd.DataFrame) -> None:
        if month:
            place.store.replace_partitions({table: rows}, [month])
        else:
            place.store.replace_all({table: rows})

    store(wrong)
    return lambda: store(honest)


@pytest.mark.parametrize(("asset", "check"), [("folds", "purge"), ("fold_backtests", "schema")])
def test_a_range_leaves_a_verdict_for_each_month(place, instance, asset, check):
    assert by_month(instance, asset, check) == {
        "2021-01-01": "SUCCEEDED",
        "2021-02-01": "SUCCEEDED",
    }


def test_only_the_month_at_fault_is_marked(place, instance):
    def misplace(members: pd.DataFrame) -> None:
        members.loc[members["role"].eq("test").idxmax(), "role"] = "fit"

    put_back = planted(place, "fold_members", LAST, misplace)
    result = run_check(place, instance, "folds", "purge", FIRST_TEST, LAST)
    put_back()
    assert not result.success  # the check blocks
    assert by_month(instance, "folds", "purge") == {
        "2021-01-01": "SUCCEEDED",
        "2021-02-01": "FAILED",
    }


def test_a_fill_that_is_no_open_of_its_bar_blocks_the_backtests(place, instance):
    trades = place.store.read("fold_trades", partitions=[LAST])
    assert len(trades) > 0

    def misprice(rows: pd.DataFrame) -> None:
        rows["exit_open"] *= 1.000_001

    put_back = planted(place, "fold_trades", LAST, misprice)
    result = run_check(place, instance, "fold_backtests", "reconciliation", FIRST_TEST, LAST)
    put_back()
    assert not result.success
    (verdict,) = [e for e in result.get_asset_check_evaluations() if e.partition == "2021-02-01"]
    assert "exit_open is not the open of the bar" in str(verdict.description)


def test_equity_is_rebuilt_at_every_bar_close(place, instance):
    """A ten-millionth of a dollar too much at one mark of one series stops the results."""
    result = place.run("results", assets=["portfolio"], instance=instance)
    assert result.success, failure_text(result)
    assert run_check(place, instance, "portfolio", "reconciliation").success
    equity = place.store.read("portfolio_equity")
    ours = equity.index[equity["series"] == "platform"]
    assert equity.loc[ours, "gross_exposure_frac"].gt(0).any()

    def drift(rows: pd.DataFrame) -> None:
        held = ours[rows.loc[ours, "gross_exposure_frac"].gt(0)]
        rows.loc[held[len(held) // 2], "equity_usd"] += 1e-7

    put_back = planted(place, "portfolio_equity", None, drift)
    result = run_check(place, instance, "portfolio", "reconciliation")
    put_back()
    assert not result.success
    (verdict,) = result.get_asset_check_evaluations()
    assert "platform: equity: equity_usd is not cash and units times close" in str(
        verdict.description
    )


def test_a_close_that_changed_after_the_simulation_is_seen(place, instance):
    bars = place.store.read("bar_features", partitions=[FIRST_TEST])
    assert len(bars) > 0

    def reprice(rows: pd.DataFrame) -> None:
        rows["close"] *= 1 + 1e-9

    put_back = planted(place, "bar_features", FIRST_TEST, reprice)
    result = run_check(place, instance, "portfolio", "reconciliation")
    put_back()
    assert not result.success
