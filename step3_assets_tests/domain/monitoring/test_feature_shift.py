"""The stability index: by hand, with a planted shift, and on persistent signals."""

from datetime import date
from math import log

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import DriftConfig
from step3_assets.domain.core.months import month_range
from step3_assets.domain.monitoring.feature_shift import (
    FeatureShift,
    bin_edges,
    feature_shifts,
    place,
    psi,
    usual_psi,
)

MONTHS = month_range(date(2016, 1, 1), date(2019, 3, 1))
PER_MONTH, N_TRAINING = 60, 36
DRIFT = DriftConfig(psi_bins=10, min_feature_rows=100, warn_rate=0.01, error_rate=0.001)


def history(seed: int, persistence: float = 0.9, n_features: int = 6) -> pd.DataFrame:
    """39 months of features, each an AR(1) with unit deviation."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((PER_MONTH * len(MONTHS), n_features))
    values = np.empty_like(noise)
    values[0] = noise[0]
    for t in range(1, len(noise)):
        values[t] = persistence * values[t - 1] + np.sqrt(1 - persistence**2) * noise[t]
    frame = pd.DataFrame(values, columns=[f"signal_{i}" for i in range(n_features)])
    return frame.assign(month=np.repeat(np.array(MONTHS, dtype=object), PER_MONTH))


def shifts(frame: pd.DataFrame, features: list[str] | None = None) -> dict[str, FeatureShift]:
    cut = N_TRAINING * PER_MONTH
    names = features or [c for c in frame.columns if c != "month"]
    found = feature_shifts(frame.iloc[cut:], frame.iloc[:cut], names, DRIFT)
    return {shift.feature: shift for shift in found}


def test_the_index_by_hand():
    # Half a row in each bin: shares 10.5/52 and 41.5/52 against 25.5/51 twice.
    recent, reference = np.array([10, 41]), np.array([25, 25])
    p, q = (10.5 / 52, 41.5 / 52), (0.5, 0.5)
    expected = sum((a - b) * log(a / b) for a, b in zip(p, q, strict=True))
    assert psi(recent, reference) == pytest.approx(expected, rel=1e-12)
    assert psi(reference, reference) == 0.0


def test_a_bin_that_nobody_uses_adds_nothing():
    counts = np.array([10, 41]), np.array([25, 25])
    padded = [np.append(c, 0) for c in counts]
    assert psi(*padded) == psi(*counts)


def test_an_empty_bin_is_far_but_finite():
    assert 1.0 < psi(np.array([0, 100]), np.array([5000, 5000])) < 10.0


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([1.0, 0.0, 1.0, 0.0], [1.0]),
        ([3.0, 1.0, 2.0, np.nan], [2.0, 3.0]),
        (list(range(100)), [24.75, 49.5, 74.25]),
        ([0.0] * 90 + list(range(1, 11)), [0.0]),
        ([np.nan, np.nan], []),
    ],
)
def test_edges(values: list[float], edges: list[float]):
    assert bin_edges(np.array(values), 4).tolist() == edges


def test_missing_values_have_a_place_of_their_own():
    edges = np.array([0.0, 1.0])
    places = place(np.array([-5.0, 0.0, 0.5, 1.0, 9.0, np.nan]), edges)
    assert places.tolist() == [0, 1, 1, 2, 2, 3]


def test_usual_windows_are_held_against_the_rest_of_training():
    by_month = np.array([[30, 10], [20, 20], [10, 30], [1, 0]])
    found = usual_psi(by_month, width=1, min_rows=40)
    rest = by_month.sum(axis=0) - by_month
    assert found == pytest.approx([float(psi(by_month[i], rest[i])) for i in range(3)])


def test_a_planted_shift_is_found_and_no_other():
    frame = history(seed=3)
    late = frame["month"] >= MONTHS[N_TRAINING]
    frame.loc[late, "signal_2"] += 1.5
    loud = [s.feature for s in shifts(frame).values() if s.psi > max(0.25, s.warn_bound)]
    assert loud == ["signal_2"]


def test_bins_come_from_training_alone():
    frame = history(seed=3)
    late = frame["month"] >= MONTHS[N_TRAINING]
    before = shifts(frame)
    frame.loc[late, "signal_2"] = 1e9
    after = shifts(frame)
    assert after["signal_2"].usual == before["signal_2"].usual
    assert after["signal_2"].psi > 4.0
    assert after["signal_1"] == before["signal_1"]


def test_a_signal_that_goes_missing_is_found():
    frame = history(seed=3)
    frame.loc[frame["month"] >= MONTHS[N_TRAINING], "signal_0"] = np.nan
    assert shifts(frame)["signal_0"].psi > 4.0


def test_a_category_unknown_to_training_is_found():
    frame = history(seed=3, n_features=1).assign(family="trend_long")
    late = frame["month"] >= MONTHS[N_TRAINING]
    assert shifts(frame, ["family"])["family"].psi == 0.0
    frame.loc[late, "family"] = "something_new"
    assert shifts(frame, ["family"])["family"].psi > 4.0


@pytest.mark.parametrize("persistence", [0.0, 0.9, 0.98])
def test_signals_that_only_run_on_stay_quiet(persistence: float):
    """Set to one in a hundred for all six features: 3 of 40 are seen once in a hundred times."""
    months_with_a_warning = 0
    for seed in range(40):
        found = shifts(history(seed, persistence))
        months_with_a_warning += any(s.psi > max(0.25, s.warn_bound) for s in found.values())
    assert months_with_a_warning <= 2


def test_too_short_a_training_has_no_bound():
    frame = history(seed=1)
    found = feature_shifts(frame.iloc[-180:], frame.iloc[:300], ["signal_0"], DRIFT)
    assert np.isnan([found[0].usual, found[0].warn_bound, found[0].error_bound]).all()
    assert found[0].psi > 0.0
