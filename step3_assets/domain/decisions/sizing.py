"""Sizing: how much of its symbol's allocation a decision takes, and what limited it.

Belongs here: calling the configured method. Does not belong here: the methods
(:mod:`step3_assets.plugins.sizing_methods`), the allocation
(:mod:`step3_assets.domain.portfolio.allocation`), the state of the account and its caps
(:mod:`step3_assets.domain.risk`).
"""

import numpy as np
import pandas as pd

from step3_assets.config import SizingConfig
from step3_assets.plugins.sizing_method import Forecasts, Sizes
from step3_assets.plugins.sizing_methods import METHOD_OF


def size_positions(
    events: pd.DataFrame,
    ev_final: np.ndarray,
    q10: np.ndarray,
    q90: np.ndarray,
    config: SizingConfig,
    max_size_frac: float,
) -> Sizes:
    """Size of each decision, as if it passed the gate.

    Parameters
    ----------
    events : DataFrame, n rows
        ``sigma`` (log return of one bar) and ``entry_overnight``; ``fixed`` reads neither.
    ev_final, q10, q90 : ndarray, shape (n,)
        Log return; NaN where there is no score.
    config : SizingConfig
    max_size_frac : float
        Largest share of its allocation that one position may take; the size under ``fixed``.

    Returns
    -------
    Sizes
        In [0, `max_size_frac`].

    Examples
    --------
    Five bps expected, a spread of 200 bps, a tenth of Kelly:

    >>> events = pd.DataFrame({"sigma": [0.003], "entry_overnight": [0]})
    >>> ev, q10, q90 = np.array([5e-4]), np.array([-0.01]), np.array([0.01])
    >>> sizes = size_positions(events, ev, q10, q90, SizingConfig(method="kelly"), 1.0)
    >>> sizes.size_frac.round(3).tolist(), sizes.size_cap.tolist()
    ([0.821], ['kelly'])
    """
    forecasts = Forecasts.of_events(events, ev_final, q10, q90)
    return METHOD_OF[config.method].size(forecasts, config, max_size_frac)
