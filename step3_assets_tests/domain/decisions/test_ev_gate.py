import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.decisions import GATE_REASONS
from step3_assets.config import GateConfig
from step3_assets.domain.decisions.ev_gate import pass_gate

CONFIG = GateConfig(k=0.5, phi=3.0, overnight_multiplier=2.0, q10_floor=-0.02)


def reason(ev=0.002, q10=-0.01, config=CONFIG, **changes) -> str:
    event = {"cost_rt": 0.001, "tp_to_cost": 9.0, "entry_overnight": 0} | changes
    got = pass_gate(pd.DataFrame([event]), np.array([ev]), np.array([q10]), config)
    assert got["is_gated"].item() is (got["gate_reason"].item() == "pass")
    return got["gate_reason"].item()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "pass"),
        ({"ev": np.nan}, "no_model"),
        ({"tp_to_cost": 2.99}, "tp_to_cost_below_phi"),
        ({"tp_to_cost": 3.0}, "pass"),
        ({"tp_to_cost": np.nan}, "tp_to_cost_below_phi"),
        ({"ev": 0.0005}, "ev_below_cost"),  # equal is not above
        ({"ev": 0.000501}, "pass"),
        ({"ev": 0.0005, "entry_overnight": 1}, "ev_below_cost"),
        ({"ev": 0.0010, "entry_overnight": 1}, "overnight_ev_below_cost"),
        ({"ev": 0.001001, "entry_overnight": 1}, "pass"),
        ({"ev": 0.002, "cost_rt": np.nan}, "ev_below_cost"),
        ({"q10": -0.021}, "q10_below_floor"),
        ({"q10": np.nan}, "q10_below_floor"),
    ],
)
def test_reasons(changes, expected):
    assert reason(**changes) == expected
    assert expected in GATE_REASONS


def test_tail_floor_may_be_off():
    assert reason(q10=np.nan, config=CONFIG.model_copy(update={"q10_floor": None})) == "pass"


def test_zero_expected_value_never_passes_even_at_k_zero():
    assert reason(ev=0.0, config=CONFIG.model_copy(update={"k": 0.0})) == "ev_below_cost"


def test_threshold_stands_beside_the_decision():
    events = pd.DataFrame({"cost_rt": [0.001, 0.001], "tp_to_cost": 9.0, "entry_overnight": [0, 1]})
    got = pass_gate(events, np.array([0.0, np.nan]), np.zeros(2), CONFIG)
    assert got["ev_threshold"].tolist()[0] == 0.0005
    assert np.isnan(got["ev_threshold"].tolist()[1])
