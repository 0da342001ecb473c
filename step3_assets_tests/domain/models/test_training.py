import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.models import CALIBRATED_MODELS, MODEL_METRICS, RELIABILITY_BINS
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import month_start
from step3_assets.domain.folds.build import training_mask
from step3_assets.domain.folds.uniqueness import average_uniqueness
from step3_assets.domain.models.features import LeakageError
from step3_assets.domain.models.text_format import load_numbers, read_payloads
from step3_assets.domain.models.training import gather_training, weigh
from step3_assets_tests.domain.models.training_frames import (
    MONTH,
    QUICK,
    make_fold,
    make_market,
    train_events,
    with_outcomes,
)

EVENTS, BARS = make_market(edge_bps=40.0)
FOLD = make_fold(EVENTS, BARS)


@pytest.fixture(scope="module")
def trained():
    return train_events(EVENTS, FOLD, QUICK)


def figure(trained, head, metric, stage="raw"):
    rows = trained.metrics
    found = rows[(rows["head"] == head) & (rows["metric"] == metric) & (rows["stage"] == stage)]
    return found["value"].item()


def test_tables_are_canonical(trained):
    assert frame_hash(trained.models, CALIBRATED_MODELS)
    assert frame_hash(trained.metrics, MODEL_METRICS)
    assert frame_hash(trained.reliability, RELIABILITY_BINS)
    assert set(trained.models["head"]) == {
        "logistic", "ridge", "elasticnet", "classifier", "mean", "q10", "q50",
        "q90", "calibrator", "payoff", "blend", "features",
    }  # fmt: skip
    assert (trained.models["n_rows"] == training_mask(FOLD.members).sum()).all()


def test_planted_edge_is_found_and_no_straight_line_finds_it(trained):
    assert figure(trained, "classifier", "auc") > 0.56
    assert figure(trained, "logistic", "auc") < 0.54
    assert figure(trained, "classifier", "brier", "calibrated") < figure(
        trained, "base_rate", "brier"
    )
    assert figure(trained, "mean", "mse") < figure(trained, "base_rate", "mse")
    assert figure(trained, "classifier", "p_std") > 0.01
    assert figure(trained, "blend", "w_mean", "calibrated") > 0.5
    assert figure(trained, "blend", "ev_slope", "calibrated") > 0.3


def test_shuffled_labels_find_nothing():
    """Canary: outcomes dealt at random among the events, within each volatility's own scale."""
    rng = np.random.default_rng(5)
    scaled = (EVENTS["gross_logret"] / EVENTS["u_atr"]).to_numpy()
    gross = rng.permutation(scaled - scaled.mean()) * EVENTS["u_atr"]
    shuffled = with_outcomes(EVENTS.assign(gross_logret=gross))
    got = train_events(shuffled, make_fold(shuffled, BARS), QUICK)
    assert abs(figure(got, "classifier", "auc") - 0.5) < 0.04
    assert figure(got, "blend", "w_mean", "calibrated") == 0
    assert figure(got, "blend", "w_struct", "calibrated") == 0
    assert figure(got, "classifier", "brier", "calibrated") == pytest.approx(
        figure(got, "base_rate", "brier"), abs=0.004
    )


def test_trained_again_from_shuffled_rows_gives_the_same_bytes(trained):
    again = train_events(EVENTS.sample(frac=1, random_state=1), FOLD, QUICK)
    pd.testing.assert_frame_equal(again.models, trained.models, check_exact=True)
    pd.testing.assert_frame_equal(again.metrics, trained.metrics, check_exact=True)
    pd.testing.assert_frame_equal(again.reliability, trained.reliability, check_exact=True)


def test_time_travel(trained):
    """Everything that becomes known after the fold's start may change; the models may not."""
    rng = np.random.default_rng(6)
    changed = EVENTS.copy()
    late = (changed["exit_time_utc"] >= month_start(MONTH)).to_numpy()
    assert 20 < late.sum() < len(changed) / 4
    noise = rng.standard_normal(late.sum())
    changed.loc[late, "gross_logret"] += 0.01 * noise
    changed.loc[late, "label_end_idx"] += 1
    changed.loc[late, "exit_time_utc"] += pd.Timedelta(hours=2)
    in_month = (changed["decision_time_utc"] >= month_start(MONTH)).to_numpy()
    changed.loc[in_month, ["trend_score", "vol_z", "u_atr"]] *= 1.5
    changed = with_outcomes(changed)
    again = train_events(changed, make_fold(changed, BARS), QUICK)
    pd.testing.assert_frame_equal(again.models, trained.models, check_exact=True)
    pd.testing.assert_frame_equal(again.metrics, trained.metrics, check_exact=True)


