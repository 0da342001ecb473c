"""The trials ledger as statistics need it: how many configurations met the test months, and how.

Belongs here: the count and the returns of the trials. Does not belong here: recording a trial.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Trials:
    """Every configuration ever evaluated on the test months.

    Parameters
    ----------
    n_trials : int
        At least 1: the one whose results are shown.
    monthly_returns : DataFrame or None
        Month by trial, a fraction; None where the ledger does not hold them.
    is_recorded : bool
        There is a ledger; without one `n_trials` is 1.
    """

    n_trials: int = 1
    monthly_returns: pd.DataFrame | None = None
    is_recorded: bool = False

    def __post_init__(self) -> None:
        if self.n_trials < 1:
            raise ValueError(f"trials: {self.n_trials}; the one shown counts as one")

    def sharpes(self, observations_per_month: float) -> np.ndarray:
        """Sharpe ratio of each trial on a clock of so many observations a month.

        A monthly ratio divided by the root of the observations in a month; trials that never moved
        have a ratio of 0.
        """
        if self.monthly_returns is None or len(self.monthly_returns) < 2:
            return np.array([])
        values = self.monthly_returns.to_numpy(dtype=np.float64)
        mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
        ratio = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0.0)
        return ratio / np.sqrt(observations_per_month)
