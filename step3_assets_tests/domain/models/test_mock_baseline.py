import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.decisions import MOCK_BASELINE
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import month_start
from step3_assets.domain.models import mock_baseline
from step3_assets.domain.models.mock_baseline import (
    CUT_LEVELS,
    MIN_PASS_FRAC,
    Cuts,
    mock_baseline_fold,
    tune_cuts,
)
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


def test_a_cut_is_a_quantile_and_what_reaches_it_passes():
    """Every candidate is tried in a loop of its own; the decisions use the best one as it is."""
    rng = np.random.default_rng(4)
    p, ev = rng.random(400), rng.standard_normal(400)
    net = 0.01 * (p + 0.2 * ev - 0.6) + 0.02 * rng.standard_normal(400)
    totals = {}
    for p_cut in np.quantile(p, CUT_LEVELS):
        for ev_cut in np.quantile(ev, CUT_LEVELS):
            rows = [i for i in range(400) if p[i] >= p_cut and ev[i] >= ev_cut]
            if len(rows) >= MIN_PASS_FRAC * 400:
                totals[float(p_cut), float(ev_cut)] = sum(net[i] for i in rows)
    cuts = tune_cuts(p, ev, net)
    assert (cuts.p, cuts.ev) == max(totals, key=lambda pair: totals[pair])


@pytest.mark.parametrize(("column", "reason"), [("p", "p_below_cut"), ("ev", "ev_below_cut")])
def test_a_row_at_its_cut_passes_and_one_just_below_does_not(monkeypatch, column, reason):
    got = run(STRAIGHT)
    middle = got[f"{column}_linear"].sort_values().iloc[len(got) // 2]
    cuts = {"p": -1.0, "ev": -1.0, column: float(middle)}
    for cut, is_gated in ((cuts[column], True), (float(np.nextafter(middle, 9.0)), False)):
        chosen = Cuts(**{**cuts, column: cut})
        monkeypatch.setattr(mock_baseline, "tune_cuts", lambda p, ev, net, chosen=chosen: chosen)
        row = run(STRAIGHT).loc[got[f"{column}_linear"] == middle].iloc[0]
        assert row["is_gated"] == is_gated
        assert row["gate_reason"] == ("pass" if is_gated else reason)


def test_cuts_are_tuned_on_rows_that_did_not_train(monkeypatch):
    """The outcomes that reach the tuning are those of the inner blocks, each once."""
    asked = []
    monkeypatch.setattr(
        mock_baseline, "tune_cuts", lambda p, ev, net: asked.append(net) or Cuts(0.0, 0.0)
    )
    fold = make_fold(STRAIGHT, BARS)
    mock_baseline_fold(STRAIGHT, fold, QUICK, 0.5)
    blocks = fold.members[fold.members["role"] == "calibration"]
    rows = blocks.merge(STRAIGHT, on=["symbol", "decision_time_utc"])
    np.testing.assert_allclose(np.sort(asked[0]), np.sort(rows["net_logret"]))


def test_cuts_must_let_enough_through():
    p = np.linspace(0, 1, 100, endpoint=False)
    net = np.where(p >= 0.98, 0.01, -0.01)  # only 2 % pay, and a cut must pass 5 %
    assert not tune_cuts(p, np.zeros(100), net).is_open
