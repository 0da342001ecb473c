"""Synthetic worlds: simulated markets with a planted edge of known size, or with none.

Belongs here: a bar simulator on the real exchange calendar and the oracle of its events. Does not
belong here: the columns of a delivery (:mod:`step3_assets.domain.step2` builds them from the bars),
or models.
"""

from step3_assets.domain.worlds.config import WorldConfig
from step3_assets.domain.worlds.world import (
    SyntheticWorld,
    require_world_folder,
    simulate_world,
    write_world,
)

__all__ = ["SyntheticWorld", "WorldConfig", "require_world_folder", "simulate_world", "write_world"]
