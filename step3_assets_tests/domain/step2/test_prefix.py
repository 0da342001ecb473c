"""The prefix rule: what is known at T does not change when later bars arrive."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.domain.step2 import features as features_module
from step3_assets.domain.step2.bars import bar_ends, check_bars
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.layout import OUTCOMES
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

BARS = {"SPY": random_bars(5), "QQQ": random_bars(6)}
# A partner that misses bars here and there, but never the end of a session.
BARS["QQQ"] = BARS["QQQ"][
    (BARS["QQQ"].index % 17 != 3) | (BARS["QQQ"]["ny_time"].dt.hour == 15)
].reset_index(drop=True)
FULL = build_delivery(BARS, SHORT, emit_pending=True)
ENDS = bar_ends(check_bars(BARS["SPY"], "SPY"))
LOOK_AHEAD = ["gap_ret_realized"]


def _assert_prefix_holds(as_of, full=FULL):
    then = build_delivery(BARS, SHORT, as_of=as_of, emit_pending=True)
    for symbol, bars in then.bar_features.items():
        n_bars = len(bars)
        later = full.bar_features[symbol].iloc[:n_bars]
        pd.testing.assert_frame_equal(
            bars.drop(columns=LOOK_AHEAD), later.drop(columns=LOOK_AHEAD), check_exact=True
        )
        # The column that looks ahead is unchanged wherever the next open is known.
        gaps, later_gaps = bars[LOOK_AHEAD].iloc[:-1], later[LOOK_AHEAD].iloc[:-1]
        pd.testing.assert_frame_equal(gaps, later_gaps, check_exact=True)

        events = then.events[symbol]
        known = [name for name in events if name not in (*OUTCOMES, "entry_time_utc")]
        rows = full.events[symbol]["t_idx"] < n_bars
        after = full.events[symbol][rows].reset_index(drop=True)
        pd.testing.assert_frame_equal(events[known], after[known], check_exact=True)
        # The entry after the last bar is the calendar's next bar, unless that bar goes missing.
        entry, later_entry = events["entry_time_utc"], after["entry_time_utc"]
        is_there = entry.isin(full.bar_features[symbol]["date"].astype(str)).to_numpy()
        assert (entry == later_entry)[is_there].all()
        assert is_there[events["t_idx"] < n_bars - 1].all()
        is_final = (events["truncated_horizon"] == 0).fillna(False).to_numpy(dtype=bool)
        pd.testing.assert_frame_equal(
            events.loc[is_final, list(OUTCOMES)],
            after.loc[is_final, list(OUTCOMES)],
            check_exact=True,
            check_dtype=False,
        )
        # Whatever the full history calls final by then is final then, and nothing else is.
        entry_plus_horizon = after["t_idx"] + 1 + after["H"]
        np.testing.assert_array_equal(is_final, entry_plus_horizon <= n_bars - 2)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(bar=st.integers(0, len(ENDS) - 1), seconds=st.sampled_from([-1, 0, 1, 1799, 3599]))
def test_what_is_known_at_any_time_stands(bar, seconds):
    as_of = ENDS[bar] + pd.Timedelta(seconds=seconds)
    if as_of >= ENDS[0]:
        _assert_prefix_holds(as_of)


def test_a_planted_look_ahead_is_caught(monkeypatch):
    """A trend score that peeks at the next close breaks the rule, and the check says so."""
    honest = features_module.compute_bar_features

    def peeking(bars, config, **options):
        features = honest(bars, config, **options)
        features["vol_z"] = features["close"].shift(-1)
        return features

    monkeypatch.setattr("step3_assets.domain.step2.build.compute_bar_features", peeking)
    full = build_delivery(BARS, SHORT, emit_pending=True)
    with pytest.raises(AssertionError, match="vol_z"):
        _assert_prefix_holds(ENDS[60], full)


def test_pending_rows_are_the_only_ones_a_plain_build_leaves_out():
    as_of = ENDS[100]
    plain = build_delivery(BARS, SHORT, as_of=as_of)
    with_pending = build_delivery(BARS, SHORT, as_of=as_of, emit_pending=True)
    for symbol, events in with_pending.events.items():
        kept = events[events["exit_reason"].notna()]
        pd.testing.assert_frame_equal(plain.events[symbol], kept, check_dtype=False)
        pd.testing.assert_frame_equal(
            plain.bar_features[symbol], with_pending.bar_features[symbol], check_exact=True
        )
