"""Labels of hand-laid price paths.

Every bar opens at 100 unless said; the target lies at 102.02 and the stop at 99.005 (log
distances 0.02 and 0.01). A candidate at row 0 enters at row 1.
"""

from math import log

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.step2 import labels
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.labels import is_labelled, label_candidates

CALM, UP, DOWN, BOTH = (100.5, 99.5), (103.0, 99.5), (100.5, 98.0), (103.0, 98.0)


def _label(path, horizon=3, rows=(0,), opens=None, policy="worst", cost=0.001):
    bars = pd.DataFrame(path, columns=["high", "low"]).assign(open=opens or 100.0)
    priced = pd.DataFrame({"a_tp": 0.02, "b_sl": 0.01, "H": horizon, "cost_rt": cost}, index=rows)
    config = Step2Config.model_validate({"same_bar_policy": policy})
    return label_candidates(bars, np.array(rows, dtype=int), priced, config)


# path -> reason, exit row, delay, ambiguous, truncated
PATHS = {
    "target in the entry bar": ([CALM, UP, CALM, CALM, CALM, CALM], "tp", 2, 1, 0, 0),
    "stop in the entry bar": ([CALM, DOWN, CALM, CALM, CALM, CALM], "sl", 2, 1, 0, 0),
    "target before stop": ([CALM, CALM, UP, DOWN, CALM, CALM], "tp", 3, 2, 0, 0),
    "stop before target": ([CALM, CALM, DOWN, UP, CALM, CALM], "sl", 3, 2, 0, 0),
    "both in one bar": ([CALM, CALM, BOTH, CALM, CALM, CALM], "sl", 3, 2, 1, 0),
    "both, after the stop": ([CALM, DOWN, BOTH, CALM, CALM, CALM], "sl", 2, 1, 0, 0),
    "touch H bars after the entry": ([CALM, CALM, CALM, CALM, UP, CALM], "tp", 5, 4, 0, 0),
    "no touch": ([CALM] * 6, "horizon", 5, 3, 0, 0),
    "touch after the horizon": ([CALM, CALM, CALM, CALM, CALM, UP, CALM], "horizon", 5, 3, 0, 0),
    "touch in the decision bar": ([BOTH, CALM, CALM, CALM, CALM, CALM], "horizon", 5, 3, 0, 0),
    "horizon cut, no touch": ([CALM] * 5, "horizon", 4, 3, 0, 1),
    "horizon cut to one bar": ([CALM] * 3, "horizon", 2, 1, 0, 1),
    "horizon cut, touched before": ([CALM, UP, CALM, CALM], "tp", 2, 1, 0, 1),
    "touch in the last bar is not seen": ([CALM, CALM, CALM, UP], "horizon", 3, 2, 0, 1),
}


@pytest.mark.parametrize(
    ("path", "reason", "end", "delay", "ambiguous", "truncated"), PATHS.values(), ids=PATHS.keys()
)
def test_first_touch(path, reason, end, delay, ambiguous, truncated):
    got = _label(path).iloc[0]
    assert got["exit_reason"] == reason
    assert got["label_end_idx"] == end
    assert got["touch_delay_bars"] == delay
    assert got["same_bar_ambiguous"] == ambiguous
    assert got["truncated_horizon"] == truncated


@pytest.mark.parametrize(
    ("bar", "reason"),
    [
        ((100 * np.exp(0.02), 99.5), "tp"),
        ((np.nextafter(100 * np.exp(0.02), 0), 99.5), "horizon"),
        ((100.5, 100 * np.exp(-0.01)), "sl"),
        ((100.5, np.nextafter(100 * np.exp(-0.01), 200)), "horizon"),
    ],
    ids=["target", "just below it", "stop", "just above it"],
)
def test_a_barrier_is_reached_by_touching_it(bar, reason):
    assert _label([CALM, bar, CALM, CALM, CALM, CALM])["exit_reason"][0] == reason


def test_returns_are_from_open_to_open_less_the_cost():
    got = _label([CALM, UP, CALM, CALM, CALM, CALM], opens=[99, 100, 104, 1, 1, 1]).iloc[0]
    assert got["entry_open"] == 100
    assert got["exit_open"] == 104
    assert got["gross_logret"] == pytest.approx(log(1.04), rel=1e-12)
    assert got["net_logret"] == pytest.approx(log(1.04) - 0.001, rel=1e-12)
    assert got["y"] == 1


@pytest.mark.parametrize(("cost", "y"), [(0.0, 0), (-1e-6, 1), (1e-6, 0)])
def test_y_is_a_net_return_above_zero(cost, y):
    assert _label([CALM] * 6, cost=cost)["y"][0] == y


def test_under_the_policy_best_a_bar_with_both_is_the_target():
    got = _label([CALM, CALM, BOTH, CALM, CALM, CALM], policy="best").iloc[0]
    assert (got["exit_reason"], got["same_bar_ambiguous"], got["label_end_idx"]) == ("tp", 1, 3)


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_chunks_do_not_change_a_label(chunk, monkeypatch):
    monkeypatch.setattr(labels, "_CHUNK", chunk)
    got = _label([CALM, UP, CALM, DOWN, CALM, CALM, CALM, CALM], rows=(0, 1, 2, 3))
    assert got["exit_reason"].tolist() == ["tp", "sl", "sl", "horizon"]
    assert got["label_end_idx"].tolist() == [2, 4, 4, 7]
    assert got["truncated_horizon"].tolist() == [0, 0, 0, 1]


def test_a_candidate_needs_an_entry_bar_and_a_bar_after_it():
    assert is_labelled(np.array([0, 1, 2, 3]), 4).tolist() == [True, True, False, False]


def test_no_candidates_no_labels():
    assert len(_label([CALM] * 4, rows=())) == 0
