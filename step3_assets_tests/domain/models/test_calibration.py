import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from step3_assets.config import CalibrationConfig
from step3_assets.domain.models.calibration import (
    calibrate,
    choose_calibrator,
    fit_base_rate,
    fit_isotonic,
    fit_platt,
    logit,
)
from step3_assets.domain.models.probability_scores import brier, log_loss
from step3_assets.domain.models.text_format import ModelIntegrityError

RNG = np.random.default_rng(2)
N = 6000
TRUE = RNG.uniform(0.2, 0.8, N)
Y = (RNG.random(N) < TRUE).astype(float)
OVERCONFIDENT = expit(3.0 * logit(TRUE))
ONES = np.ones(N)
HALVES = [(np.arange(N) < N // 2, np.arange(N) >= N // 2)]


def test_platt_equals_unpenalised_logistic_regression():
    w = RNG.uniform(0.1, 1.0, N)
    got = fit_platt(OVERCONFIDENT, Y, w)
    model = LogisticRegression(C=1e10, tol=1e-10).fit(
        logit(OVERCONFIDENT)[:, None], Y, sample_weight=w
    )
    assert got["slope"] == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert got["intercept"] == pytest.approx(model.intercept_[0], abs=1e-4)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_calibration_repairs_overconfidence(fit):
    repaired = calibrate(fit(OVERCONFIDENT, Y, ONES), OVERCONFIDENT)
    assert brier(Y, repaired) < brier(Y, OVERCONFIDENT) - 0.01
    assert np.abs(repaired - TRUE).mean() < 0.03


def test_skill_turned_around_is_no_skill():
    flat = fit_platt(1 - TRUE, Y, ONES)
    assert flat["slope"] == 0.0
    assert calibrate(flat, TRUE) == pytest.approx(np.full(N, Y.mean()), abs=1e-3)


@pytest.mark.parametrize("p", [np.full(N, 0.5)])
def test_constant_predictions_give_the_base_rate(p):
    assert calibrate(fit_platt(p, Y, ONES), p) == pytest.approx(np.full(N, Y.mean()), abs=1e-3)


def test_isotonic_stays_off_zero_and_one():
    p, y = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0])
    got = calibrate(fit_isotonic(p, y, np.ones(4)), np.array([0.0, 1.0]))
    assert got.tolist() == pytest.approx([0.1, 0.9])  # half a row of five


def test_isotonic_needs_its_floor_of_independent_rows():
    """The same 3,000 rows count in full, or for 300 when ten overlap at a time."""
    # A probability that Platt cannot repair: a step.
    p = TRUE
    y = (RNG.random(N) < np.where(TRUE > 0.5, 0.7, 0.3)).astype(float)
    config = CalibrationConfig(isotonic_min_rows=1000)
    assert choose_calibrator(p, y, ONES, HALVES, config)["kind"] == "isotonic"
    assert choose_calibrator(p, y, ONES / 10, HALVES, config)["kind"] == "platt"


def test_choice_is_by_log_loss_on_rows_not_fitted_on():
    got = choose_calibrator(OVERCONFIDENT, Y, ONES, HALVES, CalibrationConfig())
    fit, judge = HALVES[0]
    by_hand = {
        name: log_loss(
            Y[judge], calibrate(f(OVERCONFIDENT[fit], Y[fit], ONES[fit]), OVERCONFIDENT[judge])
        )
        for name, f in (("platt", fit_platt), ("isotonic", fit_isotonic))
    }
    assert got["chosen_by"] == pytest.approx(by_hand)
    assert got["kind"] == min(by_hand, key=lambda name: by_hand[name])


def test_one_outcome_only_gives_the_base_rate():
    got = choose_calibrator(TRUE[:9], np.ones(9), ONES[:9], [], CalibrationConfig())
    assert got["kind"] == "base_rate"
    assert got["rate"] == pytest.approx(9.5 / 10)


def test_nan_stays_nan():
    for numbers in (fit_platt(TRUE, Y, ONES), fit_isotonic(TRUE, Y, ONES), fit_base_rate(Y, ONES)):
        assert np.isnan(calibrate(numbers, np.array([np.nan]))).all()


def test_unknown_kind_is_refused():
    with pytest.raises(ModelIntegrityError, match="unknown kind 'beta'"):
        calibrate({"kind": "beta"}, TRUE)
