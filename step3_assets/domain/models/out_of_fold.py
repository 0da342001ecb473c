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
class Level:
    """What the mean head's predictions are measured from.

    Parameters
    ----------
    centre : float
        The prediction that is no departure.
    level : float
        ``gross_logret / u_atr`` expected of an event whose prediction is the centre.
    """

    centre: float
    level: float


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
        What the mean head's departures count from: the training mean of that inner fold, or 0 where
        the head learned departures of drift.
    level : ndarray, shape (n,)
        ``gross_logret / u_atr`` that this inner fold expects of an event without a departure.
    base_rate : ndarray, shape (n,)
        Training share of winners of that inner fold.
    payoffs : dict of int to dict
        Payoff ratios of each inner fold.
    weights : ndarray, shape (n,)
        All equal; they sum to the number of independent rows among the pooled ones.
    """

    events: pd.DataFrame
    predicted: Predictions
    block: np.ndarray
    centre: np.ndarray
    level: np.ndarray
    base_rate: np.ndarray
    payoffs: dict[int, dict[str, Any]]
    weights: np.ndarray

    @classmethod
    def of_block(
        cls,
        block: int,
        validation: pd.DataFrame,
        predicted: Predictions,
        trained: TrainingRows,
        level: Level,
        config: ModelConfig,
    ) -> "OutOfFold":
        """One inner fold's predictions, with the level and the payoffs of its training rows."""
        n = len(validation)
        is_fitted = config.ev_struct == "payoff"
        payoff = fit_payoff(trained.events, trained.weights) if is_fitted else BARRIER
        return cls(
            events=validation,
            predicted=predicted,
            block=np.full(n, block),
            centre=np.full(n, level.centre),
            level=np.full(n, level.level),
            base_rate=np.full(n, float(trained.won.mean())),
            payoffs={block: payoff},
            weights=np.ones(n),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["OutOfFold"]) -> "OutOfFold":
        """Pool blocks in the order given."""
        return cls(
            events=pd.concat([part.events for part in parts], ignore_index=True),
            predicted=Predictions.concatenate([part.predicted for part in parts]),
            block=np.concatenate([part.block for part in parts]),
            centre=np.concatenate([part.centre for part in parts]),
            level=np.concatenate([part.level for part in parts]),
            base_rate=np.concatenate([part.base_rate for part in parts]),
            payoffs={block: payoff for part in parts for block, payoff in part.payoffs.items()},
            weights=np.concatenate([part.weights for part in parts]),
        )

    def with_weights(self, weights: np.ndarray) -> "OutOfFold":
        """The same rows with their weights among each other."""
        return replace(self, weights=weights)

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
    def mean_net(self) -> np.ndarray:
        """The mean head's forecast of ``net_logret``, with the slope of its departures at 1."""
        scaled = self.level + self.predicted.mean_scaled - self.centre
        return scaled * self.predicted.scale - self.predicted.cost

    @property
    def gls_weights(self) -> np.ndarray:
        """Weights over the variance of the noise, which grows with ``u_atr`` squared."""
        scale = self.events["u_atr"].to_numpy(dtype=np.float64)
        return self.weights * (np.median(scale) / scale) ** 2

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
