"""Training one fold: out-of-fold predictions, calibration, blend, then the final heads.

Belongs here: the order of the steps and the tables they give. Does not belong here: which rows may
train (:mod:`step3_assets.domain.folds.build`), one model family
(:mod:`step3_assets.domain.models`), metrics
(:mod:`step3_assets.domain.models.quality`).

Rows are put in the order of decision time and symbol first, everything runs on one thread, and
seeds are fixed: the same rows give the same bytes, in whatever order they come.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.models import CALIBRATED_MODELS
from step3_assets.config import ModelConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.folds.build import Fold, InnerFold, inner_folds, training_mask
from step3_assets.domain.folds.uniqueness import average_uniqueness
from step3_assets.domain.models.blend import fit_blend, fit_mean_calibrator, mean_ev
from step3_assets.domain.models.calibration import calibrate, choose_calibrator, fit_base_rate
from step3_assets.domain.models.head import TrainingRows
from step3_assets.domain.models.heads import (
    fit_heads,
    format_of,
    predict_heads,
    stored_features_hash,
)
from step3_assets.domain.models.out_of_fold import OutOfFold
from step3_assets.domain.models.payoff import BARRIER, fit_payoff, structural_ev
from step3_assets.domain.models.quality import (
    Calibrated,
    empty_metrics,
    empty_reliability,
    measure_heads,
    reliability_tables,
)
from step3_assets.domain.models.text_format import dump_numbers, payload_sha256


@dataclass(frozen=True)
class TrainedFold:
    """What training one fold gives: rows of the tables of these names.

    Parameters
    ----------
    models : DataFrame
        ``calibrated_models``; empty when the fold has too few rows or one outcome only.
    metrics : DataFrame
        ``model_metrics``.
    reliability : DataFrame
        ``reliability_bins``.
    """

    models: pd.DataFrame
    metrics: pd.DataFrame
    reliability: pd.DataFrame


@dataclass(frozen=True)
class Training:
    """A fold's training rows, and its inner folds over them."""

    rows: pd.DataFrame
    inner: list[InnerFold]


def train_fold(events: pd.DataFrame, fold: Fold, config: ModelConfig) -> TrainedFold:
    """Train, calibrate and blend one fold.

    Parameters
    ----------
    events : DataFrame
        Rows of table ``events`` that hold at least the fold's training rows; others are ignored.
    fold : Fold
    config : ModelConfig

    Returns
    -------
    TrainedFold
        Known at the start of the test month. Without models where there are fewer than
        ``config.min_train_rows`` rows, no inner fold, or one outcome only.

    Raises
    ------
    ValueError
        If a training row of the fold is not among `events`.
    LeakageError
        If the configuration names a feature that is not known at the decision.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        training = gather_training(events, fold.members)
        trainable = [
            inner
            for inner in training.inner
            if has_both_outcomes(training.rows[inner.train]) and inner.validation.any()
        ]
        enough = len(training.rows) >= config.min_train_rows
        if not enough or not trainable or not has_both_outcomes(training.rows):
            return TrainedFold(
                pd.DataFrame(columns=CALIBRATED_MODELS.names),
                empty_metrics(),
                empty_reliability(),
            )
        return _train(Training(training.rows, trainable), fold, config)


def gather_training(events: pd.DataFrame, members: pd.DataFrame) -> Training:
    """Join a fold's training members with their events, in decision time and symbol order."""
    kept = members[training_mask(members)].drop(columns=["month", "role", "uniqueness"])
    rows = kept.merge(events, on=EVENT_KEY, how="left", validate="one_to_one", indicator=True)
    lost = rows[rows["_merge"] != "both"]
    if len(lost):
        raise ValueError(
            f"{len(lost)} training rows have no event: {lost[EVENT_KEY].head(3).values}"
        )
    rows = rows.sort_values(["decision_time_utc", "symbol"], kind="stable", ignore_index=True)
    inner = inner_folds(rows.assign(role="fit"))
    return Training(rows.drop(columns="_merge"), inner)


def weigh(rows: pd.DataFrame, config: ModelConfig) -> TrainingRows:
    """Rows with their uniqueness among themselves, or equal weights of one."""
    if not config.use_uniqueness_weights:
        return TrainingRows(rows, np.ones(len(rows)))
    first = rows["t_idx"].to_numpy(dtype=np.int64) + 1
    last = rows["label_end_idx"].to_numpy(dtype=np.int64)
    return TrainingRows(rows, average_uniqueness(rows["symbol"], first, last))


def has_both_outcomes(rows: pd.DataFrame) -> bool:
    """Whether the rows hold winners and losers."""
    return rows["y"].nunique() == 2


