import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.decisions import SCORES
from step3_assets.catalogue.delivery import OUTCOME_COLUMNS
from step3_assets.config import GateConfig, SizingConfig
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.decisions.decide import DecisionSettings
from step3_assets.domain.decisions.scoring import model_problems, score_fold
from step3_assets.domain.models.calibration import calibrate, logit
from step3_assets.domain.models.heads import predict_heads
from step3_assets.domain.models.linear import RIDGE
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    dump_numbers,
    load_numbers,
    payload_sha256,
    read_payloads,
)
from step3_assets_tests.domain.models.training_frames import (
    MONTH,
    QUICK,
    make_fold,
    make_market,
    train_events,
)

EVENTS, BARS = make_market(edge_bps=80.0)
FOLD = make_fold(EVENTS, BARS)
GATE = GateConfig()
TEST = EVENTS[EVENTS["month"] == MONTH]


@pytest.fixture(scope="module")
def models():
    return train_events(EVENTS, FOLD, QUICK).models


def score(models, events=EVENTS, gate=GATE):
    return score_fold(models, events, MONTH, QUICK, DecisionSettings(gate, max_size_frac=0.5))


def test_every_test_event_has_a_row(models):
    got = score(models)
    assert frame_hash(got, SCORES)
    assert got[["symbol", "decision_time_utc"]].equals(
        TEST[["symbol", "decision_time_utc"]].reset_index(drop=True)
    )
    assert set(got.loc[got["is_gated"], "size_frac"]) == {0.5}
    assert set(got.loc[~got["is_gated"], "size_frac"]) == {0.0}


def test_sizes_follow_the_forecast_and_carry_their_inputs(models):
    got = score_fold(
        models, EVENTS, MONTH, QUICK, DecisionSettings(GATE, SizingConfig(method="kelly"), 0.5)
    )
    assert frame_hash(got, SCORES)
    sd = (got["q90"] - got["q10"]) / 2.5631031310892007
    np.testing.assert_allclose(got["forecast_sd"], sd.clip(lower=1e-3), rtol=1e-12)
    by_kelly = got[got["is_gated"] & (got["size_cap"] == "kelly") & (got["size_frac"] > 0)]
    want = 0.1 * by_kelly["kelly_frac"] * by_kelly["overnight_factor"]
    np.testing.assert_allclose(by_kelly["size_frac"], want, rtol=1e-12)
    assert got["size_frac"].max() <= 0.5
    assert (got.loc[~got["is_gated"], "size_frac"] == 0.0).all()
    fixed = score(models)
    same = ["ev_final", "is_gated", "gate_reason"]
    pd.testing.assert_frame_equal(got[same], fixed[same], check_exact=True)


def test_expected_values_follow_from_the_stored_numbers(models):
    """By hand from the heads' predictions and the stored blend, payoff and calibrator."""
    got, payloads = score(models), read_payloads(models)
    test = TEST.sort_values(["symbol", "decision_time_utc"], ignore_index=True)
    heads = predict_heads(payloads, test)
    blend, payoff = (load_numbers(payloads[name]) for name in ("blend", "payoff"))
    assert blend["mean_slope"] > 0.1
    scale, cost = test["u_atr"].to_numpy(), test["cost_rt"].to_numpy()
    departure = heads.mean_scaled - blend["mean_centre"]
    ev_ml = scale * (blend["mean_level"] + blend["mean_slope"] * departure) - cost
    np.testing.assert_allclose(got["ev_ml"], ev_ml, rtol=1e-12)
    night = test["entry_overnight"].to_numpy()
    gain, loss = (np.asarray(payoff[name])[night] for name in ("gain", "loss"))
    p = calibrate(load_numbers(payloads["calibrator"]) | {"share": 1.0}, heads.p_raw)
    if (share := load_numbers(payloads["calibrator"]).get("share", 1.0)) < 1.0:
        odds = (1.0 - share) * logit(heads.p_raw) + share * logit(p)
        p = 1.0 / (1.0 + np.exp(-odds))
    assert not np.allclose(p, heads.p_raw)
    np.testing.assert_allclose(got["p_calibrated"], p, rtol=1e-12)
    ev_struct = p * gain * test["a_tp"] - (1.0 - p) * loss * test["b_sl"] - cost
    np.testing.assert_allclose(got["ev_struct"], ev_struct, rtol=1e-12)
    mixed = blend["w_struct"] * ev_struct + blend["w_mean"] * ev_ml
    np.testing.assert_allclose(got["ev_final"], mixed, rtol=1e-12)


