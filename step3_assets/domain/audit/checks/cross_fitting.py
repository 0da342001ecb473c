"""Cross-fitting: neither model nor calibrator of an inner block has seen the block's outcomes.

Belongs here: out-of-fold predictions and their calibration, repeated with changed outcomes of one
block. Does not belong here: purge and embargo
(:mod:`step3_assets.domain.audit.checks.purge_again`), training.

The calibration of the blocks decides how much weight expected values get, and the metrics in the
report come from calibrated blocks. A calibrator that saw its own block makes both look better.
Training the fold again does not show this: the same mistake gives the same bytes.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from step3_assets.config import ModelConfig
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, verdict_of
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS, Fold, FoldRows
from step3_assets.domain.models import training as models
from step3_assets.domain.models.drift import BarEvidence
from step3_assets.domain.models.out_of_fold import OutOfFold
from step3_assets.domain.models.training import Training

FEW_ROUNDS = 8
"""Trees of each head here: which rows a head sees does not depend on how many there are."""
APPLIED = ("p_calibrated", "ev_struct", "ev_ml")


def check_cross_fitting(inputs: AuditInputs) -> Evidence:
    """Change a block's outcomes: its predictions and calibration must stay the same bits."""
    from threadpoolctl import threadpool_limits

    month = inputs.sampled[-1]
    config = _quick(inputs.config_of(month).models)
    first = add_months(month, -LOOK_BACK_MONTHS)
    inside = (inputs.events["month"] >= first) & (inputs.events["month"] <= month)
    members = inputs.fold_members[inputs.fold_members["month"] == month]
    fold = Fold(month, inputs.folds[inputs.folds["month"] == month], members)
    data = FoldRows(fold, inputs.events[inside], inputs.bars, inputs.config_of(month).folds)
    with threadpool_limits(limits=1):
        training = models.prepare_training(data, config)
        if training is None:
            return Evidence(True, f"{month_label(month)} has too few rows for a model.")
        oof, bars = models.predict_out_of_fold(training, config)
        faults = [
            *_reaching_splits(oof),
            *_blocks_seen_by_models(training, oof, config),
            *_blocks_seen_by_calibrators(oof, bars, config),
        ]
    blocks = len(np.unique(oof.block))
    return verdict_of(
        [f"{month_label(month)}: {fault}" for fault in faults],
        f"{len(oof.net):,} out-of-fold rows in {blocks} inner blocks of {month_label(month)}: with "
        "a block's outcomes changed, its predictions, calibrated probabilities and expected values "
        "are the same bits; calibrators are compared on labels that were over.",
    )


def _quick(config: ModelConfig) -> ModelConfig:
    """The settings, with few trees."""
    trees = config.lightgbm.model_copy(update={"n_rounds": FEW_ROUNDS})
    event_trees = config.drift.event_trees.model_copy(update={"n_rounds": FEW_ROUNDS})
    drift = config.drift.model_copy(update={"n_rounds": FEW_ROUNDS, "event_trees": event_trees})
    return config.model_copy(update={"lightgbm": trees, "drift": drift})


def _reaching_splits(oof: OutOfFold) -> list[str]:
    """Blocks whose calibrator would be chosen on labels that were not over when they began."""
    ends = oof.events["exit_time_utc"]
    faults = []
    for fit, validation in oof.forward_splits():
        start = oof.events.loc[validation, "decision_time_utc"].min()
        late = int((ends[fit] >= start).sum())
        if late:
            block = int(oof.block[validation][0])
            faults.append(f"inner block {block} has a calibrator chosen on {late} later label(s)")
    return faults


def _blocks_seen_by_models(training: Training, oof: OutOfFold, config: ModelConfig) -> list[str]:
    """The last block, if its outcomes change its predictions."""
    last = training.inner[-1]
    rows = training.rows.assign(**_turned(training.rows, last.validation))
    bars = training.bars
    if bars is not None:
        masks = training.bars_of(last.number)
        assert masks is not None
        bars = replace(bars, move=np.where(masks.validation, -bars.move, bars.move))
    changed = replace(training, rows=rows, inner=[last], bars=bars)
    again, _ = models.predict_out_of_fold(changed, config)
    here = oof.block == last.number
    differ = [
        name
        for name, predicted in again.predicted.by_head.items()
        if (predicted != oof.predicted.by_head[name][here]).any()
    ]
    return [f"{', '.join(differ)} saw outcomes of inner block {last.number}"] if differ else []


def _blocks_seen_by_calibrators(
    oof: OutOfFold, bars: BarEvidence | None, config: ModelConfig
) -> list[str]:
    """Blocks whose outcomes change their own calibration."""
    oof, bars = _taught(oof), _taught_bars(bars)
    plain = models.cross_fitted(oof, bars, config)
    faults = []
    for block in np.unique(oof.block):
        here = oof.block == block
        if here.all():
            continue
        others = bars
        if bars is not None:
            turned = np.where(bars.block == block, -bars.outcome, bars.outcome)
            others = replace(bars, outcome=turned)
        events = oof.events.assign(**_turned(oof.events, here))
        changed = models.cross_fitted(replace(oof, events=events), others, config)
        differ = [
            name
            for name, before, after in zip(APPLIED, plain, changed, strict=True)
            if not np.array_equal(before[here], after[here], equal_nan=True)
        ]
        if differ:
            faults.append(f"{', '.join(differ)} of inner block {block} saw its own outcomes")
    return faults


def _taught(oof: OutOfFold) -> OutOfFold:
    """The rows with outcomes that change calibrators: most rows with high predictions win.

    Real outcomes are close to noise. A calibrator that stays at the identity for them would show
    nothing.
    """
    p, rng = oof.predicted.p_raw, np.random.default_rng(0)
    won = rng.random(len(p)) < np.where(p > np.median(p), 0.85, 0.15)
    cost = oof.events["cost_rt"].to_numpy(dtype=np.float64)
    outcomes = _outcomes(cost + np.where(won, 0.01, -0.01), cost)
    return replace(oof, events=oof.events.assign(**outcomes))


def _taught_bars(bars: BarEvidence | None) -> BarEvidence | None:
    if bars is None:
        return None
    departure, rng = bars.predicted - bars.centre, np.random.default_rng(0)
    spread = float(departure.std()) or 1.0
    return replace(bars, outcome=departure / spread + rng.standard_normal(len(departure)))


def _turned(events: pd.DataFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The rows with the outcomes of some of them inverted: winners lose."""
    gross = events["gross_logret"].to_numpy(dtype=np.float64)
    cost = events["cost_rt"].to_numpy(dtype=np.float64)
    return _outcomes(np.where(rows, 2.0 * cost - gross, gross), cost)


def _outcomes(gross: np.ndarray, cost: np.ndarray) -> dict[str, np.ndarray]:
    net = gross - cost
    return {"gross_logret": gross, "net_logret": net, "y": (net > 0.0).astype(np.int64)}


CHECKS = (
    AuditCheck(
        name="blocks_are_cross_fitted",
        position=100,
        does="out-of-fold predictions of a sampled fold made again with few trees and one "
        "inner block's outcomes changed: its predictions, calibrated probabilities and "
        "expected values are the same bits; the labels that choose its calibrator were "
        "over",
        planted="one calibrator for all blocks; a slope fitted on every block; blocks, or "
        "their bars, that train on themselves; splits that are not purged",
        run=check_cross_fitting,
        trains_models=True,
    ),
)
