"""The trials for the statistics: how many configurations were evaluated on the test months.

Belongs here: the count and the returns of the trials. Does not belong here: recording a trial.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import is_flat


@dataclass(frozen=True)
class Trials:
    """Every configuration ever evaluated on the test months.

    Parameters
    ----------
    n_trials : int
        At least 1: the configuration whose results are shown.
    monthly_returns : DataFrame or None
        Returns as fractions, one row per month and one column per trial; None if the ledger does
        not have them.
    is_recorded : bool
        Whether there is a ledger; without one `n_trials` is 1.
    """

    n_trials: int = 1
    monthly_returns: pd.DataFrame | None = None
    is_recorded: bool = False

    def __post_init__(self) -> None:
        if self.n_trials < 1:
            raise ValueError(f"trials: {self.n_trials}; the one shown counts as one")

    @classmethod
    def from_ledger(
        cls, ledger: pd.DataFrame, shown: Collection[str], months: Sequence[date]
    ) -> "Trials":
        """Count the distinct configurations evaluated on a test month, including those shown.

        Parameters
        ----------
        ledger : DataFrame
            Table ``trials``; every row counts, even if its settings were never used.
        shown : collection of str
            Configuration hashes of the results that are shown.
        months : sequence of date
            The test months of the results.

        Returns
        -------
        Trials
            A trial counts if it was evaluated on at least one of `months`; a configuration in two
            epochs counts once. Returns come from the last epoch that covers at least two of the
            months, because only the default configuration was evaluated on all of them. Pruned
            trials count but have no returns.
        """
        if ledger.empty:
            return cls()
        met = ledger[(ledger["last_month"] >= months[0]) & (ledger["first_month"] <= months[-1])]
        count = len(set(met["config_hash"]) | set(shown))
        returns = None
        for epoch in sorted(set(met["epoch"]), reverse=True):
            returns = _epoch_returns(met[met["epoch"] == epoch], months)
            if returns is not None:
                break
        return cls(max(1, count), returns, is_recorded=True)

    def sharpes(self, observations_per_month: float) -> np.ndarray:
        """Sharpe ratio of each trial per observation, with so many observations per month.

        This is the monthly ratio divided by the square root of the observations per month. Trials
        whose returns are all 0 have a ratio of 0; other constant returns give NaN.
        """
        if self.monthly_returns is None or len(self.monthly_returns) < 2:
            return np.array([])
        values = self.monthly_returns.to_numpy(dtype=np.float64)
        mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
        flat = np.array([is_flat(column) for column in values.T], dtype=bool)
        without = np.where(values.any(axis=0), np.nan, 0.0)
        ratio = np.where(flat, without, mean / np.where(flat, 1.0, deviation))
        return ratio / np.sqrt(observations_per_month)


def _epoch_returns(trials: pd.DataFrame, months: Sequence[date]) -> pd.DataFrame | None:
    """Monthly returns (rows) of an epoch's complete trials (columns), on the results' months."""
    complete = trials[trials["state"] == "complete"].drop_duplicates("config_hash")
    columns = {}
    for row in complete.to_dict("records"):
        inner = pd.date_range(row["first_month"], row["last_month"], freq="MS").date
        columns[row["config_hash"]] = pd.Series(json.loads(row["month_returns"]), index=inner)
    if len(columns) < 2:
        return None
    frame = pd.DataFrame(columns)
    frame = frame.loc[[m for m in frame.index if months[0] <= m <= months[-1]]]
    return frame if len(frame) >= 2 else None
