"""Canonical events with random features and an outcome of known law, for model tests.

Belongs here: the market that tests train on. Does not belong here: market data's looks; the
synthetic worlds have those.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import EVENTS, NUMERIC_FEATURES
from step3_assets.config import (
    BlendConfig,
    DriftHeadConfig,
    FoldConfig,
    LightGBMConfig,
    ModelConfig,
)
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.folds.build import Fold, FoldRows, build_fold
from step3_assets.domain.models.training import TrainedFold, train_fold
from step3_assets_tests.domain.folds.fold_frames import make_pair

MONTH = date(2018, 1, 1)
FOLDS_24 = FoldConfig(train_months=24, inner_folds=3, inner_min_train_months=12, inner_min_rows=50)
QUICK = ModelConfig(
    lightgbm=LightGBMConfig(
        n_rounds=40, learning_rate=0.1, min_data_in_leaf=40, twin_correlation=0.0
    ),
    drift=DriftHeadConfig(is_used=False),
    blend=BlendConfig(prior_slope=1.0, prior_slope_error=0.15, prior_mean_share=0.9),
)
"""The mean head learns events here: the bars of this market hold no signal of its law."""


def make_market(
    edge_bps: float = 0.0, seed: int = 0, n_months: int = 25, per_month: int = 50
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and bars of two symbols.

    The expected gross return is ``edge_bps`` above or below cost where ``trend_score`` and
    ``vol_z`` have equal or opposite signs: no straight line through one feature sees it. Noise is
    80 bps, scaled by ``u_atr``.
    """
    rng = np.random.default_rng(seed)
    events, bars = make_pair(seed=seed, n_months=n_months, per_month=per_month)
    n = len(events)
    for name in NUMERIC_FEATURES:
        if name not in ("H", "entry_overnight"):
            events[name] = rng.standard_normal(n)
    events["vol_z"] = events["vol_z"].mask(rng.random(n) < 0.01)
    events["family"] = np.where(rng.random(n) < 0.1, "pullback_long", "trend_long")
    events["entry_overnight"] = (events["H"] < events["H"].max()).astype("int64")
    events["u_atr"] = 0.005 * np.exp(0.3 * rng.standard_normal(n))
    events["sigma"] = 0.8 * events["u_atr"]
    events["a_tp"], events["b_sl"] = 2.0 * events["u_atr"], 1.5 * events["u_atr"]
    events["cost_rt"] = 0.0005 + 0.1 * events["sigma"]
    events["tp_to_cost"] = events["a_tp"] / events["cost_rt"]
    events["spread_half"], events["slip_half"] = 1e-4, 1e-4
    sign = np.sign(events["trend_score"] * events["vol_z"].fillna(0.0))
    noise = 0.008 * events["u_atr"] / 0.005 * rng.standard_normal(n)
    events["gross_logret"] = events["cost_rt"] + edge_bps * 1e-4 * sign + noise
    return with_outcomes(events), bars.assign(bar_end_utc=bars["date"] + pd.Timedelta(hours=1))


def with_outcomes(events: pd.DataFrame) -> pd.DataFrame:
    """Fill in what follows from ``gross_logret``, and the columns no model reads."""
    events = events.assign(
        net_logret=events["gross_logret"] - events["cost_rt"],
        entry_open=100.0,
        exit_open=100.0 * np.exp(events["gross_logret"]),
        exit_reason="horizon",
        truncated_horizon=(events["maturity"] != "final").astype("int64"),
        touch_delay_bars=events["label_end_idx"] - events["t_idx"],
        same_bar_ambiguous=0,
        cross_symbol=np.where(events["symbol"] == "AAA", "BBB", "AAA"),
        decision_instant_utc=events["decision_time_utc"] + pd.Timedelta(hours=1),
        entry_time_utc=events["decision_time_utc"] + pd.Timedelta(hours=1),
    )
    events["y"] = (events["net_logret"] > 0).astype("int64")
    return canonical_frame(events[EVENTS.names], EVENTS)


def make_fold(events: pd.DataFrame, bars: pd.DataFrame, month: date = MONTH) -> Fold:
    """The fold of `month` with a window of two years."""
    return build_fold(events, bars, month, FOLDS_24)


def train_events(events: pd.DataFrame, fold: Fold, config: ModelConfig) -> TrainedFold:
    """Train a fold whose mean head learns events: no bars are needed."""
    return train_fold(FoldRows(fold, events, pd.DataFrame(), FOLDS_24), config)
