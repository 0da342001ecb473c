"""The assets that results read, and the decorator that declares a result.

Belongs here: the record of upstream assets and the decorator of a whole (unpartitioned) result.
Does not belong here: an asset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from step3_assets.defs.metadata import column_schema
from step3_assets.defs.partitions import Partitions


@dataclass(frozen=True)
class Upstream:
    """The assets that results read, and the partitions of those made by month.

    Parameters
    ----------
    partitions : Partitions
    events, bar_features : AssetsDefinition
    walk_forward : mapping of str to AssetsDefinition
        The others by name; ``tuned_params`` only where the search is on.
    """

    partitions: Partitions
    events: dg.AssetsDefinition
    bar_features: dg.AssetsDefinition
    walk_forward: Mapping[str, dg.AssetsDefinition]

    def __getitem__(self, name: str) -> dg.AssetsDefinition:
        return self.walk_forward[name]

    @property
    def searched(self) -> list[dg.AssetsDefinition]:
        """The search's parameters, where they are in force."""
        return [self.walk_forward["tuned_params"]] if "tuned_params" in self.walk_forward else []


def result_asset(
    table: str, deps: Sequence[dg.AssetsDefinition], *, kinds: set[str]
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """The decorator of a result that is made whole, with its table's columns."""
    return dg.asset(
        name=table,
        deps=list(deps),
        group_name="results",
        kinds=kinds,
        owners=["team:step3"],
        metadata=column_schema(table),
    )