def predict_out_of_fold(training: Training, config: ModelConfig) -> OutOfFold:
    """Fit every head on each inner fold and predict its validation block."""
    parts = []
    for inner in training.inner:
        rows = weigh(training.rows[inner.train].reset_index(drop=True), config)
        payloads = fit_heads(rows, config)
        validation = training.rows[inner.validation].reset_index(drop=True)
        predicted = predict_heads(payloads, validation)
        parts.append(OutOfFold.of_block(inner.number, validation, predicted, rows, config))
    pooled = OutOfFold.concatenate(parts)
    return pooled.with_uniqueness(weigh(pooled.events, config).uniqueness)


def _train(training: Training, fold: Fold, config: ModelConfig) -> TrainedFold:
    oof = predict_out_of_fold(training, config)
    calibrator = choose_calibrator(
        oof.predicted.p_raw, oof.won, oof.uniqueness, oof.forward_splits(), config.calibration
    )
    p_cross, ev_struct, ev_ml = cross_fitted(oof, config)
    slope, slope_t = mean_slope(oof, np.ones(len(oof.net), dtype=bool), config)
    blend = fit_blend(ev_struct, ev_ml, oof.net, oof.gls_weights, slope_t, config.blend)
    rows = weigh(training.rows, config)
    blend |= {
        "mean_slope": slope,
        "mean_centre": float(np.average(rows.scaled_gross, weights=rows.uniqueness)),
    }
    payoff = fit_payoff(rows.events, rows.uniqueness) if config.ev_struct == "payoff" else BARRIER
    payloads = fit_heads(rows, config)
    payloads |= {
        "calibrator": dump_numbers(calibrator),
        "payoff": dump_numbers(payoff),
        "blend": dump_numbers(blend),
    }
    base_rate = fit_base_rate(rows.won, rows.uniqueness)["rate"]
    ev_final = blend["w_struct"] * ev_struct + blend["w_mean"] * ev_ml
    n_bins = config.calibration.n_bins
    return TrainedFold(
        _model_rows(payloads, len(rows.events), fold, config),
        measure_heads(oof, Calibrated(p_cross, ev_final, blend, base_rate), fold.month, n_bins),
        reliability_tables(oof, p_cross, fold.month, n_bins),
    )


def cross_fitted(oof: OutOfFold, config: ModelConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probability and both expected values of each out-of-fold row.

    The calibrators that are applied to a block are fitted on the other blocks, so that the blend
    and the metrics never use a row that their calibrator was fitted on.
    """
    p = np.empty(len(oof.net))
    slope = np.empty(len(oof.net))
    for block in np.unique(oof.block):
        here = oof.block == block
        others = ~here if (~here).any() else here
        calibrator = choose_calibrator(
            oof.predicted.p_raw[others],
            oof.won[others],
            oof.uniqueness[others],
            [(fit[others], validation[others]) for fit, validation in oof.forward_splits()],
            config.calibration,
        )
        p[here] = calibrate(calibrator, oof.predicted.p_raw[here])
        slope[here], _ = mean_slope(oof, others, config)
    ev_ml = mean_ev(oof.predicted.mean_scaled, oof.centre, slope, oof.events)
    ev_struct = np.empty(len(oof.net))
    for block, payoff in oof.payoffs.items():
        here = oof.block == block
        ev_struct[here] = structural_ev(payoff, p[here], oof.events[here])
    return p, ev_struct, ev_ml


def mean_slope(oof: OutOfFold, rows: np.ndarray, config: ModelConfig) -> tuple[float, float]:
    """Slope of the mean head's calibration on some of the out-of-fold rows, and its t."""
    return fit_mean_calibrator(
        oof.predicted.mean_scaled[rows],
        oof.centre[rows],
        oof.scaled_gross[rows],
        oof.uniqueness[rows],
        oof.weeks[rows],
        config.blend,
    )


def _model_rows(
    payloads: dict[str, str], n_rows: int, fold: Fold, config: ModelConfig
) -> pd.DataFrame:
    hashes = sorted(set(fold.manifest["members_hash"]))
    month: date = fold.month
    rows = [
        {
            "month": month,
            "head": head,
            "format": format_of(head),
            "n_rows": n_rows,
            "payload": payload,
            "payload_sha256": payload_sha256(payload),
            "features_hash": stored_features_hash(payloads),
            "config_hash": config.content_hash(),
            "members_hash": ",".join(hashes),
        }
        for head, payload in sorted(payloads.items())
    ]
    return pd.DataFrame(rows)[CALIBRATED_MODELS.names]
