"""Trials against the settings they began from: size, power, and a test made another way."""

from itertools import product

import numpy as np
import pytest

from step3_assets.domain.search.evidence import adjusted_p_values

N_MONTHS, N_TRIALS = 24, 100


def drawn(seed: int, edge: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Trials that share most of their months' luck with the default; the last has an edge."""
    rng = np.random.default_rng(seed)
    default = rng.normal(0.0, 5.0, N_MONTHS)
    scores = default[:, None] + rng.normal(0.0, 3.0, (N_MONTHS, N_TRIALS))
    scores[:, -1] += edge
    return scores, default


def test_the_luckiest_of_a_hundred_passes_as_rarely_as_asked():
    best = [(s.mean(axis=0) - d.mean()).max() for s, d in map(drawn, range(80))]
    assert min(best) > 0.7  # it always looks good
    passed = [adjusted_p_values(*drawn(seed), seed=0).min() <= 0.1 for seed in range(80)]
    assert sum(passed) <= 14  # of 80 at 10 %: more in one run of a hundred


def test_a_real_gain_is_found():
    found = [adjusted_p_values(*drawn(seed, edge=4.0), seed=0) for seed in range(20)]
    assert sum(p[-1] <= 0.1 for p in found) >= 18
    assert sum((p[:-1] <= 0.1).any() for p in found) <= 4


def test_a_trial_that_swings_widely_hides_no_other():
    scores, default = drawn(0, edge=4.0)
    scores[:, 0] += np.random.default_rng(1).normal(0.0, 300.0, N_MONTHS)
    assert adjusted_p_values(scores, default, seed=0)[-1] <= 0.1


def test_every_sign_tried_by_hand():
    scores, default = drawn(5, edge=2.0)
    scores, default = scores[:8, -6:], default[:8]
    gains = scores - default[:, None]
    norms = np.sqrt((gains**2).sum(axis=0))
    signs = np.array(list(product([1, -1], repeat=8)))
    luckiest = (signs @ gains / norms).max(axis=1)
    expected = [(luckiest >= x - 1e-9).mean() for x in gains.sum(axis=0) / norms]
    assert adjusted_p_values(scores, default, seed=0) == pytest.approx(expected, abs=1e-12)


def test_a_trial_that_comes_twice_is_one():
    scores, default = drawn(3)
    once = adjusted_p_values(scores, default, seed=1)
    twice = adjusted_p_values(np.hstack([scores, scores, default[:, None]]), default, seed=1)
    assert list(twice) == [*once, *once, 1.0]


@pytest.mark.parametrize("gain", [0.0, 1e-12, -0.5])
def test_no_difference_and_a_steady_loss_are_no_evidence(gain):
    default = np.arange(12.0)
    assert list(adjusted_p_values(default[:, None] + gain, default, seed=0)) == [1.0]
