"""The small deliveries themselves: labels by another way, and more months repeat the earlier."""

import math

import pandas as pd
import pytest

from step3_assets_tests.deliveries import SymbolFrames, small_frames


@pytest.fixture(scope="module")
def short() -> SymbolFrames:
    return small_frames(n_months=2, has_pending=True, drop_last_bars=3)["AAA"]


def label_of(event: pd.Series, bars: pd.DataFrame) -> dict:
    """The label of one event, bar by bar."""
    last, entry_row = len(bars) - 1, event["t_idx"] + 1
    entry = bars["open"][entry_row]
    final_row = min(entry_row + event["H"], last - 1)
    end, reason, held = final_row + 1, "horizon", min(final_row - entry_row + 1, event["H"])
    is_both = False
    for row in range(entry_row, final_row + 1):
        is_up = bars["high"][row] >= entry * math.exp(event["a_tp"])
        is_down = bars["low"][row] <= entry * math.exp(-event["b_sl"])
        if is_up or is_down:
            end, reason, held = row + 1, "sl" if is_down else "tp", row - entry_row + 1
            is_both = is_up and is_down
            break
    return {
        "label_end_idx": end,
        "exit_reason": reason,
        "touch_delay_bars": held,
        "same_bar_ambiguous": int(is_both),
        "truncated_horizon": int(entry_row + event["H"] > last - 1),
        "entry_open": entry,
        "exit_open": bars["open"][end],
    }


def test_labels_follow_from_the_bars(short):
    events, bars = short.events, short.bars
    settled = events[events["y"].notna()]
    assert len(settled) > 40
    assert set(settled["exit_reason"]) == {"tp", "sl", "horizon"}
    assert settled["entry_overnight"].nunique() == settled["truncated_horizon"].nunique() == 2
    for _, event in settled.iterrows():
        expected = label_of(event, bars)
        assert {name: event[name] for name in expected} == expected


def test_the_last_two_bars_are_pending(short):
    pending = short.events[short.events["y"].isna()]
    assert pending["t_idx"].tolist() == [len(short.bars) - 2, len(short.bars) - 1]
    assert (pd.to_datetime(pending["entry_time_utc"]) > short.bars["date"].iloc[-2]).all()


def test_more_months_repeat_the_earlier_ones(short):
    longer = small_frames(n_months=3)["AAA"]
    n_bars = len(short.bars)
    pd.testing.assert_frame_equal(longer.bars.iloc[: n_bars - 1], short.bars.iloc[:-1])
    final = short.events[short.events["truncated_horizon"].eq(0).fillna(False)]
    again = longer.events[longer.events["t_idx"].isin(final["t_idx"])]
    pd.testing.assert_frame_equal(
        again.reset_index(drop=True), final.reset_index(drop=True), check_dtype=False
    )


def test_a_seed_is_a_world():
    one, same, other = (small_frames(n_months=1, seed=s)["AAA"].bars for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["close"].equals(other["close"])
