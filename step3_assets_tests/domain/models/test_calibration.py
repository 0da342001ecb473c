import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from step3_assets.config import CalibrationConfig
from step3_assets.domain.models.calibration import (
    CANDIDATES,
    NEEDS_ROWS,
    calibrate,
    choose_calibrator,
    fit_base_rate,
    fit_beta,
    fit_isotonic,
    fit_platt,
    fit_venn_abers,
    logit,
    smoothed_targets,
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


def test_platt_equals_logistic_regression_on_smoothed_targets():
    """Soft targets as pairs of weighted rows, fitted by another library."""
    w = RNG.uniform(0.1, 1.0, N)
    got = fit_platt(OVERCONFIDENT, Y, w)
    target = smoothed_targets(Y, w)
    x = np.tile(logit(OVERCONFIDENT), 2)[:, None]
    y = np.repeat([1.0, 0.0], N)
    weights = np.concatenate([w * target, w * (1 - target)])
    model = LogisticRegression(C=1e10, tol=1e-10).fit(x, y, sample_weight=weights)
    assert got["slope"] == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert got["intercept"] == pytest.approx(model.intercept_[0], abs=1e-4)


def test_targets_by_hand():
    """3.5 independent winners, 1.5 losers."""
    got = smoothed_targets(np.array([1.0, 1.0, 0.0]), np.array([2.0, 1.5, 1.5]))
    assert got == pytest.approx([4.5 / 5.5, 4.5 / 5.5, 1 / 3.5])


@pytest.mark.parametrize("fit", [fit_platt, fit_beta])
@pytest.mark.parametrize("n", [3, 30, 300])
def test_no_sample_makes_a_calibrator_surer_than_its_size_allows(fit, n):
    """Perfectly separated: an end of n rows is not surer than about 1 / (n + 2)."""
    p = np.concatenate([np.linspace(0.40, 0.44, n), np.linspace(0.56, 0.60, n)])
    y = np.repeat([0.0, 1.0], n)
    q = calibrate(fit(p, y, np.ones(2 * n)), p)
    assert q.min() > 0.1 / (n + 2)
    assert q.max() < 1 - 0.1 / (n + 2)
    assert (np.diff(q) >= 0).all()


@pytest.mark.parametrize("fit", [fit_platt, fit_beta])
@pytest.mark.parametrize("reach", [(-300, -200), (-20, -12), (-9, -6), (-3, -2)])
def test_extreme_scores_keep_their_order(fit, reach):
    rng = np.random.default_rng(0)
    low, high = reach
    p = np.concatenate(
        [10.0 ** rng.uniform(low, high, 300), 1 - 10.0 ** rng.uniform(-16, -12, 300)]
    )
    y = np.concatenate([rng.random(300) < 0.3, rng.random(300) < 0.7]).astype(float)
    q = calibrate(fit(p, y, np.ones(600)), p)
    assert q[300:].mean() - q[:300].mean() > 0.3
    assert np.isfinite(q).all()


def test_beta_repairs_a_skew_that_platt_cannot():
    """Kull's family: a and b differ."""
    true = expit(-1.2 + 0.2 * np.log(TRUE) - 2.5 * np.log1p(-TRUE))
    y = (np.random.default_rng(5).random(N) < true).astype(float)
    got = fit_beta(TRUE, y, ONES)
    assert got["b"] > 2 * got["a"]
    assert np.abs(calibrate(got, TRUE) - true).mean() < 0.02
    assert np.abs(calibrate(fit_platt(TRUE, y, ONES), TRUE) - true).mean() > 0.02


def test_venn_abers_lies_between_its_two_answers():
    """Inductive Venn-Abers by hand at one point: isotonic fits with the row added as 0 and as 1."""
    p, y, w = OVERCONFIDENT[:300], Y[:300], ONES[:300]
    got = fit_venn_abers(p, y, w)
    score = got["x"][10]
    pair = [
        float(
            IsotonicRegression(out_of_bounds="clip")
            .fit(np.append(p, score), np.append(y, outcome))
            .predict([score])[0]
        )
        for outcome in (0.0, 1.0)
    ]
    assert pair[0] <= got["y"][10] <= pair[1]
    assert 0 < got["y"][0] <= got["y"][-1] < 1


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic, fit_venn_abers])
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