def test_time_travel_would_be_seen(trained):
    """Planted fault: one label final before the month is changed, and the bytes differ."""
    changed = EVENTS.copy()
    victim = FOLD.members[training_mask(FOLD.members)].iloc[100]
    row = (changed["symbol"] == victim["symbol"]) & (
        changed["decision_time_utc"] == victim["decision_time_utc"]
    )
    changed.loc[row, "gross_logret"] += 0.05
    again = train_events(with_outcomes(changed), FOLD, QUICK)
    assert again.models["payload"].tolist() != trained.models["payload"].tolist()


@pytest.mark.parametrize("leak", ["touch_delay_bars", "y", "t_idx"])
def test_planted_leak_is_refused(leak):
    leaky = QUICK.model_copy(update={"features": (*QUICK.features, leak)})
    with pytest.raises(LeakageError, match=leak):
        train_events(EVENTS, FOLD, leaky)


def test_leak_that_is_let_in_would_show(monkeypatch):
    """What the guard keeps out: with the outcome among the features AUC is far above honest."""
    monkeypatch.setattr("step3_assets.domain.models.features.refuse_leaks", lambda columns: None)
    leaky = QUICK.model_copy(update={"features": (*QUICK.features, "exit_open")})
    assert figure(train_events(EVENTS, FOLD, leaky), "classifier", "auc") > 0.95


@pytest.mark.parametrize(
    "spoil",
    [
        lambda events: events[events["month"] >= pd.Timestamp("2017-11-01").date()],
        lambda events: events[events["month"] >= MONTH],
        lambda events: events.assign(y=1),
        lambda events: events.assign(maturity="provisional"),
    ],
    ids=["few rows", "no rows", "one outcome", "nothing final"],
)
def test_fold_that_cannot_be_trained_has_no_models(spoil):
    events = spoil(EVENTS)
    got = train_events(events, make_fold(events, BARS), QUICK)
    assert got.models.empty
    assert got.metrics.empty
    assert got.reliability.empty
    assert list(got.models.columns) == CALIBRATED_MODELS.names


def test_missing_event_of_a_training_row_is_refused():
    with pytest.raises(ValueError, match="training rows have no event"):
        gather_training(EVENTS[EVENTS["symbol"] == "AAA"], FOLD.members)


def test_weights_are_equal_and_count_independent_rows():
    rows = gather_training(EVENTS, FOLD.members).rows
    weights = weigh(rows).weights
    assert len(np.unique(weights)) == 1
    first, last = rows["t_idx"] + 1, rows["label_end_idx"]
    unique = average_uniqueness(rows["symbol"], first.to_numpy(), last.to_numpy())
    assert weights.sum() == pytest.approx(unique.sum())


def test_a_level_does_not_depend_on_how_crowded_its_rows_are():
    """Planted: winners come in crowds. Weighted by uniqueness the level would be far too low."""
    rows = gather_training(EVENTS, FOLD.members).rows
    crowded = rows.assign(t_idx=1000, label_end_idx=1010).iloc[:50].assign(gross_logret=0.02)
    alone = rows.iloc[50:60].assign(
        t_idx=range(2000, 2200, 20), label_end_idx=range(2010, 2210, 20), gross_logret=-0.02
    )
    both = pd.concat([crowded, alone], ignore_index=True).assign(symbol="AAA", u_atr=0.01)
    level = np.average(weigh(both).scaled_gross, weights=weigh(both).weights)
    assert level == pytest.approx((50 * 2 - 10 * 2) / 60)
    unique = average_uniqueness(
        both["symbol"], both["t_idx"].to_numpy() + 1, both["label_end_idx"].to_numpy()
    )
    assert np.average(both["gross_logret"] / both["u_atr"], weights=unique) < -1


def test_barriers_may_stand_for_payoffs():
    got = train_events(EVENTS, FOLD, QUICK.model_copy(update={"ev_struct": "barrier"}))
    assert load_numbers(read_payloads(got.models)["payoff"])["gain"] == [1.0, 1.0]


def test_reliability_bins_count_every_out_of_fold_row(trained):
    per_stage = trained.reliability.groupby("stage")["n_rows"].sum()
    calibration = (FOLD.members["role"] == "calibration").sum()
    assert per_stage.to_dict() == {"raw": calibration, "calibrated": calibration}
