"""Training one fold: out-of-fold predictions, calibration, blend, then the final heads.

Belongs here: the order of the steps and the tables they produce. Does not belong here: which rows
may train (:mod:`step3_assets.domain.folds.build`), a model family (:mod:`.linear`,
:mod:`.boosting`), metrics (:mod:`.quality`).

Rows are first sorted by decision time and symbol, everything runs on one thread, and seeds are
fixed, so the same rows give the same bytes in whatever order they are passed.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.models import CALIBRATED_MODELS
from step3_assets.config import ModelConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.folds.build import (
    BarFold,
    Fold,
    FoldRows,
    InnerFold,
    cut_bar_fold,
    inner_folds,
    training_mask,
)
from step3_assets.domain.folds.uniqueness import average_uniqueness
from step3_assets.domain.models.bar_rows import BarRows, lay_out_bars, partners_of
from step3_assets.domain.models.blend import (
    MeanCalibration,
    blended_ev,
    fit_blend,
    fit_mean_slope,
    log_evidence,
    mean_ev,
)
from step3_assets.domain.models.calibration import calibrate, choose_calibrator, fit_base_rate
from step3_assets.domain.models.drift import BarEvidence, fit_drift, hold
from step3_assets.domain.models.head import TrainingRows
from step3_assets.domain.models.heads import (
    fit_heads,
    format_of,
    predict_heads,
    stored_features_hash,
)
from step3_assets.domain.models.out_of_fold import Level, OutOfFold
from step3_assets.domain.models.payoff import BARRIER, fit_payoff, structural_ev
from step3_assets.domain.models.quality import (
    Calibrated,
    empty_metrics,
    empty_reliability,
    measure_heads,
    reliability_tables,
)
from step3_assets.domain.models.text_format import dump_numbers, payload_sha256

LEAST_LOG_EVIDENCE = -1e3
"""Stored in place of minus infinity, which JSON cannot hold."""


@dataclass(frozen=True)
class TrainedFold:
    """Result of training one fold: rows of three tables.

    Parameters
    ----------
    models : DataFrame
        ``calibrated_models``; empty if the fold has too few rows or only one outcome.
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
    """A fold's training rows, and its inner folds over them.

    Parameters
    ----------
    rows : DataFrame, n rows
    inner : list of InnerFold
    bars : BarRows, optional
        Bars before the test span, if the mean head learns drift.
    bar_fold : BarFold, optional
        Which of the bars may train.
    """

    rows: pd.DataFrame
    inner: list[InnerFold]
    bars: BarRows | None = None
    bar_fold: BarFold | None = None

    def bars_of(self, number: int | None) -> InnerFold | None:
        """Masks over the bars of an inner fold, or of the whole fold; None without bars."""
        if self.bar_fold is None:
            return None
        if number is None:
            train = self.bar_fold.train
            return InnerFold(number=-1, train=train, validation=np.zeros(len(train), dtype=bool))
        return next(inner for inner in self.bar_fold.inner if inner.number == number)


@dataclass(frozen=True)
class Fitted:
    """The heads fitted on some rows, with the level of the mean head and its out-of-fold bars."""

    rows: TrainingRows
    payloads: dict[str, str]
    level: Level
    evidence: BarEvidence | None


