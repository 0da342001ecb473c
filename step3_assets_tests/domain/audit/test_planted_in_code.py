"""Leaks in the making of models, scores and folds: the results they leave do not pass.

Each plant is the code of a mistake; what it makes is stored, and the audit runs with the mistake
still in place, as it would in a platform that has it.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.audit.checks import canaries, time_travel
from step3_assets.domain.audit.checks.canaries import check_shuffled_labels, shuffle_labels
from step3_assets.domain.audit.checks.cross_fitting import check_cross_fitting
from step3_assets.domain.audit.checks.known_at import check_known_at
from step3_assets.domain.audit.checks.purge_again import check_purge
from step3_assets.domain.audit.checks.time_travel import change_future, check_models, check_scores
from step3_assets.domain.core.months import month_start
from step3_assets.domain.folds.purge import BarClock
from step3_assets.domain.models import training
from step3_assets.domain.models.out_of_fold import OutOfFold
from step3_assets.domain.walk_forward.month_steps import (
    FoldInputs,
    ScoringInputs,
    TrainingInputs,
    fold_step,
    scoring_step,
    training_rows,
    training_step,
)
from step3_assets_tests.domain.audit.audited import MONTHS

MONTH = MONTHS[-1]


def drift_guard(inputs):
    """The test month's own volatility decides how strongly its models are shrunk."""
    data, config = inputs.rows, inputs.config
    now = data.events.loc[data.events["month"] == data.fold.month, "u_atr"].mean()
    update = {"lightgbm": config.lightgbm.model_copy(update={"lambda_l2": 1e3 * float(now)})}
    tables = dict(training_step(replace(inputs, config=config.model_copy(update=update))))
    tables["calibrated_models"] = tables["calibrated_models"].assign(
        config_hash=config.content_hash()
    )
    return tables


def scaled_on_the_full_sample(inputs):
    """A feature is standardised over everything there is before the split."""
    events = inputs.rows.events
    column = (events["vol_z"] - events["vol_z"].mean()) / events["vol_z"].std()
    rows = replace(inputs.rows, events=events.assign(vol_z=column))
    return training_step(replace(inputs, rows=rows))


def labels_that_end_in_the_test_month(inputs):
    """Nothing is purged: whatever was decided before the month trains."""
    fold = inputs.rows.fold
    roles = fold.members["role"].replace({"purged": "fit", "embargoed": "fit"})
    unpurged = replace(fold, members=fold.members.assign(role=roles))
    return training_step(replace(inputs, rows=replace(inputs.rows, fold=unpurged)))


def drift_of_the_test_month(inputs):
    """Bars that start in the test month train the drift, as if the test began a month later."""
    fold = inputs.rows.fold
    later = fold.manifest["test_start_utc"] + pd.DateOffset(months=1)
    shifted = replace(fold, manifest=fold.manifest.assign(test_start_utc=later, embargo_bars=0))
    return training_step(replace(inputs, rows=replace(inputs.rows, fold=shifted)))


@pytest.mark.parametrize(
    "leak",
    [
        drift_guard,
        scaled_on_the_full_sample,
        labels_that_end_in_the_test_month,
        drift_of_the_test_month,
    ],
)
def test_training_that_sees_the_future_differs_once_it_is_changed(honest, monkeypatch, leak):
    rows = training_rows(fold_inputs(honest))
    training = TrainingInputs(rows=rows, config=honest.config.models)
    stored = leak(training)["calibrated_models"]
    monkeypatch.setattr(time_travel, "training_step", leak)
    found = check_models(replace(honest, models=stored))
    assert not found.is_passed
    assert "differ once the future is changed" in found.text


def test_models_of_other_settings_are_not_taken_for_honest(honest):
    blend = honest.config.models.blend.model_copy(update={"open_at_evidence": 2.0})
    gentler = honest.config.models.model_copy(update={"blend": blend})
    config = honest.config.model_copy(update={"models": gentler})
    assert "of other settings" in check_models(replace(honest, config=config)).text


def test_a_model_that_was_altered_is_seen(honest):
    models = honest.models.copy()
    models.loc[models["head"] == "mean", "payload_sha256"] = "0" * 64
    assert "2021-02: mean differ" in check_models(replace(honest, models=models)).text


