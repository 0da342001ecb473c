"""Evidence: whether a search's trial is better than the settings it began from, or only lucky.

Belongs here: the test of every trial against the documented settings, allowing for their number.
Does not belong here: what a month counts (:mod:`.objective`), what is chosen (:mod:`.trial_rows`).
"""

import numpy as np

_DRAWS = 9999


def luck_p_values(scores: np.ndarray, default: np.ndarray, seed: int) -> np.ndarray:
    """Chance that the best of all trials looks as good as this one by luck, for each trial.

    Parameters
    ----------
    scores : ndarray, shape (n_months, n_trials)
        What each month counts for each trial; the documented settings may be among them.
    default : ndarray, shape (n_months,)
        The same of the documented settings.
    seed : int

    Returns
    -------
    ndarray, shape (n_trials,)
        Adjusted p-values, one-sided: taking trials with at most ``p`` takes one that is no better
        than the documented settings with probability ``p`` at most, however many were tried and
        however they were chosen. 1 for a trial that differs in no month. Never below ``2 **
        -n_months``.

    Notes
    -----
    The single-step maxT of Westfall and Young [1]_ on the months' differences to the default. Were
    a trial no better, each month's difference might as well have had the other sign; the signs of
    whole months are flipped, so that trials which go together stay together. The statistic is
    ``sum(d) / sqrt(sum(d ** 2))``, which rises with Student's t. Exact where a month's
    difference is as likely up as down and months do not follow each other.

    References
    ----------
    .. [1] Westfall, P. H. and Young, S. S. (1993). Resampling-Based Multiple Testing. Wiley.

    Examples
    --------
    Better in each of four months, which one toss in sixteen gives:

    >>> luck_p_values(np.array([[3.0], [1.0], [2.0], [5.0]]), np.zeros(4), seed=0)
    array([0.0625])
    """
    gains = scores - default[:, None]
    norms = np.sqrt((gains**2).sum(axis=0))
    differs = norms > 1e-9 * max(1.0, float(np.abs(default).max(initial=0.0)))
    p_values = np.ones(gains.shape[1])
    if not differs.any():
        return p_values
    from scipy.stats import permutation_test

    directions = gains[:, differs] / norms[differs]
    flipped = permutation_test(
        (np.ones(len(gains)),),  # one toss for a month; flipped, they are signs
        lambda signs, axis: (signs @ directions).max(axis=-1),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_DRAWS,
        batch=1000,
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    luckiest = np.sort(flipped.null_distribution)
    reached = directions.sum(axis=0)
    n_as_good = len(luckiest) - np.searchsorted(luckiest, reached - 1e-9)
    is_exact = len(luckiest) == 2 ** len(gains)  # the tosses as they fell are among them
    extra = 0 if is_exact else 1
    p_values[differs] = (n_as_good + extra) / (len(luckiest) + extra)
    return p_values
