"""Dearer costs: decisions are taken again, never let through."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import GateConfig, SizingConfig
from step3_assets.domain.decisions.cost_stress import stress_events, stress_scores
from step3_assets.domain.decisions.decide import DecisionSettings
from step3_assets.domain.decisions.ev_gate import pass_gate
from step3_assets_tests.domain.execution.months_world import make_world

KEYS = pd.to_datetime([f"2020-03-{d:02d} 15:00" for d in range(2, 8)], utc=True).as_unit("us")
GATE = GateConfig(k=0.5, phi=3.0, overnight_multiplier=2.0)
SETTINGS = DecisionSettings(GATE)


def frames(**columns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six events at 10 bps; by default all pass with plenty to spare."""
    data = {
        "cost_rt": [0.001] * 6,
        "tp_to_cost": [8.0] * 6,
        "entry_overnight": [0] * 6,
        "ev_final": [0.01] * 6,
        "gate_reason": ["pass"] * 6,
        "q10": [-0.004] * 6,
    } | columns
    key = {"symbol": "AAA", "decision_time_utc": KEYS}
    names = ("cost_rt", "tp_to_cost", "entry_overnight")
    events = pd.DataFrame(key | {name: data[name] for name in names})
    is_night = np.array(data["entry_overnight"], dtype=bool)
    is_gated = np.array(data["gate_reason"]) == "pass"
    scores = pd.DataFrame(
        key
        | dict.fromkeys(("ev_final", "ev_struct", "ev_ml"), data["ev_final"])
        | dict.fromkeys(("q10", "q50", "q90"), data["q10"])
        | {
            "ev_threshold": np.where(is_night, 2.0, 1.0) * 0.5 * np.array(data["cost_rt"]),
            "gate_reason": data["gate_reason"],
            "is_gated": is_gated,
            "size_frac": np.where(is_gated, 0.8, 0.0),
        }
    )
    return scores, events


def test_expected_values_fall_by_the_extra_cost_and_the_threshold_rises():
    scores, events = frames(entry_overnight=[0, 1, 0, 0, 0, 0])
    out = stress_scores(scores, events, 1.25, SETTINGS)
    for name in ("ev_final", "ev_struct", "ev_ml"):
        np.testing.assert_allclose(out[name], 0.01 - 0.25 * 0.001, rtol=1e-15)
    np.testing.assert_allclose(out["q10"], -0.004 - 0.25 * 0.001, rtol=1e-15)
    np.testing.assert_allclose(out["ev_threshold"], [625e-6, 1250e-6] + [625e-6] * 4, rtol=1e-12)
    assert out["is_gated"].all()
    assert list(out["size_frac"]) == [0.8] * 6


@pytest.mark.parametrize(
    ("columns", "factor", "reason"),
    [
        # Needs more than 0.5 * 1.25 * 10 bps after losing 2.5: 8.75 bps are just not enough.
        ({"ev_final": [0.000875] * 6}, 1.25, "ev_below_cost"),
        ({"ev_final": [0.000876] * 6}, 1.25, "pass"),
        ({"ev_final": [0.0012] * 6, "entry_overnight": [1] * 6}, 1.25, "overnight_ev_below_cost"),
        ({"tp_to_cost": [3.7] * 6}, 1.25, "tp_to_cost_below_phi"),
        ({"tp_to_cost": [3.8] * 6}, 1.25, "pass"),
        ({"gate_reason": ["no_model"] * 6}, 1.25, "no_model"),
        ({"gate_reason": ["q10_below_floor"] * 6}, 1.25, "q10_below_floor"),
        ({}, 1.0, "pass"),
    ],
)
def test_decisions_are_taken_again(columns, factor, reason):
    scores, events = frames(**columns)
    out = stress_scores(scores, events, factor, SETTINGS)
    assert set(out["gate_reason"]) == {reason}
    assert set(out["is_gated"]) == {reason == "pass"}
    assert set(out["size_frac"]) == {0.8 if reason == "pass" else 0.0}


def test_the_tail_bound_is_stressed_too():
    scores, events = frames(q10=[-0.004] * 6)
    settings = DecisionSettings(GateConfig(k=0.5, q10_floor=-0.0042))
    assert set(stress_scores(scores, events, 1.0, settings)["gate_reason"]) == {"pass"}
    assert set(stress_scores(scores, events, 1.25, settings)["gate_reason"]) == {"q10_below_floor"}


