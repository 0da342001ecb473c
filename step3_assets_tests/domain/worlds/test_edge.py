"""The planted pattern: where it is good, that it is no line, and what a null world has."""

import numpy as np
import pytest

from step3_assets.domain.worlds import WorldConfig
from step3_assets.domain.worlds.edge import BARS_A_YEAR, drift_law
from step3_assets.domain.worlds.families import FAMILIES, good_region


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
    return float(drift_law(config).rate(*column, bar=np.array([0]))[0, 0])


def test_without_an_edge_drift_is_the_premium_alone():
    assert rate(WorldConfig(), 2.65) == rate(WorldConfig(), 4.5) > 0


def test_an_edge_acts_on_candidates_alone():
    planted, null = WorldConfig(edge_bps=10), WorldConfig()
    assert rate(planted, 2.65) > rate(null, 2.65)
    assert rate(planted, 4.5) < rate(null, 4.5)
    assert rate(planted, -1.0) == pytest.approx(rate(null, -1.0), abs=1e-6)


def test_no_drift_before_the_signals_are_known():
    unknown = [np.full((2, 1), np.nan)] * 5
    assert (drift_law(WorldConfig(edge_bps=10)).rate(*unknown, bar=np.array([0])) == 0).all()


def planted(family: str, trend: float, pullback: float = 0.5, years: float = 0.0) -> np.ndarray:
    """Drift beyond the premium, of both symbols."""
    column = [np.full((2, 1), value) for value in (0.003, 0.004, trend, pullback, -0.3)]
    bar = np.array([years * BARS_A_YEAR])
    worlds = (WorldConfig(edge_bps=edge, family=family) for edge in (10.0, 0.0))
    with_edge, without = (drift_law(world).rate(*column, bar=bar)[:, 0] for world in worlds)
    return with_edge - without


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_good_and_bad_hours_on_candidates_alone(family: str):
    drifts = [planted(family, t, p)[0] for t in (1.0, 2.65, 4.5) for p in (-1.5, 0.5, 2.5)]
    assert max(drifts) > 0 > min(drifts)
    assert planted(family, -1.0) == pytest.approx(np.zeros(2), abs=1e-6)


def test_one_symbol_only():
    assert planted("one_symbol", 2.65)[0] > 0
    assert planted("one_symbol", 2.65)[1] == 0


def test_an_interaction_has_no_main_effects():
    drifts = [planted("interaction", t, p)[0] for t in (1.7, 2.7) for p in (0.05, 1.05)]
    assert np.sign(drifts).tolist() == [1, -1, -1, 1]
    assert sum(drifts) == pytest.approx(0.0, abs=1e-3 * max(drifts))


def test_a_decaying_edge_halves_and_a_switching_one_stops():
    assert planted("decaying", 2.65, years=2.0) == pytest.approx(planted("decaying", 2.65) / 2)
    assert planted("switching", 2.65, years=0.5)[0] > 0
    assert planted("switching", 2.65, years=1.0)[0] == 0


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="is not one of region, monotone"):
        WorldConfig(family="luck")
