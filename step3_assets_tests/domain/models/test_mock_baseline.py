import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.decisions import MOCK_BASELINE
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import month_start
from step3_assets.domain.models.mock_baseline import mock_baseline_fold, tune_cuts
from step3_assets_tests.domain.models.training_frames import (
    MONTH,
    QUICK,
    make_fold,
    make_market,
    with_outcomes,
)

EVENTS, BARS = make_market(edge_bps=0.0)
STRAIGHT = with_outcomes(
    EVENTS.assign(gross_logret=EVENTS["gross_logret"] + 0.003 * EVENTS["trend_score"])
)


def run(events):
    return mock_baseline_fold(events, make_fold(events, BARS), QUICK, 0.5)


def test_straight_edge_is_found():
    got = run(STRAIGHT).set_index(["symbol", "decision_time_utc"])
    assert frame_hash(got.reset_index(), MOCK_BASELINE)
    test = STRAIGHT[STRAIGHT["month"] == MONTH].set_index(["symbol", "decision_time_utc"])
    passed = test.loc[got.index[got["is_gated"]], "trend_score"]
    assert passed.mean() > test["trend_score"].mean() + 0.5
    assert set(got["gate_reason"]) <= {"pass", "p_below_cut", "ev_below_cut"}
    assert set(got.loc[got["is_gated"], "size_frac"]) == {0.5}


def test_market_that_only_loses_is_left_alone():
    losing = with_outcomes(EVENTS.assign(gross_logret=EVENTS["gross_logret"] - 0.02))
    got = run(losing)
    assert set(got["gate_reason"]) == {"no_paying_cut"}
    assert got["p_threshold"].isna().all()
    assert got["p_linear"].notna().all()


def test_too_few_rows_decide_no_model():
    few = EVENTS[EVENTS["month"] >= pd.Timestamp("2017-12-01").date()]
    got = run(few)
    assert set(got["gate_reason"]) == {"no_model"}
    assert len(got) == (EVENTS["month"] == MONTH).sum()


def test_time_travel():
    changed = STRAIGHT.copy()
    late = changed["exit_time_utc"] >= month_start(MONTH)
    changed.loc[late, "gross_logret"] += 0.01
    pd.testing.assert_frame_equal(run(with_outcomes(changed)), run(STRAIGHT), check_exact=True)


def test_cuts_by_hand():
    p = np.linspace(0, 1, 100, endpoint=False)
    net = np.where(p >= 0.6, 0.01, -0.01)
    cuts = tune_cuts(p, np.zeros(100), net)
    assert cuts.p == pytest.approx(0.6, abs=0.011)
    assert cuts.ev == 0.0
    assert ((p >= cuts.p) & (net < 0)).sum() <= 1


def test_cuts_must_let_enough_through():
    p = np.linspace(0, 1, 100, endpoint=False)
    net = np.where(p >= 0.98, 0.01, -0.01)  # only 2 % pay, and a cut must pass 5 %
    assert not tune_cuts(p, np.zeros(100), net).is_open
