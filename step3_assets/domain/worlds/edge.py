"""The planted edge: how much drift the signals at a bar's end put on the hours that follow.

Belongs here: the pattern, its size and the premium. Does not belong here: prices or chance.

Good hours follow a candidate whose trend is neither young nor overstretched and whose close lies
near its usual distance to the fast average; volume moves the band. The good region is bounded on
both sides in two signals and bent by a third: a cut through any one of them finds about half of
what there is, even one chosen in hindsight (docs/synthetic_worlds.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from step3_assets.domain.worlds.config import WorldConfig

# Drift hours that the average candidate is held, nights included.
TYPICAL_HOURS = 6.65

# The pattern has mean zero over candidates: this is the mean of its membership.
_MEAN_MEMBERSHIP = 0.5

# Drift between the middle of the good region and the middle of the bad one, over a typical
# holding time, per unit of edge: measured so that the oracle gate's trades earn about the edge
# (docs/synthetic_worlds.md).
_SPAN_PER_EDGE = 3.7


def good_region(
    trend_score: np.ndarray, pullback_z: np.ndarray, volume_z: np.ndarray
) -> np.ndarray:
    """Membership in the good region, 0 to 1, known at the bar's end; NaN where a signal is.

    Examples
    --------
    >>> good_region(np.array([0.7, 2.7, 5.0]), np.array([0.5] * 3), np.array([0.0] * 3)).round(2)
    array([0.  , 0.99, 0.  ])
    """
    centre = 2.65 + 0.15 * np.tanh(volume_z + 0.3)
    away = ((trend_score - centre) / 1.2) ** 2 + 0.1 * (pullback_z - 0.55) ** 2
    return _step((1.0 - away) / 0.2)


@dataclass(frozen=True)
class DriftLaw:
    """Drift per hour, in units of the hour's volatility.

    Parameters
    ----------
    fixed_cost : ndarray, shape (S, 1)
        Part of a symbol's round trip that volatility does not move, log return.
    cost_slope : float
        Round-trip cost per unit of ``sigma``.
    premium : float
        Equity premium as a share of the round trip's cost.
    span : float
        Drift between bad and good over a typical holding time, log return.
    """

    fixed_cost: np.ndarray
    cost_slope: float
    premium: float
    span: float

    def rate(
        self,
        sigma: np.ndarray,
        atr_frac: np.ndarray,
        trend_score: np.ndarray,
        pullback_z: np.ndarray,
        volume_z: np.ndarray,
    ) -> np.ndarray:
        """Drift of each coming hour over its volatility, shape (S, n); 0 where a signal is NaN.

        Dividing by the average true range makes the drift over a typical holding time the same
        number of bps in calm and in wild markets; the volatility of the hour itself makes it
        larger in the hours when much happens.
        """
        cost = self.fixed_cost + self.cost_slope * sigma
        is_candidate = _step((trend_score - 0.55) / 0.05)
        pattern = good_region(trend_score, pullback_z, volume_z) - _MEAN_MEMBERSHIP
        planted = np.where(np.isfinite(pattern), self.span * is_candidate * pattern, 0.0)
        drift = (self.premium * cost + planted) / (TYPICAL_HOURS * atr_frac)
        return np.where(np.isfinite(drift), drift, 0.0)


def drift_law(config: WorldConfig) -> DriftLaw:
    """The law of a world: its premium, and its edge where it has one."""
    knobs = config.step2
    fixed = [
        2 * (knobs.spread_half(symbol) + knobs.slip_base_bps / 1e4)
        + knobs.commission_round_trip_bps / 1e4
        for symbol in config.symbols
    ]
    return DriftLaw(
        fixed_cost=np.array(fixed)[:, None],
        cost_slope=2 * knobs.slip_vol_mult,
        premium=config.premium_frac,
        span=config.edge_bps / 1e4 * _SPAN_PER_EDGE,
    )


def _step(x: np.ndarray) -> np.ndarray:
    """Logistic step, 0 to 1."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))
