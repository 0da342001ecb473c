"""The funnel accounts for every candidate."""

from dataclasses import astuple

import pandas as pd
import pytest

from step3_assets.domain.report.funnel import gate_funnel


def frames(reasons: list[str], statuses: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    decided = pd.DataFrame({"is_gated": [r == "pass" for r in reasons], "gate_reason": reasons})
    decisions = pd.DataFrame({"series": "platform", "status": statuses})
    other = pd.DataFrame({"series": ["mock_baseline"] * 5, "status": ["traded"] * 5})
    return decided, pd.concat([decisions, other])


def test_stages_and_losses_in_order():
    decided, decisions = frames(
        ["tp_to_cost_below_phi", "ev_below_cost", "ev_below_cost", *["pass"] * 7],
        [
            "traded",
            "position_open",
            "traded",
            "not_final",
            "session_loss",
            "zero_size",
            "gross_cap",
        ],
    )
    steps = [astuple(s) for s in gate_funnel(decided, decisions, "platform")]
    assert steps == [
        ("Candidates", 10, False),
        ("expected value below k × cost", 2, True),
        ("target too near for its cost", 1, True),
        ("Passed the gate", 7, False),
        ("size too small to trade", 1, True),
        ("label not final", 1, True),
        ("Sized", 5, False),
        ("symbol already has a position", 1, True),
        ("Reached the risk rules", 4, False),
        ("stood aside for a session that lost too much", 1, True),
        ("gross exposure at its cap", 1, True),
        ("Traded", 2, False),
    ]


@pytest.mark.parametrize(
    ("reasons", "statuses"),
    [([], []), (["ev_below_cost"] * 3, []), (["pass"] * 3, ["traded"]), (["new"], [])],
    ids=["no candidates", "nothing gated", "decisions missing", "unknown reason"],
)
def test_every_candidate_is_somewhere(reasons, statuses):
    steps = gate_funnel(*frames(reasons, statuses), "platform")
    stages = [s.n_events for s in steps if not s.is_loss]
    losses = sum(s.n_events for s in steps if s.is_loss)
    assert stages[0] == len(reasons)
    assert stages[0] == losses + stages[-1]


def test_a_gated_event_without_a_decision_is_named():
    steps = gate_funnel(*frames(["pass"] * 3, ["traded"]), "platform")
    assert ("no decision on record", 2, True) in [astuple(s) for s in steps]
