"""Candidates and what is known about them at the decision: family, cost, barriers, horizon.

Belongs here: which bars are candidates, and the barriers and cost of each. Does not belong here:
anything that happens after the decision (`labels`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import CORE_SIGNALS, SIGNALS

TREND, PULLBACK = "trend_long", "pullback_long"


def find_candidates(features: pd.DataFrame, config: Step2Config) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a long candidate, and which of them are trend candidates.

    A trend candidate has ``trend_score > trend_in``. Otherwise, a pullback candidate has
    ``trend_score > trend_regime_min`` and ``pullback_z < -pullback_z``. Rows without a core signal
    are dropped (without any signal, if `dropna_core_only` is off). Of the rest, in time order,
    candidates closer than `min_event_spacing_bars` to the last one kept are dropped.

    Returns
    -------
    rows : ndarray of int
        Row numbers in time order, known at each bar's end.
    is_trend : ndarray of bool
    """
    score = features["trend_score"].to_numpy()
    is_trend = score > config.trend_in
    is_pullback = (score > config.trend_regime_min) & (
        features["pullback_z"].to_numpy() < -config.pullback_z
    )
    needed = CORE_SIGNALS if config.dropna_core_only else SIGNALS
    is_complete = features[list(needed)].notna().all(axis=1).to_numpy()
    rows = np.flatnonzero((is_trend | is_pullback) & is_complete)
    rows = _space(rows, config.min_event_spacing_bars)
    return rows, is_trend[rows]


def price_candidates(
    features: pd.DataFrame, rows: np.ndarray, symbol: str, config: Step2Config
) -> pd.DataFrame:
    """Barriers, horizon and cost of each candidate.

    Returns
    -------
    DataFrame
        One row per candidate: ``entry_overnight`` (0 or 1), ``a_tp``, ``b_sl`` (log-return
        distances), ``H`` (bars), ``cost_rt``, ``spread_half``, ``slip_half`` (return units) and
        ``tp_to_cost``; all known at the decision.
    """
    sigma, u_atr, is_overnight, is_spike = (
        features[name].to_numpy()[rows]
        for name in ("sigma", "u_atr", "entry_overnight", "vol_spike")
    )
    spread_half = config.spread_half(symbol)
    slip_half = (
        config.slip_base_bps / 1e4
        + config.slip_vol_mult * sigma
        + is_spike * (config.slip_spike_add_bps / 1e4)
        + is_overnight * (config.overnight_slip_add_bps / 1e4)
    )
    cost_rt = 2.0 * (spread_half + slip_half) + config.commission_round_trip_bps / 1e4
    a_tp = np.where(is_overnight, config.tp_mult_overn, config.tp_mult_intra) * u_atr
    return pd.DataFrame(
        {
            "entry_overnight": is_overnight.astype(np.int64),
            "a_tp": a_tp,
            "b_sl": np.where(is_overnight, config.sl_mult_overn, config.sl_mult_intra) * u_atr,
            "H": np.where(is_overnight, config.horizon_overn, config.horizon_intra),
            "cost_rt": cost_rt,
            "spread_half": np.full(len(rows), spread_half),
            "slip_half": slip_half,
            "tp_to_cost": a_tp / np.where(cost_rt > 0, cost_rt, np.nan),
        }
    )


def _space(rows: np.ndarray, spacing: int) -> np.ndarray:
    """Keep the first row, and then each row that is at least `spacing` after the last one kept."""
    if spacing == 1 or not len(rows):
        return rows
    kept, at = [], 0
    while at < len(rows):
        kept.append(at)
        at = int(np.searchsorted(rows, rows[at] + spacing))
    return rows[kept]