def test_a_row_without_a_model_has_no_figures_and_stays_refused():
    scores, events = frames(gate_reason=["no_model"] + ["pass"] * 5)
    scores.loc[0, ["ev_final", "ev_threshold", "q10"]] = np.nan
    out = stress_scores(scores, events, 1.25, SETTINGS)
    assert out["gate_reason"].iloc[0] == "no_model"
    assert out["ev_threshold"].isna().tolist() == [True] + [False] * 5


def test_more_cost_never_lets_more_through():
    rng = np.random.default_rng(0)
    scores, events = frames(
        ev_final=list(rng.normal(0.0008, 0.0004, 6)),
        tp_to_cost=list(rng.uniform(2, 6, 6)),
        gate_reason=["pass", "pass", "ev_below_cost", "pass", "pass", "tp_to_cost_below_phi"],
    )
    before = scores["is_gated"].to_numpy()
    for factor in (1.0, 1.1, 1.25, 1.5, 3.0):
        after = stress_scores(scores, events, factor, SETTINGS)["is_gated"].to_numpy()
        assert (after <= before).all()
        before = after


def test_costs_may_not_be_stressed_downwards():
    with pytest.raises(ValueError, match=r"factor 0.9 is below 1"):
        stress_scores(*frames(), 0.9, SETTINGS)


def test_a_scored_row_without_an_event_is_refused():
    scores, events = frames()
    with pytest.raises(ValueError, match="2 scored row"):
        stress_scores(scores, events.iloc[:4], 1.25, SETTINGS)


def test_row_order_of_the_events_does_not_matter():
    scores, events = frames(cost_rt=list(np.linspace(0.0005, 0.002, 6)))
    mixed = events.sample(frac=1.0, random_state=2)
    pd.testing.assert_frame_equal(
        stress_scores(scores, events, 1.25, SETTINGS),
        stress_scores(scores, mixed, 1.25, SETTINGS),
    )


def test_stressed_events_cost_more_and_are_otherwise_the_same():
    _, events = frames()
    out = stress_events(events, 1.25)
    assert list(out["cost_rt"]) == [0.00125] * 6
    assert list(out["tp_to_cost"]) == [6.4] * 6
    changed = ["cost_rt", "tp_to_cost"]
    pd.testing.assert_frame_equal(out.drop(columns=changed), events.drop(columns=changed))


def test_a_factor_of_one_decides_as_the_gate_did():
    rng = np.random.default_rng(4)
    night = [0, 1, 0, 1, 0, 1]
    _, events = frames(entry_overnight=night, tp_to_cost=list(rng.uniform(2, 6, 6)))
    ev, q10 = rng.normal(0.0008, 0.0006, 6), rng.normal(-0.004, 0.001, 6)
    gate = GateConfig(k=0.5, phi=3.0, overnight_multiplier=2.0, q10_floor=-0.0045)
    made = pass_gate(events, ev, q10, gate)
    scores, _ = frames(entry_overnight=night)
    scores = scores.assign(ev_final=ev, q10=q10, **{str(c): made[c] for c in made})
    out = stress_scores(scores, events, 1.0, DecisionSettings(gate))
    pd.testing.assert_frame_equal(out[list(made)], made, check_dtype=False)


def test_sizes_are_decided_again_on_the_lower_expected_value():
    world = make_world(per_month=20, gated=1.0)
    events = world.events.assign(sigma=0.002)
    scores = world.scores.assign(q10=-0.01, q90=0.01, size_frac=0.5)
    config = SizingConfig(method="kelly", kelly_fraction=0.01)
    out = stress_scores(scores, events, 1.5, DecisionSettings(GateConfig(), config))
    sd = 0.02 / 2.5631031310892007
    # 20 bps less half of 8 bps more cost.
    assert out["size_frac"].to_numpy() == pytest.approx(0.01 * (0.002 - 0.0004) / sd**2)
    assert set(out["size_cap"]) == {"kelly"}
    assert set(stress_scores(scores, events, 1.5, DecisionSettings())["size_frac"]) == {0.5}
