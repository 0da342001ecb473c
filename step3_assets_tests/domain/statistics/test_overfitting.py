"""PBO: an independent library, known answers, refusals."""

import numpy as np
import pytest
from purgedcv import probability_of_backtest_overfitting

from step3_assets.domain.statistics.overfitting import backtest_overfitting, even_blocks


def noise(n_months: int, n_trials: int, seed: int = 0) -> np.ndarray:
    return 0.02 * np.random.default_rng(seed).standard_normal((n_months, n_trials))


@pytest.mark.parametrize(
    ("n_months", "n_trials", "n_blocks"), [(60, 7, 8), (59, 12, 10), (48, 2, 6)]
)
def test_an_independent_library_says_the_same(n_months, n_trials, n_blocks):
    returns = noise(n_months, n_trials, seed=n_trials) + 0.002
    ours = backtest_overfitting(returns, n_blocks)
    theirs = probability_of_backtest_overfitting(returns.T, n_blocks)
    assert ours.n_splits == theirs.n_combos
    np.testing.assert_allclose(np.sort(ours.logits), np.sort(theirs.logits), atol=1e-9)


def test_a_configuration_that_is_best_everywhere_is_not_overfitted():
    returns = noise(48, 5, seed=1)
    returns[:, 3] += 0.05
    assert backtest_overfitting(returns, 8).pbo == 0.0


def test_two_that_take_turns_are_always_overfitted():
    """Best in one half is worst in the other: each half of four months has one winner."""
    first = np.array([0.03, 0.01, 0.03, 0.01, -0.03, -0.01, -0.03, -0.01])
    found = backtest_overfitting(np.column_stack([first, -first]), 2)
    assert found.pbo == 1.0
    np.testing.assert_allclose(found.logits, np.log((1 / 3) / (2 / 3)))


def test_the_median_itself_counts_as_overfitted():
    """Of three, the best of either half is second in the other: a rank of 2 of 4, a logit of 0."""
    swing = np.array([0.01, -0.01, 0.01, -0.01])
    means = np.array([[3.0, 1.0, 2.0], [2.0, 1.0, 3.0]]) / 100.0
    returns = np.concatenate([mean + swing[:, None] for mean in means])
    found = backtest_overfitting(returns, 2)
    np.testing.assert_allclose(found.logits, 0.0, atol=1e-12)
    assert found.pbo == 1.0


def test_noise_is_overfitted_about_half_the_time():
    pbo = [backtest_overfitting(noise(60, 20, seed), 10).pbo for seed in range(30)]
    assert 0.4 < np.mean(pbo) < 0.65


def test_a_configuration_that_never_trades_has_a_sharpe_of_zero():
    returns = noise(24, 3, seed=2) - 0.05
    returns[:, 1] = 0.0
    assert backtest_overfitting(returns, 4).pbo == 0.0


@pytest.mark.parametrize(
    ("returns", "n_blocks", "said"),
    [
        (np.zeros((10, 1)), 4, "at least 2"),
        (np.zeros((10, 2)), 3, "3 blocks"),
        (np.zeros((10, 2)), 12, "12 blocks"),
        (np.array([[0.0, np.nan], [0.0, 0.0]]), 2, "not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(returns, n_blocks, said):
    with pytest.raises(ValueError, match=said):
        backtest_overfitting(returns, n_blocks)


def test_blocks_hold_two_months_at_least():
    assert [even_blocks(n, 16) for n in (60, 31, 12, 5, 4, 3)] == [16, 14, 6, 2, 2, 0]
