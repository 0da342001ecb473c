"""Evidence: whether a trial is better than the documented settings, or only by chance.

Belongs here: the test of every trial against the documented settings, corrected for the number of
trials. Does not belong here: the score of a month (:mod:`.objective`), the choice
(:mod:`.trial_rows`).
"""

import numpy as np

_DRAWS = 9999


def adjusted_p_values(scores: np.ndarray, default: np.ndarray, seed: int) -> np.ndarray:
    """Probability that the best of all trials is as good as each trial by chance.

    Parameters
    ----------
    scores : ndarray, shape (n_months, n_trials)
        Score of each month in each trial; the documented settings may be among the trials.
    default : ndarray, shape (n_months,)
        Score of each month under the documented settings.
    seed : int

    Returns
    -------
    ndarray, shape (n_trials,)
        Adjusted one-sided p-values: accepting trials with a p-value of at most ``p`` accepts one
        that is no better than the documented settings with probability at most ``p``, for any
        number of trials and any way of choosing them. 1 for a trial that differs in no month.
        Never below ``2 ** -n_months``.

    Notes
    -----
    The single-step maxT of Westfall and Young [1]_ on the months' differences from the default. If
    a trial is no better, each month's difference could equally have had the other sign. The signs
    of whole months are flipped, so that correlated trials stay correlated. The statistic is
    ``sum(d) / sqrt(sum(d ** 2))``, which increases with Student's t. The test is exact if a month's
    difference is symmetric about zero and months are independent.

    References
    ----------
    .. [1] Westfall, P. H. and Young, S. S. (1993). Resampling-Based Multiple Testing. Wiley.

    Examples
    --------
    Better in each of four months, which chance gives once in sixteen times:

    >>> adjusted_p_values(np.array([[3.0], [1.0], [2.0], [5.0]]), np.zeros(4), seed=0)
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
        (np.ones(len(gains)),),  # one sign per month, which the test flips
        lambda signs, axis: (signs @ directions).max(axis=-1),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_DRAWS,
        batch=1000,
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    null_maxima = np.sort(flipped.null_distribution)
    statistics = directions.sum(axis=0)
    n_as_good = len(null_maxima) - np.searchsorted(null_maxima, statistics - 1e-9)
    is_exact = len(null_maxima) == 2 ** len(gains)  # every pattern, the observed one included
    extra = 0 if is_exact else 1
    p_values[differs] = (n_as_good + extra) / (len(null_maxima) + extra)
    return p_values
