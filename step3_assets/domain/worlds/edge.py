"""The planted edge: how much drift the signals at a bar's end add to the hours that follow.

Belongs here: the size of the edge and the premium. Does not belong here: the pattern
(:mod:`.families`), prices, randomness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from step3_assets.domain.worlds.config import WorldConfig
from step3_assets.domain.worlds.families import FAMILIES, Family, logistic_step

# Average holding time of a candidate, in average hours, nights included.
TYPICAL_HOURS = 6.65
BARS_A_YEAR = 1750.0


@dataclass(frozen=True)
class DriftLaw:
    """Drift per hour, in units of the hour's volatility.

    Parameters
    ----------
    fixed_cost : ndarray, shape (S, 1)
        Part of a symbol's round-trip cost that does not depend on volatility, log return.
    cost_slope : float
        Round-trip cost per unit of ``sigma``.
    premium : float
        Equity premium as a share of the round-trip cost.
    span : float
        Drift of good hours less that of bad ones over a typical holding time, log return.
    family : Family
        Where and when the good hours are.
    """

    fixed_cost: np.ndarray
    cost_slope: float
    premium: float
    span: float
    family: Family

    def rate(
        self,
        sigma: np.ndarray,
        atr_frac: np.ndarray,
        trend_score: np.ndarray,
        pullback_z: np.ndarray,
        volume_z: np.ndarray,
        bar: np.ndarray,
    ) -> np.ndarray:
        """Drift of each coming hour over its volatility, shape (S, n); 0 where a signal is NaN.

        Dividing by the average true range makes the drift over a typical holding time the same
        number of bps in calm and in volatile markets; the volatility of the hour itself makes it
        larger in busy hours. `bar` is the number of the bar that has just ended, for each column.
        """
        cost = self.fixed_cost + self.cost_slope * sigma
        is_candidate = logistic_step((trend_score - 0.55) / 0.05)
        pattern = self.family.pattern(trend_score, pullback_z, volume_z)
        size = self.span * self.family.strength(np.asarray(bar) / BARS_A_YEAR)
        planted = np.where(np.isfinite(pattern), size * is_candidate * pattern, 0.0)
        if self.family.is_one_symbol:
            planted[1:] = 0.0
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
        span=config.edge_bps / 1e4 * FAMILIES[config.family].span_per_edge,
        family=FAMILIES[config.family],
    )
