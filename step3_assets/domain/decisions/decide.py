"""The decision on an event: gate and size together, in one place.

Belongs here: pairing the gate with the size. Does not belong here: the thresholds of the gate
(:mod:`.ev_gate`), the arithmetic of sizes (:mod:`.sizing`), expected values.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd

from step3_assets.config import GateConfig, SizingConfig, Step3Config
from step3_assets.domain.decisions.ev_gate import pass_gate
from step3_assets.domain.decisions.sizing import size_positions
from step3_assets.plugins.sizing_method import Sizes


@dataclass(frozen=True)
class DecisionSettings:
    """The settings that a decision depends on.

    Attributes
    ----------
    gate : GateConfig
    sizing : SizingConfig
    max_size_frac : float
        Largest share of its allocation that a gated event may take (``execution.size_frac``).
    """

    gate: GateConfig = field(default_factory=GateConfig)
    sizing: SizingConfig = field(default_factory=SizingConfig)
    max_size_frac: float = 1.0

    @classmethod
    def of(cls, config: Step3Config) -> Self:
        """The decision settings of a configuration."""
        return cls(gate=config.gate, sizing=config.sizing, max_size_frac=config.execution.size_frac)


@dataclass(frozen=True)
class Decisions:
    """Gate and size of n events.

    Attributes
    ----------
    gate : DataFrame, n rows
        ``ev_threshold``, ``is_gated``, ``gate_reason``; see :func:`.ev_gate.pass_gate`.
    sizes : Sizes
        Sizes as if every event passed the gate.
    """

    gate: pd.DataFrame
    sizes: Sizes

    @property
    def is_gated(self) -> np.ndarray:
        """Whether each event passes the gate."""
        return self.gate["is_gated"].to_numpy()

    @property
    def size_frac(self) -> np.ndarray:
        """Share of the allocation that each event takes; 0 if it does not pass the gate."""
        return np.where(self.is_gated, self.sizes.size_frac, 0.0)

    def columns(self) -> pd.DataFrame:
        """The columns of table ``scores`` that a decision fills."""
        index = self.gate.index
        frame = pd.concat([self.gate, self.sizes.inputs_frame(index)], axis=1)
        return frame.assign(size_frac=self.size_frac)


def decide(
    events: pd.DataFrame,
    ev_final: np.ndarray,
    q10: np.ndarray,
    q90: np.ndarray,
    settings: DecisionSettings,
) -> Decisions:
    """Gate and size events on what is known at their decisions.

    Parameters
    ----------
    events : DataFrame, n rows
        ``cost_rt``, ``tp_to_cost``, ``entry_overnight``; ``sigma`` too unless sizes are fixed.
    ev_final, q10, q90 : ndarray, shape (n,)
        Log return; NaN where there is no score, which never passes the gate.
    settings : DecisionSettings
    """
    return Decisions(
        gate=pass_gate(events, ev_final, q10, settings.gate),
        sizes=size_positions(events, ev_final, q10, q90, settings.sizing, settings.max_size_frac),
    )
