import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.models import payoff
from step3_assets.domain.models.payoff import BARRIER, fit_payoff, structural_ev
from step3_assets.domain.models.text_format import ModelIntegrityError

EVENTS = pd.DataFrame(
    {
        "gross_logret": [0.010, 0.020, -0.008, -0.012],
        "y": [1, 1, 0, 0],
        "a_tp": [0.020, 0.020, 0.020, 0.020],
        "b_sl": [0.010, 0.010, 0.010, 0.010],
        "cost_rt": [0.001] * 4,
        "entry_overnight": [0, 0, 0, 0],
    }
)


def test_ratios_by_hand():
    got = fit_payoff(EVENTS, np.array([1.0, 1.0, 1.0, 3.0]))
    # gain: (0.010 + 0.020) / 0.040; loss: (0.008 + 3 * 0.012) / (4 * 0.010); overnight is pooled.
    assert got["gain"] == pytest.approx([0.75, 0.75])
    assert got["loss"] == pytest.approx([1.1, 1.1])


def test_overnight_ratio_leans_on_all_rows(monkeypatch):
    monkeypatch.setattr(payoff, "PRIOR_ROWS", 2.0)
    events = EVENTS.assign(entry_overnight=[0, 1, 0, 0])
    got = fit_payoff(events, np.ones(4))
    # Overnight: (0.020 + 2 * 0.020 * 0.75) / (0.020 + 2 * 0.020).
    assert got["gain"][1] == pytest.approx(0.05 / 0.06)


def test_no_winner_means_the_barrier():
    losers = EVENTS.assign(y=0)
    assert fit_payoff(losers, np.ones(4))["gain"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (BARRIER, 0.5 * 0.020 - 0.5 * 0.010 - 0.001),
        ({"gain": [0.75, 1.0], "loss": [1.1, 1.0]}, 0.5 * 0.015 - 0.5 * 0.011 - 0.001),
    ],
)
def test_structural_expected_value_by_hand(numbers, expected):
    assert structural_ev(numbers, np.array([0.5]), EVENTS.head(1)) == pytest.approx([expected])


def test_overnight_rows_take_the_overnight_ratio():
    numbers = {"gain": [0.0, 1.0], "loss": [0.0, 0.0]}
    events = EVENTS.head(2).assign(entry_overnight=[0, 1])
    assert structural_ev(numbers, np.ones(2), events) == pytest.approx([-0.001, 0.019])


def test_payoff_of_another_form_is_refused():
    with pytest.raises(ModelIntegrityError, match="payoff without gain and loss"):
        structural_ev({"kind": "payoff"}, np.ones(4), EVENTS)
