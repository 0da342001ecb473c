"""Families of planted edges: where and when the good hours are.

Belongs here: one record per family. Does not belong here: the size of an edge and the premium
(:mod:`.edge`), prices, randomness.

Every pattern is a function of signals that the platform can see at a bar's end, so the oracle of
every family is exact. To add a family, append its record to :data:`FAMILIES`; the settings of a
world, ``step3 certify --families`` and its table follow from the list.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Pattern = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Strength = Callable[[np.ndarray], np.ndarray]

DECAY_HALF_LIFE_YEARS = 2.0
SWITCH_YEARS = 0.75


@dataclass(frozen=True)
class Family:
    """A kind of edge.

    Parameters
    ----------
    name, label : str
    pattern : callable
        From ``trend_score``, ``pullback_z`` and ``vol_z`` to a number from about -0.5 to 0.5, near
        0 for the average candidate; NaN where a signal is NaN.
    span_per_edge : float
        Drift of the best hours less that of the worst over a typical holding time, per unit of
        edge; measured so that the oracle gate's trades earn about the edge.
    strength : callable
        From years since the world's start to a factor of the pattern.
    is_one_symbol : bool
        Only the first symbol has the edge.
    """

    name: str
    label: str
    pattern: Pattern
    span_per_edge: float
    strength: Strength = np.ones_like
    is_one_symbol: bool = False


def good_region(
    trend_score: np.ndarray, pullback_z: np.ndarray, volume_z: np.ndarray
) -> np.ndarray:
    """Membership in the good region, 0 to 1, known at the bar's end; NaN where a signal is NaN.

    Bounded on both sides in two signals and bent by a third.

    Examples
    --------
    >>> good_region(np.array([0.7, 2.7, 5.0]), np.array([0.5] * 3), np.array([0.0] * 3)).round(2)
    array([0.  , 0.99, 0.  ])
    """
    centre = 2.65 + 0.15 * np.tanh(volume_z + 0.3)
    away = ((trend_score - centre) / 1.2) ** 2 + 0.1 * (pullback_z - 0.55) ** 2
    return logistic_step((1.0 - away) / 0.2)


def logistic_step(x: np.ndarray) -> np.ndarray:
    """Logistic step, 0 to 1."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _region(trend: np.ndarray, pullback: np.ndarray, volume: np.ndarray) -> np.ndarray:
    return good_region(trend, pullback, volume) - 0.5


def _monotone(trend: np.ndarray, _pullback: np.ndarray, _volume: np.ndarray) -> np.ndarray:
    return 0.5 * np.tanh((trend - 2.9) / 1.2)


def _interaction(trend: np.ndarray, pullback: np.ndarray, _volume: np.ndarray) -> np.ndarray:
    return 0.5 * np.tanh((trend - 2.2) / 0.6) * np.tanh((pullback - 0.55) / 0.5)


def _decaying(years: np.ndarray) -> np.ndarray:
    return 2.0 * 0.5 ** (years / DECAY_HALF_LIFE_YEARS)


def _switching(years: np.ndarray) -> np.ndarray:
    return np.where(np.floor(years / SWITCH_YEARS) % 2 == 0, 1.0, 0.0)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("region", "a bounded region of three signals", _region, 3.7),
        Family("monotone", "rises with one signal", _monotone, 3.3),
        Family("interaction", "two signals, neither alone", _interaction, 6.4),
        Family("one_symbol", "the region, in one symbol", _region, 3.7, is_one_symbol=True),
        Family("decaying", "the region, halving every two years", _region, 3.7, _decaying),
        Family("switching", "the region, on and off", _region, 3.7, _switching),
    )
}
"""Families by name; the first is the base family."""