def train_fold(data: FoldRows, config: ModelConfig) -> TrainedFold:
    """Train, calibrate and blend one fold.

    Parameters
    ----------
    data : FoldRows
    config : ModelConfig

    Returns
    -------
    TrainedFold
        Known at the start of the test month. Without models if there are fewer than
        ``config.min_train_rows`` rows, no inner fold, or only one outcome.

    Raises
    ------
    ValueError
        If a training row of the fold is not among the events.
    LeakageError
        If the configuration names a feature that is not known at the decision.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        training = prepare_training(data, config)
        if training is None:
            return TrainedFold(
                models=pd.DataFrame(columns=CALIBRATED_MODELS.names),
                metrics=empty_metrics(),
                reliability=empty_reliability(),
            )
        return _train(training, data.fold, config)


def prepare_training(data: FoldRows, config: ModelConfig) -> Training | None:
    """A fold's training rows, its inner folds that can be trained, and its bars.

    Returns
    -------
    Training or None
        None if the fold cannot be trained: see :func:`train_fold`.
    """
    training = gather_training(data.events, data.fold.members)
    trainable = [
        inner
        for inner in training.inner
        if has_both_outcomes(training.rows[inner.train]) and inner.validation.any()
    ]
    has_enough = len(training.rows) >= config.min_train_rows
    if not has_enough or not trainable or not has_both_outcomes(training.rows):
        return None
    training = replace(training, inner=trainable)
    return _with_bars(training, data, config) if config.drift.is_used else training


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
    return Training(rows=rows.drop(columns="_merge"), inner=inner)


def weigh(rows: pd.DataFrame) -> TrainingRows:
    """Rows with equal weights that sum to the number of independent rows.

    Average uniqueness is used only to count rows. As a weight of single rows it would leak the
    outcome: it depends on labels that begin later, and more candidates follow where the price
    rises, so losers would get more weight than winners.
    """
    first = rows["t_idx"].to_numpy(dtype=np.int64) + 1
    last = rows["label_end_idx"].to_numpy(dtype=np.int64)
    uniqueness = average_uniqueness(rows["symbol"], first, last)
    weight = uniqueness.mean() if len(rows) else 1.0
    return TrainingRows(events=rows, weights=np.full(len(rows), weight))


def has_both_outcomes(rows: pd.DataFrame) -> bool:
    """Whether there are both winners and losers."""
    return rows["y"].nunique() == 2


def predict_out_of_fold(
    training: Training, config: ModelConfig
) -> tuple[OutOfFold, BarEvidence | None]:
    """Fit every head on each inner fold and predict the events and bars of its validation block."""
    parts, evidence = [], []
    for inner in training.inner:
        fitted = _fit(training, inner.train, inner.number, config)
        validation = training.rows[inner.validation].reset_index(drop=True)
        predicted = predict_heads(fitted.payloads, validation)
        parts.append(
            OutOfFold.of_block(
                inner.number, validation, predicted, fitted.rows, fitted.level, config
            )
        )
        evidence.append(fitted.evidence)
    pooled = OutOfFold.concatenate(parts)
    pooled = pooled.with_weights(weigh(pooled.events).weights)
    found = [bars for bars in evidence if bars is not None]
    return pooled, BarEvidence.concatenate(found) if found else None


def _with_bars(training: Training, data: FoldRows, config: ModelConfig) -> Training:
    """Add the bars of the fold's window, and only those: sums over more bars round differently."""
    manifest = data.fold.manifest
    first, start = manifest["window_start_utc"].iloc[0], manifest["test_start_utc"].iloc[0]
    bars = data.bars[(data.bars["date"] >= first) & (data.bars["date"] < start)]
    bars = bars.sort_values(["symbol", "bar_idx"], kind="stable", ignore_index=True)
    rows = lay_out_bars(bars, partners_of(training.rows), config.features)
    return replace(training, bars=rows, bar_fold=cut_bar_fold(bars, data.fold, data.config))


def _fit(training: Training, train: np.ndarray, number: int | None, config: ModelConfig) -> Fitted:
    """Fit all heads on the training rows of an inner fold, or of the whole fold."""
    rows = weigh(training.rows[train].reset_index(drop=True))
    bars, masks = training.bars, training.bars_of(number)
    if bars is None or masks is None or not (masks.train & bars.is_usable).any():
        centre = float(rows.scaled_gross.mean())
        return Fitted(
            rows=rows,
            payloads=fit_heads(rows, config),
            level=Level(centre=centre, level=centre),
            evidence=None,
        )
    model = fit_drift(bars, masks.train, config.drift, config.seed)
    held = hold(bars, model, rows.events)
    return Fitted(
        rows=rows,
        payloads=fit_heads(rows, config, held.departure),
        level=Level(centre=0.0, level=model.level * float(np.nanmean(held.time))),
        evidence=BarEvidence.of_block(masks.number, bars, model, masks.validation),
    )


