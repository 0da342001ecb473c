"""Moves at entry against the modelled half cost."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import StatisticsConfig
from step3_assets.domain.monitoring.costs import entry_moves, mean_with_floors

AT = pd.Timestamp("2023-05-02 14:30", tz="UTC")


def events(**changes) -> pd.DataFrame:
    row = {
        "symbol": "AAA",
        "decision_time_utc": AT,
        "entry_open": 100.1,
        "entry_overnight": 0,
        "spread_half": 1e-4,
        "slip_half": 3e-4,
    }
    return pd.DataFrame([row | changes])


BARS = pd.DataFrame({"symbol": ["AAA", "BBB"], "date": [AT, AT], "close": [100.0, 50.0]})


def test_a_move_by_hand():
    row = entry_moves(events(), BARS).iloc[0]
    assert row["move_bps"] == pytest.approx(np.log(1.001) * 1e4)
    assert row["half_cost_bps"] == pytest.approx(4.0)
    assert row["jump_ratio"] == pytest.approx(np.log(1.001) * 1e4 / 4.0)


@pytest.mark.parametrize("change", [{"entry_overnight": 1}, {"entry_open": np.nan}])
def test_only_intraday_entries_count(change: dict):
    assert entry_moves(events(**change), BARS).empty


def test_floors_lie_below_the_mean_and_fall_with_the_alarm_rate():
    rng = np.random.default_rng(0)
    days = pd.Timedelta(days=1) * np.repeat(np.arange(60), 5)
    rows = pd.DataFrame({"decision_time_utc": AT + days, "move_bps": rng.normal(3.0, 2.0, 300)})
    found = mean_with_floors(rows, "move_bps", StatisticsConfig(level=0.9), (0.01, 0.001))
    assert found.floors[1] < found.floors[0] == found.lower < found.value < found.upper