def test_planted_edge_is_let_through_and_its_opposite_is_not(models):
    got = score(models, gate=GateConfig(k=0.0, phi=0.0)).set_index(["symbol", "decision_time_utc"])
    test = TEST.set_index(["symbol", "decision_time_utc"])
    good = (test["trend_score"] * test["vol_z"]) > 0
    gated = got["is_gated"]
    assert gated[good].mean() > gated[~good].mean() + 0.3


def test_quantiles_do_not_cross(models):
    got = score(models)
    assert (got["q10"] <= got["q50"]).all()
    assert (got["q50"] <= got["q90"]).all()


def test_score_reads_no_outcome(models):
    """Time travel after the decision: outcomes gone or nonsense, scores the same to the bit."""
    blind = EVENTS.drop(columns=[*OUTCOME_COLUMNS, "maturity"])
    pd.testing.assert_frame_equal(score(models, blind), score(models), check_exact=True)


def test_row_alone_equals_row_in_batch_to_the_bit(models):
    batch = score(models)
    alone = pd.concat(
        [score(models, TEST.iloc[[i]]) for i in range(0, len(TEST), 7)], ignore_index=True
    )
    pd.testing.assert_frame_equal(alone, batch.iloc[::7].reset_index(drop=True), check_exact=True)


def test_pending_rows_are_scored(models):
    pending = TEST.assign(maturity="pending")
    pending[["gross_logret", "net_logret", "y", "label_end_idx"]] = np.nan
    assert score(models, pending)["ev_final"].notna().all()


def test_other_months_are_ignored(models):
    pd.testing.assert_frame_equal(score(models, TEST), score(models), check_exact=True)


def test_month_without_events_has_no_rows(models):
    got = score(models, EVENTS.iloc[:0])
    assert got.empty
    assert list(got.columns) == SCORES.names


def test_fold_without_models_decides_no_model(models):
    got = score(models.iloc[:0])
    assert len(got) == len(TEST)
    assert set(got["gate_reason"]) == {"no_model"}
    assert not got["is_gated"].any()
    assert got["ev_final"].isna().all()
    assert frame_hash(got, SCORES)


@pytest.mark.parametrize("head", ["classifier", "ridge", "calibrator", "blend"])
def test_altered_model_is_refused(models, head):
    spoilt = models.copy()
    place = spoilt.index[spoilt["head"] == head][0]
    text = spoilt.at[place, "payload"]
    digit = next(i for i, c in enumerate(text) if c.isdigit())
    flipped = text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :]
    spoilt.at[place, "payload"] = flipped
    with pytest.raises(ModelIntegrityError, match=f"model {head} of 2018-01-01 was altered"):
        score(spoilt)
    assert any("was altered" in p for p in model_problems(spoilt, FOLD.manifest))


@pytest.mark.parametrize("head", ["q50", "logistic", "payoff", "features"])
def test_missing_head_is_refused(models, head):
    with pytest.raises((ModelIntegrityError, KeyError), match=head):
        score(models[models["head"] != head])


def test_models_of_another_configuration_are_refused(models):
    other = QUICK.model_copy(update={"seed": 1})
    with pytest.raises(ModelIntegrityError, match="another configuration"):
        score_fold(models, EVENTS, MONTH, other, DecisionSettings(GATE))


def test_feature_list_in_another_order_is_refused(models):
    spoilt = models.copy()
    place = spoilt.index[spoilt["head"] == "features"][0]
    text = spoilt.at[place, "payload"].replace('"trend_score","pullback_z"', '"x","y"')
    swapped = text.replace('"x","y"', '"pullback_z","trend_score"')
    spoilt.at[place, "payload"] = swapped
    spoilt.at[place, "payload_sha256"] = payload_sha256(swapped)
    with pytest.raises(ModelIntegrityError, match="feature list"):
        score(spoilt)


def test_stored_models_are_sound(models):
    assert model_problems(models, FOLD.manifest) == []
    foreign = FOLD.manifest.assign(members_hash="0" * 32)
    assert model_problems(models, foreign) == [
        "calibrated_models: 2018-01 was trained on another fold"
    ]


def test_category_that_training_never_saw_is_scored(models):
    fresh = TEST.assign(family="gap_short")
    assert score(models, fresh)["ev_final"].notna().all()


def test_predictions_come_from_the_text(models):
    payloads = read_payloads(models)
    ridge = load_numbers(payloads["ridge"])
    payloads["ridge"] = dump_numbers(ridge | {"intercept": ridge["intercept"] + 1.0})
    assert (predict_heads(payloads, TEST).of(RIDGE) > 0.5).all()