def _train(training: Training, fold: Fold, config: ModelConfig) -> TrainedFold:
    """The steps of :func:`train_fold`, on a fold that can be trained."""
    oof, bars = predict_out_of_fold(training, config)
    calibrator = choose_calibrator(
        oof.predicted.p_raw, oof.won, oof.weights, oof.forward_splits(), config.calibration
    )
    p_cross, ev_struct, ev_ml = cross_fitted(oof, bars, config)
    slope = mean_slope(oof, bars, np.ones(len(oof.net), dtype=bool), config)
    evidence = departure_evidence(oof, bars, config)
    blend = fit_blend(ev_struct, ev_ml, oof.net, oof.gls_weights, evidence, config.blend)
    fitted = _fit(training, np.ones(len(training.rows), dtype=bool), None, config)
    rows = fitted.rows
    blend |= {
        "mean_slope": slope,
        "mean_centre": fitted.level.centre,
        "mean_level": fitted.level.level,
        "log_evidence": max(evidence, LEAST_LOG_EVIDENCE),
    }
    payoff = fit_payoff(rows.events, rows.weights) if config.ev_struct == "payoff" else BARRIER
    payloads = fitted.payloads | {
        "calibrator": dump_numbers(calibrator),
        "payoff": dump_numbers(payoff),
        "blend": dump_numbers(blend),
    }
    base_rate = fit_base_rate(rows.won, rows.weights)["rate"]
    n_bins = config.calibration.n_bins
    calibrated = Calibrated(
        p=p_cross,
        ev_final=blended_ev(blend, ev_struct, ev_ml),
        blend=blend,
        base_rate=base_rate,
    )
    return TrainedFold(
        models=_model_rows(payloads, len(rows.events), fold, config),
        metrics=measure_heads(oof, calibrated, fold.month, n_bins),
        reliability=reliability_tables(oof, p_cross, fold.month, n_bins),
    )


def cross_fitted(
    oof: OutOfFold, bars: BarEvidence | None, config: ModelConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probability and both expected values of each out-of-fold row.

    The calibrator and the slope of a block are fitted on the other blocks, so that blend and
    metrics never use a row that its calibrator was fitted on.
    """
    p = np.empty(len(oof.net))
    slope = np.empty(len(oof.net))
    for block in np.unique(oof.block):
        here = oof.block == block
        others = ~here if (~here).any() else here
        calibrator = choose_calibrator(
            oof.predicted.p_raw[others],
            oof.won[others],
            oof.weights[others],
            [(fit[others], validation[others]) for fit, validation in oof.forward_splits()],
            config.calibration,
        )
        p[here] = calibrate(calibrator, oof.predicted.p_raw[here])
        slope[here] = mean_slope(oof, bars, others, config)
    calibration = MeanCalibration(centre=oof.centre, level=oof.level, slope=slope)
    ev_ml = mean_ev(oof.predicted.mean_scaled, calibration, oof.events)
    ev_struct = np.empty(len(oof.net))
    for block, payoff in oof.payoffs.items():
        here = oof.block == block
        ev_struct[here] = structural_ev(payoff, p[here], oof.events[here])
    return p, ev_struct, ev_ml


def mean_slope(
    oof: OutOfFold, bars: BarEvidence | None, rows: np.ndarray, config: ModelConfig
) -> float:
    """Slope of the mean head's departures on the blocks of `rows`.

    It is fitted on the bars of those blocks if the head learned drift, else on the out-of-fold
    rows.
    """
    if bars is not None:
        kept = bars.select(np.isin(bars.block, np.unique(oof.block[rows])))
        return fit_mean_slope(
            kept.predicted, kept.centre, kept.outcome, kept.weights, kept.week, config.blend
        )
    return fit_mean_slope(
        oof.predicted.mean_scaled[rows],
        oof.centre[rows],
        oof.scaled_gross[rows],
        oof.weights[rows],
        oof.weeks[rows],
        config.blend,
    )


def departure_evidence(oof: OutOfFold, bars: BarEvidence | None, config: ModelConfig) -> float:
    """Logarithm of the out-of-fold evidence that the mean head's departures have the right sign."""
    if bars is not None:
        return log_evidence(
            bars.predicted - bars.centre,
            bars.outcome - bars.centre,
            bars.weights,
            bars.week,
            config.blend,
        )
    return log_evidence(
        oof.predicted.mean_scaled - oof.centre,
        oof.scaled_gross - oof.level,
        oof.weights,
        oof.weeks,
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
