"""Ingest: repeated, revised, broken and out-of-range deliveries."""

from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from step3_assets.defs.delivery.assets import withdraw_months
from step3_assets.domain.delivery import read_delivery
from step3_assets_tests.defs.installation import Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery

JAN, FEB, MAR = date(2019, 1, 1), date(2019, 2, 1), date(2019, 3, 1)


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    delivery = write_small_delivery(tmp_path / "one", n_months=3)
    return Installation(tmp_path / "home", delivery)


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dict]:
    found = {}
    for event in result.get_asset_materialization_events():
        assert event.asset_key is not None
        if event.asset_key.to_user_string() == asset:
            found[event.partition] = event.materialization.metadata
    return found


def test_every_month_is_stored_and_says_what_it_holds(place: Installation):
    result = place.run("ingest", JAN, MAR)
    assert result.success
    assert place.store.partitions("events") == [JAN, FEB, MAR]
    rows = metadata_of(result, "events")
    assert sorted(rows) == ["2019-01-01", "2019-02-01", "2019-03-01"]
    assert rows["2019-02-01"]["change"].value == "new"
    assert rows["2019-02-01"]["rows AAA"].value == 30


def test_the_same_delivery_again_changes_nothing(place: Installation):
    place.run("ingest", JAN, MAR)
    before = place.store.table_hashes()
    again = place.run("ingest", JAN, MAR)
    assert {m["change"].value for m in metadata_of(again, "events").values()} == {"unchanged"}
    assert place.store.table_hashes() == before


def test_a_months_own_ingest_equals_that_of_the_range(place: Installation, tmp_path: Path):
    place.run("ingest", JAN, MAR)
    other = Installation(tmp_path / "other", tmp_path / "one")
    for month in (MAR, JAN, FEB):
        assert other.run("ingest", month).success
    assert other.store.table_hashes() == place.store.table_hashes()


def test_labels_that_become_final_are_kept_as_old_versions_and_counted(tmp_path: Path):
    early = write_small_delivery(tmp_path / "early", n_months=2, drop_last_bars=30)
    late = write_small_delivery(tmp_path / "late", n_months=3)
    place = Installation(tmp_path / "home", early)
    place.run("ingest", JAN, FEB)
    provisional = place.store.read("events", partitions=[FEB])["maturity"].eq("provisional").sum()
    assert provisional > 0
    place.point_to(late)
    result = place.run("ingest", JAN, MAR)
    revisions = place.store.read("revisions")
    events = revisions[revisions["table_name"] == "events"]
    assert (events["reason"] == "matured").sum() == provisional
    assert set(events["month"]) == {FEB}
    assert metadata_of(result, "events")["2019-02-01"]["revised: matured"].value == provisional
    assert not place.store.read("events", partitions=[FEB])["maturity"].eq("provisional").any()
    assert place.store.read("datasets")["position"].max() == 2


def test_a_restated_signal_fails_the_revisions_check_but_is_stored(
    place: Installation, tmp_path: Path
):
    place.run("ingest", JAN, MAR)
    path = tmp_path / "one" / "events" / "aaa_events.parquet"
    table = pq.read_table(path)
    column = table.column("beta_proxy").to_pylist()
    column[45] *= 2
    index = table.schema.get_field_index("beta_proxy")
    pq.write_table(table.set_column(index, "beta_proxy", [column]), path)
    result = place.run("ingest", JAN, MAR)
    assert result.success
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert failed == {"revisions"}
    revisions = place.store.read("revisions")
    assert revisions["reason"].tolist() == ["restated"]


def test_a_half_written_file_stops_at_the_door_and_leaves_the_tables(
    place: Installation, tmp_path: Path
):
    place.run("ingest", JAN, MAR)
    before = place.store.table_hashes()
    path = tmp_path / "one" / "events" / "bbb_events.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    result = place.run("ingest", JAN, MAR)
    assert not result.success
    assert "bbb_events.parquet" in failure_text(result)
    assert place.store.table_hashes() == before


def test_a_shorter_delivery_is_refused_until_the_withdrawal_is_accepted(
    place: Installation, tmp_path: Path
):
    place.run("ingest", JAN, MAR)
    before = place.store.table_hashes()
    shorter = write_small_delivery(tmp_path / "shorter", start=JAN, n_months=2)
    place.point_to(shorter)
    result = place.run("ingest", JAN, FEB)
    assert not result.success
    assert "holds no bars of 2019-03" in failure_text(result)
    assert place.store.table_hashes() == before
    withdraw_months(place.store, read_delivery(shorter))
    assert len(place.store.read("events", partitions=[MAR])) == 0
    assert len(place.store.read("bar_features", partitions=[MAR])) == 0
    gone = place.store.read("revisions", partitions=[MAR])
    assert set(gone["reason"]) == {"withdrawn"}
    assert set(gone["table_name"]) == {"events", "bar_features"}


def test_stored_rows_that_were_edited_are_repaired(place: Installation):
    """The hash beside them still says that they are as delivered."""
    place.run("ingest", JAN, MAR)
    before = place.store.table_hashes()["events"]
    rows = place.store.read("events", partitions=[FEB])
    place.store.replace_partitions({"events": rows.assign(net_logret=0.5)}, [FEB])
    assert place.store.table_hashes()["events"] != before
    place.run("ingest", JAN, MAR)
    assert place.store.table_hashes()["events"] == before


def test_a_month_that_the_delivery_does_not_hold_is_named(place: Installation):
    result = place.run("ingest", date(2019, 4, 1))
    assert not result.success
    assert "2019-01 to 2019-03" in failure_text(result)
    assert "2019-04" in failure_text(result)


def test_no_delivery_says_how_to_set_one(place: Installation, tmp_path: Path):
    (tmp_path / "home" / "step3.toml").write_text("workers = 1\n")
    result = place.run("ingest", date(2019, 1, 1).replace(year=2020))
    assert "step3 run --delivery" in failure_text(result)
