"""Out-of-fold predictions of a fold's inner blocks, pooled.

Belongs here: the arrays from which calibration, blend and metrics are computed. Does not belong
here: fitting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import ModelConfig
from step3_assets.domain.core.instants import week_numbers
from step3_assets.domain.models.head import TrainingRows
from step3_assets.domain.models.heads import Predictions
from step3_assets.domain.models.payoff import BARRIER, fit_payoff


@dataclass(frozen=True)
class Level:
    """Where the departures of the mean head's predictions start.

    Parameters
    ----------
    centre : float
        The prediction from which departures are counted.
    level : float
        Expected ``gross_logret / u_atr`` of an event whose prediction equals the centre.
    """

    centre: float
    level: float


@dataclass(frozen=True)
class OutOfFold:
    """Rows that an inner fold predicted without being trained on them.

    Parameters
    ----------
    events : DataFrame, n rows
        Rows of table ``events`` with the members' ``inner_train_from``.
    predicted : Predictions
    block : ndarray of int, shape (n,)
        Inner fold that predicted the row.
    centre : ndarray, shape (n,)
        The prediction from which departures are counted: the training mean of that inner fold, or 0
        if the head learned departures of drift.
    level : ndarray, shape (n,)
        Expected ``gross_logret / u_atr`` of an event without a departure, from that inner fold.
    base_rate : ndarray, shape (n,)
        Share of winners among the training rows of that inner fold.
    payoffs : dict of int to dict
        Payoff ratios of each inner fold.
    weights : ndarray, shape (n,)
        All equal; they sum to the number of independent rows among the pooled rows.
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
        """The same rows with other weights."""
        return replace(self, weights=weights)

    @property
    def rows(self) -> TrainingRows:
        """Events and weights, with their outcomes."""
        return TrainingRows(events=self.events, weights=self.weights)

    @property
    def won(self) -> np.ndarray:
        """1 where ``net_logret > 0``."""
        return self.rows.won

    @property
    def net(self) -> np.ndarray:
        """``net_logret``, log return."""
        return self.rows.net

    @property
    def scaled_gross(self) -> np.ndarray:
        """``gross_logret / u_atr``."""
        return self.rows.scaled_gross

    @property
    def mean_net(self) -> np.ndarray:
        """The mean head's forecast of ``net_logret``, with the slope of its departures at 1."""
        scaled = self.level + self.predicted.mean_scaled - self.centre
        return scaled * self.predicted.scale - self.predicted.cost

    @property
    def gls_weights(self) -> np.ndarray:
        """Weights divided by the variance of the noise, which grows with ``u_atr`` squared."""
        scale = self.events["u_atr"].to_numpy(dtype=np.float64)
        return self.weights * (np.median(scale) / scale) ** 2

    @property
    def weeks(self) -> np.ndarray:
        """Number of the week of each decision; labels of one week may depend on each other."""
        stamps = self.events["decision_time_utc"].dt.tz_localize(None)
        return week_numbers(stamps.to_numpy(dtype="datetime64[D]").astype(np.int64))

    def forward_splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each block but the first: earlier rows whose labels end before it, and its rows."""
        train_from = self.events["inner_train_from"].to_numpy(dtype=np.float64)
        return [
            ((self.block < block) & (train_from <= block), self.block == block)
            for block in np.unique(self.block)[1:]
        ]
