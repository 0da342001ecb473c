"""Nothing that is applied to an out-of-fold row has seen it, or a label not over by then."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.models import training
from step3_assets.domain.models.drift import BarEvidence
from step3_assets.domain.models.out_of_fold import OutOfFold
from step3_assets.domain.models.training import (
    cross_fitted,
    gather_training,
    mean_slope,
    predict_out_of_fold,
    weigh,
)
from step3_assets_tests.domain.models.training_frames import QUICK, make_fold, make_market

EVENTS, BARS = make_market(edge_bps=40.0)
FEW_ROUNDS = QUICK.model_copy(
    update={"lightgbm": QUICK.lightgbm.model_copy(update={"n_rounds": 5})}
)


@pytest.fixture(scope="module")
def gathered():
    return gather_training(EVENTS, make_fold(EVENTS, BARS).members)


@pytest.fixture(scope="module")
def seen(gathered):
    """Rows that each inner fold's heads were fitted on, and the out-of-fold rows."""
    rows, patch = [], pytest.MonkeyPatch()
    fit_heads = training.fit_heads

    def noted(fitted, *rest):
        rows.append(fitted)
        return fit_heads(fitted, *rest)

    patch.setattr(training, "fit_heads", noted)
    oof, _ = predict_out_of_fold(gathered, FEW_ROUNDS)
    patch.undo()
    return rows, oof


@pytest.fixture
def oof(seen) -> OutOfFold:
    return seen[1]


def keys(events: pd.DataFrame) -> set:
    return set(zip(events["symbol"], events["decision_time_utc"], strict=True))


def with_other_outcomes(oof: OutOfFold, rows: np.ndarray) -> OutOfFold:
    """The same predictions; outcomes of some rows are turned around."""
    gross = oof.events["gross_logret"].to_numpy()
    gross = np.where(rows, 0.01 - 2.0 * gross, gross)
    net = gross - oof.events["cost_rt"].to_numpy()
    outcomes = {"gross_logret": gross, "net_logret": net, "y": (net > 0).astype("int64")}
    return replace(oof, events=oof.events.assign(**outcomes))


def bars_of(oof: OutOfFold) -> BarEvidence:
    """Evidence of bars with the blocks of the out-of-fold rows."""
    rng = np.random.default_rng(1)
    outcome = rng.standard_normal(len(oof.block))
    return BarEvidence(
        block=oof.block,
        predicted=outcome + rng.standard_normal(len(outcome)),
        centre=np.zeros(len(outcome)),
        outcome=outcome,
        weights=np.ones(len(outcome)),
        week=oof.weeks,
    )


@pytest.mark.parametrize("on_bars", [False, True])
def test_what_is_applied_to_a_block_does_not_depend_on_its_outcomes(oof, on_bars):
    blocks = np.unique(oof.block)
    assert len(blocks) == 3
    bars = bars_of(oof) if on_bars else None
    plain = cross_fitted(oof, bars, FEW_ROUNDS)
    for block in blocks:
        here = oof.block == block
        other_bars = bars
        if bars is not None:
            turned = np.where(here, 3.0 - 2.0 * bars.outcome, bars.outcome)
            other_bars = replace(bars, outcome=turned)
        changed = cross_fitted(with_other_outcomes(oof, here), other_bars, FEW_ROUNDS)
        for before, after in zip(plain, changed, strict=True):
            np.testing.assert_array_equal(before[here], after[here])
        assert any((b[~here] != a[~here]).any() for b, a in zip(plain, changed, strict=True))


def test_the_slope_of_some_blocks_rests_on_their_bars_alone(oof):
    bars, block = bars_of(oof), np.unique(oof.block)[0]
    here = oof.block == block
    turned = replace(bars, outcome=np.where(here, -bars.outcome, bars.outcome))
    assert mean_slope(oof, bars, ~here, FEW_ROUNDS) == mean_slope(oof, turned, ~here, FEW_ROUNDS)
    assert mean_slope(oof, bars, here, FEW_ROUNDS) != mean_slope(oof, turned, here, FEW_ROUNDS)


def test_calibrators_are_compared_on_blocks_that_begin_after_their_labels_ended(oof, monkeypatch):
    asked = []

    def noted(p, y, weights, splits, config):
        asked.append((p, splits))
        return {"kind": "identity", "chosen_by": {}}

    monkeypatch.setattr(training, "choose_calibrator", noted)
    cross_fitted(oof, None, FEW_ROUNDS)
    assert len(asked) == 3
    for p, splits in asked:
        assert splits
        for fit, validation in splits:
            assert len(fit) == len(validation) == len(p)
            assert not (fit & validation).any()
    for fit, validation in oof.forward_splits():
        start = oof.events.loc[validation, "decision_time_utc"].min()
        assert fit.any()
        assert (oof.events.loc[fit, "exit_time_utc"] < start).all()


def test_a_label_that_reaches_the_next_block_does_not_choose_its_calibrator(oof):
    """The members say from which block on a row may train; the split asks them."""
    late = oof.events["inner_train_from"].to_numpy(dtype=np.float64, copy=True)
    (second_before, _), (third_before, _) = oof.forward_splits()
    late[np.flatnonzero(second_before)[-3:]] = np.unique(oof.block)[2]
    moved = replace(oof, events=oof.events.assign(inner_train_from=late))
    (second, _), (third, _) = moved.forward_splits()
    assert second_before.sum() - second.sum() == 3
    np.testing.assert_array_equal(third, third_before)


def test_an_inner_fold_trains_on_the_rows_before_its_block(seen, gathered):
    rows, _ = seen
    assert len(rows) == len(gathered.inner) == 3
    for fitted, inner in zip(rows, gathered.inner, strict=True):
        assert keys(fitted.events) == keys(gathered.rows[inner.train])
        assert not keys(fitted.events) & keys(gathered.rows[inner.validation])


def test_later_rows_do_not_count_in_the_weights_of_an_inner_fold(seen):
    """More rows overlap more: with them the same rows would count as fewer."""
    rows, _ = seen
    for fitted in rows:
        alone = weigh(fitted.events)
        np.testing.assert_array_equal(fitted.weights, alone.weights)
    assert len({float(fitted.weights[0]) for fitted in rows}) == 3
