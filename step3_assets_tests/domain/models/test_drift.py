"""Drift per bar: a planted one is found, its level is shrunk by hand-checked precisions."""

from dataclasses import replace

import numpy as np
import pytest

from step3_assets.config import DriftHeadConfig
from step3_assets.domain.models.bar_rows import BarRows
from step3_assets.domain.models.drift import WEEKS_A_YEAR, fit_drift, shrunk_level, variance_time

N = 6000
CONFIG = DriftHeadConfig(min_data_in_leaf=200)


def make_rows(edge: float, seed: int = 0) -> BarRows:
    """Bars of two symbols with one noise; drift where two signals have one sign."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((2 * N, 4))
    night = np.tile(np.arange(N) % 7 == 6, 2)
    noise = np.tile(rng.standard_normal(N), 2) * np.where(night, 2.0, 1.0)
    noise += 0.3 * rng.standard_normal(2 * N)
    drift = edge * np.sign(values[:, 0] * values[:, 1])
    return BarRows(
        symbol=np.repeat(np.array(["A", "B"], dtype=object), N),
        idx=np.tile(np.arange(N), 2),
        values=values,
        names=("a", "b", "c", "d"),
        u_atr=np.full(2 * N, 0.005),
        move=0.005 * (noise + drift),
        holds_night=night,
        instant=np.tile(np.arange(N), 2),
        week=np.tile(np.arange(N) // 35, 2),
    )


ALL = np.ones(2 * N, dtype=bool)


def test_a_planted_drift_is_found_out_of_sample():
    rows = make_rows(edge=0.15)
    train = np.tile(np.arange(N) < N // 2, 2)
    model = fit_drift(rows, train, CONFIG, 7)
    truth = np.sign(rows.values[:, 0] * rows.values[:, 1])
    assert np.corrcoef(model.drift[~train], truth[~train])[0, 1] > 0.5
    null = fit_drift(make_rows(edge=0.0), train, CONFIG, 7)
    assert null.drift[~train].std() < 0.5 * model.drift[~train].std()


def test_the_same_bars_give_the_same_bits_and_later_outcomes_change_nothing():
    rows = make_rows(edge=0.1)
    train = np.tile(np.arange(N) < N // 2, 2)
    model = fit_drift(rows, train, CONFIG, 7)
    changed = replace(rows, move=np.where(train, rows.move, 9.0))
    again = fit_drift(changed, train, CONFIG, 7)
    assert again.drift.tobytes() == model.drift.tobytes()
    assert again.level == model.level


def test_a_move_over_a_night_is_longer_in_variance_time():
    rows = make_rows(edge=0.0)
    length = variance_time(rows, ALL)
    assert length.mean() == pytest.approx(1.0)
    ratio = length[rows.holds_night][0] / length[~rows.holds_night][0]
    assert ratio == pytest.approx((4 + 0.09) / (1 + 0.09), rel=0.1)


def test_the_level_is_the_precision_weighted_mean_of_window_and_premium():
    rows = make_rows(edge=0.0)
    length = np.ones(2 * N)
    config = DriftHeadConfig(premium_annual=0.05, premium_error=0.1)
    mean = (rows.move / rows.u_atr).mean()
    sums = np.bincount(rows.week, rows.move / rows.u_atr - mean)
    error = np.sqrt((sums**2).sum()) / (2 * N)
    year = 0.005 * 2 * N / (2 * (rows.week.max() + 1)) * WEEKS_A_YEAR
    prior, prior_error = 0.05 / year, 0.1 / year
    expected = (mean / error**2 + prior / prior_error**2) / (error**-2 + prior_error**-2)
    assert shrunk_level(rows, ALL, length, config) == pytest.approx(expected)
    sure = DriftHeadConfig(premium_annual=0.05, premium_error=1e-9)
    assert shrunk_level(rows, ALL, length, sure) == pytest.approx(prior)
