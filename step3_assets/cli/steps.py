"""The steps that verbs consist of.

Belongs here: which Dagster job runs over which partitions. Does not belong here: launching them
(:mod:`step3_assets.cli.running`), which of them are not up to date (:mod:`.todo`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One Dagster job of a verb, over data months, test months, epochs, weeks or whole."""

    job: str
    months: str  # "data", "test", "epoch", "week" or "whole"
    selection: Sequence[str] | None = None
    ops: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # an op's own config


INGEST = Step("ingest", "data")
RESULTS = Step("results", "whole")
MAIN_JOB = (INGEST, Step("walk_forward", "test"), RESULTS)
