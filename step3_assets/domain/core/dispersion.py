"""When a series has no dispersion, so that ratios and slopes over it are undefined.

Belongs here: the one rule. Does not belong here: any ratio.
"""

import numpy as np

TOLERANCE = 1e-12
"""A few thousand rounding errors of a ratio near 1; returns are computed from such ratios."""


def is_flat(values: np.ndarray) -> bool:
    """Whether a series of returns does not vary, up to rounding error.

    Parameters
    ----------
    values : ndarray
        Returns as fractions, or a series of larger numbers. Fewer than two values are flat.

    Examples
    --------
    >>> growth = 10_000.0 * 1.001 ** np.arange(251)
    >>> is_flat(np.full(250, 0.001)), is_flat(growth[1:] / growth[:-1] - 1.0)
    (True, True)
    >>> is_flat(np.array([0.0, 1e-9]))
    False
    """
    if len(values) < 2:
        return True
    return bool(np.ptp(values) <= TOLERANCE * max(1.0, float(np.max(np.abs(values)))))