def peeks_at_the_outcome(inputs):
    scores = scoring_step(inputs)["scores"]
    rows = inputs.events.sort_values(["symbol", "decision_time_utc"])
    return {"scores": scores.assign(ev_final=scores["ev_final"] + 0.1 * rows["net_logret"].values)}


def ranked_within_the_month(inputs):
    scores = scoring_step(inputs)["scores"]
    return {"scores": scores.assign(ev_final=scores["ev_final"].rank(pct=True))}


@pytest.mark.parametrize(
    ("leak", "said"),
    [(peeks_at_the_outcome, "outcomes are changed"), (ranked_within_the_month, "is gone")],
)
def test_a_score_that_needs_the_future_differs(honest, monkeypatch, leak, said):
    events = honest.events[honest.events["month"] == MONTH]
    scoring = ScoringInputs(models=honest.models, events=events, month=MONTH, config=honest.config)
    stored = leak(scoring)["scores"]
    monkeypatch.setattr(time_travel, "scoring_step", leak)
    found = check_scores(replace(honest, scores=stored))
    assert not found.is_passed
    assert "ev_final" in found.text
    assert said in found.text


def test_an_embargo_two_bars_short_is_seen(honest, monkeypatch):
    """Counted from the decision's bar, not from the label's end."""
    true_boundary = BarClock.boundary_at

    def short(self, stamp, embargo_bars):
        return true_boundary(self, stamp, max(embargo_bars - 2, 0))

    monkeypatch.setattr(BarClock, "boundary_at", short)
    found = check_purge(replace(honest, fold_members=members_again(honest)))
    assert not found.is_passed
    assert "inside its embargo" in found.text


def test_a_purge_on_one_s_own_bars_only_is_seen(honest, monkeypatch):
    """A symbol whose last bars are missing ends early on its own rows, late on the clock."""
    events = honest.events.copy()
    members = members_again(honest)
    row = members.index[(members["role"] == "fit") & (members["month"] == MONTH)][-1]
    key = (events["symbol"] == members.loc[row, "symbol"]) & (
        events["decision_time_utc"] == members.loc[row, "decision_time_utc"]
    )
    events.loc[key, "exit_time_utc"] = month_start(MONTH) + pd.Timedelta(days=1)
    found = check_purge(replace(honest, events=events))
    assert not found.is_passed
    assert "on the clock" in found.text


def members_again(inputs) -> pd.DataFrame:
    """The last month's members, cut again."""
    return fold_step(fold_inputs(inputs))["fold_members"].reset_index(drop=True)


def fold_inputs(inputs) -> FoldInputs:
    return FoldInputs(
        events=inputs.events, bars=inputs.bars, month=MONTH, config=inputs.config.folds
    )


def test_a_matrix_builder_that_refuses_nothing_is_seen(honest, monkeypatch):
    monkeypatch.setattr("step3_assets.domain.models.features.refuse_leaks", lambda columns: None)
    found = check_known_at(honest)
    assert not found.is_passed
    assert "the matrix builder took" in found.text


def test_calibrating_and_judging_in_sample_sings(honest, monkeypatch):
    """Inner folds that train on the rows they judge find what is not there."""
    honest_folds = training.inner_folds

    def in_sample(members):
        return [replace(one, train=one.train | one.validation) for one in honest_folds(members)]

    monkeypatch.setattr(training, "inner_folds", in_sample)
    found = check_shuffled_labels(honest)
    assert not found.is_passed
    assert "shuffled labels" in found.text


def calibrated_on_all_blocks(monkeypatch):
    """One calibrator for every block, its own rows among those that it was fitted on."""
    honest_choice, everything = training.choose_calibrator, {}

    def from_all(p, y, weights, splits, config):
        key = max(everything, default=0)
        if len(p) > key:
            everything[len(p)] = honest_choice(p, y, weights, splits, config)
        return everything[max(everything)]

    honest_fit = training.cross_fitted

    def fit(oof, bars, config):
        everything.clear()
        from_all(
            oof.predicted.p_raw, oof.won, oof.weights, oof.forward_splits(), config.calibration
        )
        return honest_fit(oof, bars, config)

    monkeypatch.setattr(training, "choose_calibrator", from_all)
    monkeypatch.setattr(training, "cross_fitted", fit)


