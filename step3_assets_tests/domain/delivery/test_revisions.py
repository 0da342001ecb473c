"""What a new delivery changes of the stored rows, and why."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS, REVISIONS
from step3_assets.domain.core.hashing import row_hashes
from step3_assets.domain.core.validation import validate_frame
from step3_assets.domain.delivery import Delivery, count_revisions, find_revisions, read_delivery
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

CUT = 40  # bars by which the first delivery ends earlier


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory):
    """A delivery that ends mid-month with pending rows, and the one after it."""
    folder = tmp_path_factory.mktemp("revisions")
    first = read_delivery(
        write_small_delivery(folder / "1", n_months=2, drop_last_bars=CUT, has_pending=True)
    )
    pending = sorted(set(first.events.loc[first.events["maturity"] == "pending", "t_idx"]))
    second = read_delivery(write_small_delivery(folder / "2", n_months=3, extra_candidates=pending))
    return first, second


def revisions(old: pd.DataFrame, new: pd.DataFrame, table=EVENTS) -> pd.DataFrame:
    return find_revisions(old, new, table, stored_version="old", new_version="new")


def altered(events: pd.DataFrame, row: int, **values: Any) -> pd.DataFrame:
    out = events.copy()
    for name, value in values.items():
        out.loc[row, name] = value
    return out


@pytest.mark.parametrize("table", [EVENTS, BAR_FEATURES])
def test_equal_rows_in_any_order_are_no_revision(deliveries, table):
    frame = deliveries[0].events if table is EVENTS else deliveries[0].bars
    none = revisions(frame, frame.sample(frac=1.0, random_state=0), table)
    assert len(none) == 0
    assert list(none.columns) == REVISIONS.names


def test_labels_that_were_not_final_mature_and_nothing_else_changes(deliveries):
    first, second = deliveries
    found = revisions(first.events, second.events)
    was_open = first.events[first.events["maturity"] != "final"]
    assert set(was_open["maturity"]) == {"pending", "provisional"}
    assert set(found["reason"]) == {"matured"}
    keys = zip(found["symbol"], found["stamp_utc"], strict=True)
    assert set(keys) == set(zip(was_open["symbol"], was_open["decision_time_utc"], strict=True))


def test_a_bars_gap_matures_and_new_bars_are_no_revision(deliveries):
    first, second = deliveries
    last = first.bars.groupby("symbol")["bar_idx"].max().iloc[0]
    old = altered(first.bars, int(last), gap_ret_realized=np.nan)
    new = altered(old, int(last), gap_ret_realized=0.01)
    assert revisions(old, new, BAR_FEATURES)["reason"].tolist() == ["matured"]
    assert len(second.bars) > len(first.bars)
    changed = revisions(first.bars, second.bars, BAR_FEATURES)
    assert set(changed["reason"]) <= {"matured"}
    assert set(changed["stamp_utc"]) <= {first.bars.loc[last, "date"]}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"net_logret": 0.25}, "restated"),
        ({"sigma": 0.5}, "restated"),
        ({"maturity": "provisional"}, "restated"),
        ({"vol_z": np.nan}, "restated"),
    ],
)
def test_a_final_row_that_changes_is_restated(deliveries, values, reason):
    events = deliveries[1].events
    row = 30
    assert events.loc[row, "maturity"] == "final"
    found = revisions(events, altered(events, row, **values))
    assert found["reason"].tolist() == [reason]
    assert found["stamp_utc"].tolist() == [events.loc[row, "decision_time_utc"]]


def test_an_open_row_whose_features_change_is_restated_and_not_matured(deliveries):
    events = deliveries[0].events
    row = int(np.flatnonzero(events["maturity"] == "provisional")[0])
    ripe = altered(events, row, maturity="final", truncated_horizon=0.0, net_logret=0.1)
    assert revisions(events, ripe)["reason"].tolist() == ["matured"]
    moved = altered(ripe, row, sigma=0.5)
    assert revisions(events, moved)["reason"].tolist() == ["restated"]


@pytest.mark.parametrize(
    "values", [{"t_idx": 7}, {"label_end_idx": 99.0}, {"vol_z": lambda v: v * (1 + 1e-12)}]
)
def test_another_row_number_or_rounding_is_no_revision(deliveries, values):
    events = deliveries[1].events
    values = {k: v(events.loc[30, k]) if callable(v) else v for k, v in values.items()}
    assert len(revisions(events, altered(events, 30, **values))) == 0


def test_a_late_bar_is_one_late_bar(tmp_path):
    """Rows below it move by one; only signals whose windows hold it are restated."""
    bars = {"QQQ": random_bars(1, end=date(2023, 12, 29)), "SPY": random_bars(2)}
    holed = {**bars, "QQQ": bars["QQQ"].drop(index=60).reset_index(drop=True)}
    before, after = (built(b, tmp_path / name) for name, b in (("before", holed), ("after", bars)))
    counts = count_revisions(before.bars, after.bars, BAR_FEATURES)
    assert counts["new"].sum() == 1
    assert (after.bars["date"] > pd.Timestamp("2023-11-01", tz="UTC")).sum() > 200
    assert not counts.loc[[m for m in counts.index if m >= date(2023, 11, 1)]].to_numpy().any()
    events = count_revisions(before.events, after.events, EVENTS)
    assert 0 < events["restated"].sum() < len(before.events) / 2
    moved = before.events.merge(after.events, on=["symbol", "decision_time_utc"])
    assert (moved["t_idx_x"] != moved["t_idx_y"]).mean() > 0.5


def built(bars: dict[str, pd.DataFrame], folder: Path) -> Delivery:
    write_delivery(build_delivery(bars, SHORT), folder)
    return read_delivery(folder)


def test_a_row_that_is_gone_is_withdrawn(deliveries):
    events = deliveries[0].events
    found = revisions(events, events.drop(index=[0, 5]))
    assert found["reason"].tolist() == ["withdrawn", "withdrawn"]
    everything = revisions(events, events.iloc[:0])
    assert everything["reason"].value_counts().to_dict() == {"withdrawn": len(events)}


def test_nothing_stored_is_nothing_revised(deliveries):
    events = deliveries[0].events
    assert len(revisions(events.iloc[:0], events)) == 0


def test_the_old_row_is_kept_whole(deliveries):
    events = deliveries[1].events
    found = validate_frame(revisions(events, altered(events, 30, net_logret=0.25)), REVISIONS)
    row = found.iloc[0]
    assert (row["dataset_version"], row["superseded_by"]) == ("old", "new")
    assert row["table_name"] == "events"
    assert row["month"] == events.loc[30, "month"]
    assert row["row_hash"] == row_hashes(events, EVENTS).iloc[30]
    payload = json.loads(row["payload"])
    assert list(payload) == EVENTS.names
    assert payload["net_logret"] == events.loc[30, "net_logret"]
    assert date.fromisoformat(payload["month"]) == events.loc[30, "month"]
    assert pd.Timestamp(payload["exit_time_utc"]) == events.loc[30, "exit_time_utc"]
    restored = pd.DataFrame([payload]).assign(
        month=[date.fromisoformat(payload["month"])],
        **{n: pd.to_datetime([payload[n]], utc=True) for n in payload if n.endswith("_utc")},
    )
    assert row_hashes(restored, EVENTS).tolist() == [row["row_hash"]]


def test_frames_of_another_table_are_refused(deliveries):
    with pytest.raises(ValueError, match="events"):
        revisions(deliveries[0].bars, deliveries[0].bars)


def test_counts_by_month_are_those_of_the_revisions(deliveries):
    first, second = deliveries
    changed = altered(second.events, 3, spread_half=9.0).drop(index=5)
    counts = count_revisions(first.events, changed, EVENTS)
    rows = revisions(first.events, changed)
    for reason in ("matured", "restated", "withdrawn"):
        by_month = rows.loc[rows["reason"] == reason, "month"].value_counts()
        assert counts[reason][counts[reason] > 0].to_dict() == by_month.to_dict()
    assert counts["restated"].sum() == counts["withdrawn"].sum() == 1
    assert counts["new"].sum() == len(changed) - (len(first.events) - 1)
    same = count_revisions(first.events, first.events, EVENTS)
    assert same.empty
    assert list(same.columns) == ["matured", "restated", "withdrawn", "new"]
