"""Out-of-fold predictions of a fold's inner blocks, pooled.

Belongs here: the arrays that calibration, blend and metrics are computed from. Does not belong
here: fitting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import ModelConfig
from step3_assets.domain.models.head import TrainingRows
from step3_assets.domain.models.heads import Predictions
from step3_assets.domain.models.payoff import BARRIER, fit_payoff


@dataclass(frozen=True)
class OutOfFold:
    """Rows that some inner fold predicted without having seen them.

    Parameters
    ----------
    events : DataFrame, n rows
        Rows of table ``events`` with the members' ``inner_train_from``.
    predicted : Predictions
    block : ndarray of int, shape (n,)
        Inner fold that predicted the row.
    centre : ndarray, shape (n,)
        Weighted training mean of ``gross_logret / u_atr`` of that inner fold.
    base_rate : ndarray, shape (n,)
        Weighted training share of winners of that inner fold.
    payoffs : dict of int to dict
        Payoff ratios of each inner fold.
    uniqueness : ndarray, shape (n,)
        Average uniqueness among the pooled rows; sums to the number of independent rows.
    """

    events: pd.DataFrame
    predicted: Predictions
    block: np.ndarray
    centre: np.ndarray
    base_rate: np.ndarray
    payoffs: dict[int, dict[str, Any]]
    uniqueness: np.ndarray

    @classmethod
    def of_block(
        cls,
        block: int,
        validation: pd.DataFrame,
        predicted: Predictions,
        trained: TrainingRows,
        config: ModelConfig,
    ) -> "OutOfFold":
        """One inner fold's predictions, with the level and the payoffs of its training rows."""
        n = len(validation)
        weights = trained.uniqueness
        payoff = fit_payoff(trained.events, weights) if config.ev_struct == "payoff" else BARRIER
        return cls(
            events=validation,
            predicted=predicted,
            block=np.full(n, block),
            centre=np.full(n, float(np.average(trained.scaled_gross, weights=weights))),
            base_rate=np.full(n, float(np.average(trained.won, weights=weights))),
            payoffs={block: payoff},
            uniqueness=np.ones(n),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["OutOfFold"]) -> "OutOfFold":
        """Pool blocks in the order given."""
        return cls(
            events=pd.concat([part.events for part in parts], ignore_index=True),
            predicted=Predictions.concatenate([part.predicted for part in parts]),
            block=np.concatenate([part.block for part in parts]),
            centre=np.concatenate([part.centre for part in parts]),
            base_rate=np.concatenate([part.base_rate for part in parts]),
            payoffs={block: payoff for part in parts for block, payoff in part.payoffs.items()},
            uniqueness=np.concatenate([part.uniqueness for part in parts]),
        )

    def with_uniqueness(self, uniqueness: np.ndarray) -> "OutOfFold":
        """The same rows with their weights among each other."""
        return replace(self, uniqueness=uniqueness)

    @property
    def won(self) -> np.ndarray:
        """1 where ``net_logret > 0``."""
        return self.events["y"].to_numpy(dtype=np.float64)

    @property
    def net(self) -> np.ndarray:
        """``net_logret``, log return."""
        return self.events["net_logret"].to_numpy(dtype=np.float64)

    @property
    def scaled_gross(self) -> np.ndarray:
        """``gross_logret / u_atr``."""
        gross = self.events["gross_logret"].to_numpy(dtype=np.float64)
        return gross / self.events["u_atr"].to_numpy(dtype=np.float64)

    @property
    def gls_weights(self) -> np.ndarray:
        """Uniqueness over the variance of the noise, which grows with ``u_atr`` squared."""
        scale = self.events["u_atr"].to_numpy(dtype=np.float64)
        return self.uniqueness * (np.median(scale) / scale) ** 2

    @property
    def weeks(self) -> np.ndarray:
        """Number of the week (from Monday) of each decision: clusters of dependent labels."""
        stamps = self.events["decision_time_utc"].dt.tz_localize(None)
        days = stamps.to_numpy(dtype="datetime64[D]").astype(np.int64)
        return (days + 3) // 7

    def forward_splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each block but the first: the earlier blocks' rows over before it begins, and it."""
        train_from = self.events["inner_train_from"].to_numpy(dtype=np.float64)
        return [
            ((self.block < block) & (train_from <= block), self.block == block)
            for block in np.unique(self.block)[1:]
        ]
