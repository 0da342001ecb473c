"""Heads: the protocol that every model of a fold follows, and the rows that it is fitted on.

Belongs here: the protocol, the targets with their units, the training rows. Does not belong here: a
model family (:mod:`.linear`, :mod:`.boosting`), the list of heads (:mod:`.heads`).

A head is named by its role in a fold (``classifier``, ``mean``, ``q10``), never by its library, so
that another library's model can take over the role without a change to any stored table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
import pandas as pd

from step3_assets.config import ModelConfig


class Target(Enum):
    """What a head learns; the value is the unit of its predictions.

    ``SCALED_GROSS`` is ``gross_logret / u_atr``: its noise is similar in calm and volatile markets,
    and the cost, which is known at the decision, need not be learned.
    """

    WON = "probability that net_logret > 0"
    NET = "net_logret, log return"
    SCALED_GROSS = "gross_logret / u_atr"


@dataclass(frozen=True)
class TrainingRows:
    """Rows that models are fitted on, in the order of decision time and symbol.

    Parameters
    ----------
    events : DataFrame, n rows
        Rows of table ``events`` with final labels.
    weights : ndarray, shape (n,)
        All equal; they sum to the number of independent rows.
    """

    events: pd.DataFrame
    weights: np.ndarray

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

    def outcome(self, target: Target) -> np.ndarray:
        """The target's values, shape (n,)."""
        return {
            Target.WON: self.won,
            Target.NET: self.net,
            Target.SCALED_GROSS: self.scaled_gross,
        }[target]


@dataclass(frozen=True)
class HeadTask:
    """What a head is fitted on.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        The feature matrix; NaN where a signal is missing.
    names : sequence of str, length p
    rows : TrainingRows, n rows
    weights : ndarray, shape (n,)
        Weights of the fit, with mean 1.
    config : ModelConfig
    held_drift : ndarray, shape (n,), optional
        Predicted drift less its centre, summed over the bars that each event holds, in units of
        its ``u_atr``. The mean head learns it if it is given.
    """

    values: np.ndarray
    names: Sequence[str]
    rows: TrainingRows
    weights: np.ndarray
    config: ModelConfig
    held_drift: np.ndarray | None = None
    _shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What several heads need from the same rows; the first head that needs it makes it."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]


class Head(Protocol):
    """One model of a fold.

    Attributes
    ----------
    name : str
        Its role; the value of column ``head`` in the stored tables.
    label : str
        Its name in reports.
    target : Target
        What it learns, and the unit of its predictions.
    level : float, optional
        Quantile level; None for a probability or a mean.
    format : str
        Format of its payload. Reading a payload executes nothing.
    """

    @property
    def name(self) -> str:
        """Its role."""
        ...

    @property
    def label(self) -> str:
        """Its name in reports."""
        ...

    @property
    def target(self) -> Target:
        """What it learns."""
        ...

    @property
    def level(self) -> float | None:
        """Quantile level, or None."""
        ...

    @property
    def format(self) -> str:
        """Format of its payload."""
        ...

    def fit(self, task: HeadTask) -> Any:
        """Fit on the task's rows; the same task gives the same payload, byte for byte."""
        ...

    def predict(self, model: Any, values: np.ndarray) -> np.ndarray:
        """Predict in the target's unit, shape (n,); a row's bits do not depend on the batch."""
        ...

    def dump(self, model: Any) -> str:
        """The model as text."""
        ...

    def load(self, text: str) -> Any:
        """The model that :meth:`dump` wrote."""
        ...
