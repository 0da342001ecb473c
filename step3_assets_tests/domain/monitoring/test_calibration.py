"""Recent probabilities against training: quiet when calibrated, an alarm when they are not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from step3_assets.domain.models.probability_scores import brier, expected_calibration_error
from step3_assets.domain.monitoring.calibration import (
    Comparison,
    RecentOutcomes,
    brier_against_training,
    ece_against_training,
)

N_DAYS, PER_DAY, N_TRAINED = 63, 8, 4000
RATES = (0.01, 0.001)
SEEDS = 200


def outcomes(seed: int, bias: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, outcomes that share noise within three days, and their days."""
    rng = np.random.default_rng(seed)
    p = np.clip(0.47 + 0.05 * rng.standard_normal(N_DAYS * PER_DAY), 0.05, 0.95)
    days = np.repeat(np.arange(N_DAYS), PER_DAY)
    shock = rng.standard_normal(N_DAYS + 2)
    shared = (shock[2:] + shock[1:-1] + shock[:-2]) / np.sqrt(3)
    noise = np.sqrt(0.2) * shared[days] + np.sqrt(0.8) * rng.standard_normal(len(p))
    return p, (noise < stats.norm.ppf(p + bias)).astype(float), days


def recent(
    seed: int,
    *,
    bias: float = 0.0,
    brier_before: float | np.ndarray | None = None,
    ece_before: float = 0.01,
    n_trained: float = N_TRAINED,
) -> RecentOutcomes:
    """The outcomes of a seed; the expected Brier score is that of training unless one is given."""
    p, won, days = outcomes(seed, bias)
    expected = float(np.mean(p * (1 - p)))
    rows = pd.DataFrame({"p_calibrated": p, "y": won}).assign(
        trained_brier=expected if brier_before is None else brier_before,
        trained_ece=ece_before,
        n_trained=n_trained,
    )
    return RecentOutcomes(rows=rows, p=p, won=won, days=days, weeks=days // 5)


def brier_of(found: RecentOutcomes) -> Comparison:
    return brier_against_training(found, n_lags=5, level=0.9, rates=RATES)


def ece_of(found: RecentOutcomes) -> Comparison:
    return ece_against_training(found, n_bins=10, n_draws=1000, seed=1, rates=RATES)


def compared(seed: int, bias: float = 0.0) -> tuple[Comparison, Comparison]:
    found = recent(seed, bias=bias)
    return brier_of(found), ece_of(found)


def alarms(bias: float, seeds: int = SEEDS) -> list[float]:
    """Share of seeds in which the Brier score, and the calibration error, warn."""
    pairs = [compared(seed, bias) for seed in range(seeds)]
    return [
        float(np.mean([pair[place].value > pair[place].bounds[0] for pair in pairs]))
        for place in (0, 1)
    ]


def test_calibrated_probabilities_stay_quiet():
    """Set to 1 %: 4 % of 200 would be seen by chance once in a thousand times."""
    assert max(alarms(0.0)) <= 0.04


def test_planted_miscalibration_is_found():
    brier_share, ece_share = alarms(0.25, seeds=40)
    assert brier_share > 0.5
    assert ece_share > 0.9


def test_the_values_are_the_plain_scores():
    p, won, days = outcomes(5)
    trained = np.where(days < 30, 0.24, 0.26)
    found = brier_of(recent(5, brier_before=trained))
    assert found.value == pytest.approx(brier(won, p), rel=1e-12)
    assert found.trained == pytest.approx(trained.mean())
    assert found.lower < found.value < found.upper
    assert found.trained < found.bounds[0] < found.bounds[1]
    ece = compared(5)[1]
    assert ece.value == pytest.approx(expected_calibration_error(won, p, 10), rel=1e-12)


def test_few_rows_of_training_widen_the_bound():
    wide, narrow = (brier_of(recent(5, brier_before=0.25, n_trained=n)) for n in (500, 50_000))
    ratio = (wide.bounds[0] - 0.25) / (narrow.bounds[0] - 0.25)
    n = N_DAYS * PER_DAY
    assert ratio == pytest.approx(np.sqrt((1 + n / 500) / (1 + n / 50_000)))


def test_no_alarm_below_what_training_had():
    found = ece_of(recent(5, bias=0.2, ece_before=0.5))
    assert found.value < found.bounds[0] == 0.5
