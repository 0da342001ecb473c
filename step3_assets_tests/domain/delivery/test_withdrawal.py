"""A delivery that no longer holds what is stored is refused, whatever it takes back."""

from pathlib import Path

import pandas as pd
import pytest

from step3_assets.domain.delivery import Delivery, read_delivery
from step3_assets.domain.delivery.withdrawal import StoredRows, find_withdrawals
from step3_assets_tests.deliveries import write_small_delivery


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    folder = tmp_path_factory.mktemp("whole")
    return read_delivery(write_small_delivery(folder, n_months=3, events_per_month=10))


def stored(delivery: Delivery) -> StoredRows:
    return StoredRows(bar_features=delivery.bars, events=delivery.events)


def without(delivery: Delivery, bars: pd.Series, events: pd.Series) -> Delivery:
    changed = {
        **delivery.__dict__,
        "bars": delivery.bars[~bars],
        "events": delivery.events[~events],
    }
    return Delivery(**{**changed, "symbols": tuple(sorted(set(changed["bars"]["symbol"])))})


def test_the_same_and_a_longer_delivery_take_nothing_back(whole: Delivery, tmp_path: Path):
    longer = read_delivery(write_small_delivery(tmp_path, n_months=4, events_per_month=10))
    assert find_withdrawals(whole, stored(whole)) == []
    assert find_withdrawals(longer, stored(whole)) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (lambda f, stamp: f["symbol"] == "BBB", ["bbb", "bars of BBB are stored"]),
        (
            lambda f, stamp: (f["symbol"] == "AAA") & (stamp.dt.month == 2),
            ["aaa", "holds no bars of 2019-02", "holds no events of 2019-02"],
        ),
        (lambda f, stamp: stamp.dt.month == 3, ["holds no bars of 2019-03"]),
        (lambda f, stamp: stamp.dt.month == 1, ["holds no bars of 2019-01"]),
        (
            lambda f, stamp: (f["symbol"] == "AAA") & (stamp > "2019-03-25"),
            ["aaa", "before the last bar stored"],
        ),
    ],
    ids=["symbol", "month of a symbol", "last month", "first month", "last bars"],
)
def test_what_is_taken_back_is_named(whole: Delivery, rows, words: list[str]):
    cut = without(
        whole,
        rows(whole.bars, whole.bars["date"]),
        rows(whole.events, whole.events["decision_time_utc"]),
    )
    text = "; ".join(map(str, find_withdrawals(cut, stored(whole))))
    for word in [*words, "--accept-withdrawal"]:
        assert word in text, text
