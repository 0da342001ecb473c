"""Changed months and what rests on them."""

from datetime import date
from pathlib import Path

import pandas as pd

from step3_assets.catalogue.delivery import EVENTS
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.delivery.changes import (
    MonthChanges,
    delivered_hashes,
    dependent_test_months,
    months_that_differ,
    ranges_of,
    stored_hashes,
)
from step3_assets_tests.deliveries import write_small_delivery

JAN, FEB, MAR, APR, MAY = (date(2021, month, 1) for month in range(1, 6))


def test_an_event_month_reaches_itself_and_the_look_back_after():
    changes = MonthChanges(events=(FEB,))
    assert dependent_test_months(changes, 2, JAN, date(2021, 12, 1)) == [FEB, MAR, APR]


def test_a_bar_month_reaches_the_month_before_too():
    changes = MonthChanges(bars=(MAR,))
    assert dependent_test_months(changes, 1, JAN, MAY) == [FEB, MAR, APR]


def test_only_walk_forward_months_that_the_delivery_has():
    changes = MonthChanges(events=(date(2018, 1, 1), MAY), bars=(MAY,))
    assert dependent_test_months(changes, 36, JAN, MAY) == [JAN, APR, MAY]
    assert dependent_test_months(MonthChanges(), 36, JAN, MAY) == []


def test_unbroken_runs_of_months():
    december = date(2020, 12, 1)
    assert ranges_of([MAR, JAN, december, MAY]) == [(december, JAN), (MAR, MAR), (MAY, MAY)]
    assert ranges_of([]) == []


def test_what_differs_from_the_manifest(tmp_path: Path):
    folder = write_small_delivery(tmp_path, start=JAN, n_months=3, events_per_month=3)
    delivery = read_delivery(folder)
    delivered = delivered_hashes(delivery)
    assert list(delivered["events"]) == [JAN, FEB, MAR]
    february = delivery.events[delivery.events["month"] == FEB]
    positions = ("t_idx", "label_end_idx")
    assert delivered["events"][FEB] == frame_hash(february, EVENTS, exclude=positions)
    rows = [
        {"month": m, "table_name": t, "content_hash": h}
        for t, months in delivered.items()
        for m, h in months.items()
    ]
    stored = pd.DataFrame(rows)
    assert months_that_differ(delivered, stored_hashes(stored)) == MonthChanges()
    stored.loc[0, "content_hash"] = "other"  # events of January
    less = stored[~((stored["month"] == MAR) & (stored["table_name"] == "bar_features"))]
    changes = months_that_differ(delivered, stored_hashes(less))
    assert changes == MonthChanges(events=(JAN,), bars=(MAR,))
    assert changes.months == [JAN, MAR]
