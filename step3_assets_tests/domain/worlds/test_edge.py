"""The planted pattern: where it is good, that it is no line, and what a null world has."""

import numpy as np
import pytest

from step3_assets.domain.worlds import WorldConfig
from step3_assets.domain.worlds.edge import drift_law, good_region


@pytest.mark.parametrize(
    ("trend", "pullback", "volume", "is_good"),
    [
        (2.65, 0.5, -0.3, True),
        (0.7, 0.5, -0.3, False),  # a young trend
        (4.3, 0.5, -0.3, False),  # an overstretched one
        (2.65, 4.5, -0.3, False),  # far from its usual distance
    ],
)
def test_good_region(trend: float, pullback: float, volume: float, is_good: bool):
    membership = good_region(*(np.array([x]) for x in (trend, pullback, volume)))[0]
    assert membership > 0.9 if is_good else membership < 0.25


def test_volume_moves_the_region():
    quiet, busy = good_region(np.full(2, 3.85), np.full(2, 0.55), np.array([-3.0, 3.0]))
    assert busy > quiet + 0.1


def rate(config: WorldConfig, trend: float) -> float:
    column = [np.full((2, 1), value) for value in (0.003, 0.004, trend, 0.5, -0.3)]
    return float(drift_law(config).rate(*column)[0, 0])


def test_without_an_edge_drift_is_the_premium_alone():
    assert rate(WorldConfig(), 2.65) == rate(WorldConfig(), 4.5) > 0


def test_an_edge_acts_on_candidates_alone():
    planted, null = WorldConfig(edge_bps=10), WorldConfig()
    assert rate(planted, 2.65) > rate(null, 2.65)
    assert rate(planted, 4.5) < rate(null, 4.5)
    assert rate(planted, -1.0) == pytest.approx(rate(null, -1.0), abs=1e-6)


def test_no_drift_before_the_signals_are_known():
    unknown = [np.full((2, 1), np.nan)] * 5
    assert (drift_law(WorldConfig(edge_bps=10)).rate(*unknown) == 0).all()