def slope_of_all_blocks(monkeypatch):
    honest_slope = training.mean_slope

    def of_all(oof, bars, rows, config):
        return honest_slope(oof, bars, np.ones(len(rows), dtype=bool), config)

    monkeypatch.setattr(training, "mean_slope", of_all)


def blocks_that_train_on_themselves(monkeypatch):
    honest_fit = training._fit

    def in_sample(rows, train, number, config):
        inner = [one for one in rows.inner if one.number == number]
        own = inner[0].validation if inner else np.zeros_like(train)
        return honest_fit(rows, train | own, number, config)

    monkeypatch.setattr(training, "_fit", in_sample)


def bars_of_the_block_train(monkeypatch):
    honest_masks = training.Training.bars_of

    def in_sample(self, number):
        masks = honest_masks(self, number)
        return masks and replace(masks, train=masks.train | masks.validation)

    monkeypatch.setattr(training.Training, "bars_of", in_sample)


def splits_that_are_not_purged(monkeypatch):
    def unpurged(self):
        blocks = np.unique(self.block)[1:]
        return [(self.block < block, self.block == block) for block in blocks]

    monkeypatch.setattr(OutOfFold, "forward_splits", unpurged)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (calibrated_on_all_blocks, "p_calibrated, ev_struct of inner block 0 saw its own outcomes"),
        (slope_of_all_blocks, "ev_ml of inner block 0 saw its own outcomes"),
        (blocks_that_train_on_themselves, "saw outcomes of inner block 1"),
        (bars_of_the_block_train, "mean saw outcomes of inner block 1"),
        (splits_that_are_not_purged, "inner block 1 has a calibrator chosen on"),
    ],
)
def test_a_block_that_was_seen_is_named(honest, monkeypatch, plant, said):
    plant(monkeypatch)
    found = check_cross_fitting(honest)
    assert not found.is_passed
    assert said in found.text


def test_a_label_among_the_features_sings(honest, monkeypatch):
    """A feature made from the labels that train, whatever they are."""

    def encoded(inputs):
        events = inputs.rows.events.assign(vol_z=inputs.rows.events["net_logret"])
        return training_step(replace(inputs, rows=replace(inputs.rows, events=events)))

    monkeypatch.setattr(canaries, "training_step", encoded)
    assert "give an AUC of" in check_shuffled_labels(honest).text


def test_the_future_that_is_changed_is_all_of_it_and_nothing_else(honest):
    start = month_start(MONTH)
    changed = change_future(honest.events, start, seed=1)
    events = honest.events
    over = events["exit_time_utc"] < start
    pd.testing.assert_frame_equal(changed[over], events[over], check_exact=True)
    assert (changed.loc[~over, "net_logret"] != events.loc[~over, "net_logret"]).all()
    assert (changed.loc[~over, "y"] != events.loc[~over, "y"]).all()
    later = events["decision_instant_utc"] >= start
    earlier = events[~later]
    pd.testing.assert_frame_equal(
        changed.loc[~later, ["vol_z", "u_atr", "cost_rt"]], earlier[["vol_z", "u_atr", "cost_rt"]]
    )
    assert (changed.loc[later, "u_atr"] > events.loc[later, "u_atr"]).all()
    assert (changed["decision_time_utc"] == events["decision_time_utc"]).all()


def test_shuffled_labels_are_the_same_labels(honest):
    shuffled = shuffle_labels(honest.events, seed=2)
    for frame in (shuffled, honest.events):
        np.testing.assert_allclose(
            frame["net_logret"], frame["gross_logret"] - frame["cost_rt"], atol=1e-15
        )
    ours, theirs = (np.sort(f["gross_logret"] / f["u_atr"]) for f in (shuffled, honest.events))
    np.testing.assert_allclose(ours, theirs)
    assert (shuffled["y"] != honest.events["y"]).mean() > 0.3