def test_steps_need_their_floor_of_independent_rows():
    """The same 3,000 rows count in full, or for 300 when ten overlap at a time."""
    # A probability that no smooth calibrator can repair: a step.
    p = TRUE
    y = (RNG.random(N) < np.where(TRUE > 0.5, 0.7, 0.3)).astype(float)
    config = CalibrationConfig(isotonic_min_rows=1000)
    assert choose_calibrator(p, y, ONES, HALVES, config)["kind"] in ("isotonic", "venn_abers")
    assert choose_calibrator(p, y, ONES / 10, HALVES, config)["kind"] not in NEEDS_ROWS


def test_choice_is_by_log_loss_on_rows_not_fitted_on():
    got = choose_calibrator(OVERCONFIDENT, Y, ONES, HALVES, CalibrationConfig())
    fit, validation = HALVES[0]
    by_hand = {
        name: log_loss(
            Y[validation],
            calibrate(f(OVERCONFIDENT[fit], Y[fit], ONES[fit]), OVERCONFIDENT[validation]),
        )
        for name, f in CANDIDATES.items()
    }
    by_hand["identity"] = log_loss(Y[validation], OVERCONFIDENT[validation])
    assert got["chosen_by"] == pytest.approx(by_hand)
    assert got["share"] == 1.0
    assert by_hand[got["kind"]] <= min(by_hand.values()) + 1e-3


def test_a_calibrated_probability_is_left_alone():
    """Size: of 60 samples that need no calibration, few get one, and hardly any whole."""
    rng = np.random.default_rng(8)
    shares = []
    for _ in range(60):
        p = rng.uniform(0.4, 0.6, 800)
        y = (rng.random(800) < p).astype(float)
        half = [(np.arange(800) < 400, np.arange(800) >= 400)]
        shares.append(
            choose_calibrator(p, y, np.ones(800), half, CalibrationConfig()).get("share", 0)
        )
    assert np.mean(np.array(shares) > 0) < 0.25
    assert np.mean(np.array(shares) == 1.0) < 0.1


def test_a_small_gain_applies_a_part_of_the_correction():
    p, y = OVERCONFIDENT[:400], Y[:400]
    half = [(np.arange(400) < 200, np.arange(400) >= 200)]
    shares = [
        choose_calibrator(p, y, np.full(400, weight), half, CalibrationConfig()).get("share", 0.0)
        for weight in (0.005, 0.05, 1.0)
    ]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] >= 0.5


def test_without_rows_to_validate_on_nothing_is_done():
    got = choose_calibrator(OVERCONFIDENT, Y, ONES, [], CalibrationConfig())
    assert got["kind"] == "identity"
    assert calibrate(got, OVERCONFIDENT).tolist() == OVERCONFIDENT.tolist()


def test_shrinking_is_on_the_log_odds_scale():
    numbers = {"kind": "platt", "intercept": 1.0, "slope": 0.5, "share": 0.5}
    expected = expit(0.5 * logit(TRUE) + 0.5 * (1.0 + 0.5 * logit(TRUE)))
    assert calibrate(numbers, TRUE) == pytest.approx(expected)


def test_one_outcome_only_gives_the_base_rate():
    got = choose_calibrator(TRUE[:9], np.ones(9), ONES[:9], [], CalibrationConfig())
    assert got["kind"] == "base_rate"
    assert got["rate"] == pytest.approx(9.5 / 10)


def test_nan_stays_nan():
    for fit in (*CANDIDATES.values(), None):
        numbers = fit(TRUE[:500], Y[:500], ONES[:500]) if fit else fit_base_rate(Y, ONES)
        assert np.isnan(calibrate(numbers, np.array([np.nan]))).all()


def test_unknown_kind_is_refused():
    with pytest.raises(ModelIntegrityError, match="unknown kind 'spline'"):
        calibrate({"kind": "spline"}, TRUE)
