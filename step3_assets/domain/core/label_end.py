"""The latest end of a label: the one formula behind purge, maturity and recalibration.

Belongs here: the arithmetic from an event's row and horizon to its last possible exit. Does not
belong here: where a label actually ended (Step 2's ``label_end_idx``), or the audit's independent
second computation (:mod:`step3_assets.domain.audit.checks.bar_clock`).
"""

from typing import TypeVar

import numpy as np
import pandas as pd

Rows = TypeVar("Rows", pd.Series, np.ndarray)


def latest_exit_idx(t_idx: Rows, horizon: Rows) -> Rows:
    """Row of the last bar at whose open a trade can exit.

    The entry is the open of bar ``t_idx + 1``. Bars ``t_idx + 1`` to ``t_idx + 1 + H`` are scanned
    for a touch, and the exit is the open after the last of them. A delivery can call the label
    final from this bar on.

    Examples
    --------
    >>> latest_exit_idx(np.array([10]), np.array([12])).tolist()
    [24]
    """
    return t_idx + horizon + 2  # pyright: ignore[reportReturnType]
