"""Which bars are candidates, and what is known of them: literal cases."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.step2.events import find_candidates, price_candidates
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import SIGNALS

NAN = float("nan")


def _signals(**columns):
    n_rows = max(len(values) for values in columns.values())
    frame = pd.DataFrame({name: [1.0] * n_rows for name in SIGNALS})
    frame["entry_overnight"] = False
    frame["vol_spike"] = False
    return frame.assign(**columns)


@pytest.mark.parametrize(
    ("score", "pullback", "family"),
    [
        (0.61, 0.0, "trend"),
        (0.61, -2.0, "trend"),
        (0.60, 0.0, None),
        (0.60, -1.01, "pullback"),
        (0.26, -1.01, "pullback"),
        (0.26, -1.00, None),
        (0.25, -1.01, None),
        (-0.5, -3.0, None),
        (NAN, -3.0, None),
        (0.61, NAN, None),
    ],
)
def test_family_of_a_bar(score, pullback, family):
    rows, is_trend = find_candidates(
        _signals(trend_score=[score], pullback_z=[pullback]), Step2Config()
    )
    assert rows.tolist() == ([] if family is None else [0])
    assert is_trend.tolist() == ([] if family is None else [family == "trend"])


@pytest.mark.parametrize("core", ["trend_score", "pullback_z", "sigma", "u_atr"])
def test_a_row_without_a_core_signal_is_dropped(core):
    rows, _ = find_candidates(_signals(**{core: [1.0, NAN, 1.0]}), Step2Config())
    assert rows.tolist() == [0, 2]


@pytest.mark.parametrize(("is_core_only", "kept"), [(True, [0, 1]), (False, [1])])
def test_other_signals_matter_only_when_asked(is_core_only, kept):
    config = Step2Config(dropna_core_only=is_core_only)
    rows, _ = find_candidates(_signals(vol_z=[NAN, 1.0]), config)
    assert rows.tolist() == kept


@pytest.mark.parametrize(
    ("spacing", "kept"), [(1, [0, 1, 2, 4, 5]), (2, [0, 2, 4]), (3, [0, 4]), (9, [0])]
)
def test_spacing_counts_from_the_last_candidate_kept(spacing, kept):
    scores = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    rows, _ = find_candidates(
        _signals(trend_score=scores), Step2Config(min_event_spacing_bars=spacing)
    )
    assert rows.tolist() == kept


@pytest.mark.parametrize(
    ("symbol", "is_spike", "is_overnight", "slip_bps", "cost_bps"),
    [
        ("SPY", False, False, 1.3, 5.2),  # 0.8 + 0.05 * 10; 2 * (0.8 + 1.3) + 1
        ("QQQ", False, False, 1.3, 6.0),
        ("IWM", False, False, 1.3, 6.6),  # the default half spread, 1.5
        ("SPY", True, False, 3.3, 9.2),
        ("SPY", False, True, 2.8, 8.2),
        ("SPY", True, True, 4.8, 12.2),
    ],
)
def test_cost_of_a_round_trip(symbol, is_spike, is_overnight, slip_bps, cost_bps):
    features = _signals(sigma=[0.001], u_atr=[0.01]).assign(
        vol_spike=is_spike, entry_overnight=is_overnight
    )
    priced = price_candidates(features, np.array([0]), symbol, Step2Config()).iloc[0]
    assert priced["slip_half"] == pytest.approx(slip_bps / 1e4, rel=1e-12)
    assert priced["cost_rt"] == pytest.approx(cost_bps / 1e4, rel=1e-12)
    a_tp = 0.022 if is_overnight else 0.020
    assert priced["tp_to_cost"] == pytest.approx(a_tp / (cost_bps / 1e4), rel=1e-12)


@pytest.mark.parametrize(
    ("is_overnight", "a_tp", "b_sl", "horizon"),
    [(False, 0.020, 0.015, 12), (True, 0.022, 0.016, 10)],
)
def test_barriers_and_horizon_depend_on_the_night(is_overnight, a_tp, b_sl, horizon):
    features = _signals(u_atr=[0.01]).assign(entry_overnight=is_overnight)
    priced = price_candidates(features, np.array([0]), "SPY", Step2Config()).iloc[0]
    assert priced["a_tp"] == pytest.approx(a_tp, rel=1e-12)
    assert priced["b_sl"] == pytest.approx(b_sl, rel=1e-12)
    assert priced["H"] == horizon
    assert priced["entry_overnight"] == int(is_overnight)
