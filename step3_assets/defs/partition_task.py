"""One way to materialize partitions, months or weeks: one alone, or a range in one run.

Belongs here: the loop over the partitions of a run, parallel work, chunked transactions, and what
happens when some partitions fail. Does not belong here: what a partition computes, what it reads
(:mod:`step3_assets.defs.stored_inputs`).

A single-run backfill hands an asset the union of the windows of all its partitions. That union is
never passed on: ``prepare`` cuts the slice of each partition, and ``compute`` sees nothing else. So
a partition made in a range run equals the same partition made alone, to the bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue.column import PartitionDates
from step3_assets.defs.metadata import readable
from step3_assets.defs.partitions import partition_key, partitions_asked
from step3_assets.defs.resources import ProgressResource
from step3_assets.domain.core.parallel import Place, at_most, run_in_order
from step3_assets.storage.store import MadeFrom, Store

CHUNK_PARTITIONS = 12
PLOTTED_PARTITIONS = 3  # only the last of a run carry plots: a plot takes time and space

Frames = Mapping[str, pd.DataFrame]
Metadata = dict[str, Any]


@dataclass(frozen=True)
class PartitionTask:
    """How one asset makes its partitions.

    Attributes
    ----------
    label : str
        What the progress line says.
    prepare : callable
        ``prepare(partition)`` returns the input of ``compute``: a frozen record with the slices of
        that partition only.
    compute : callable
        A top-level function, because it may run in another process. Takes the record and returns
        table name -> rows.
    describe : callable
        ``describe(partition, frames)`` returns its metadata for the UI.
    place : Place or int
        Where they are computed; a number is so many processes of this machine.
    dates : PartitionDates
        What its partitions are: months, or weeks.
    made_from : mapping of date to MadeFrom, optional
        Stamp of each partition, taken before anything was read: see
        :mod:`step3_assets.defs.provenance`.
    """

    label: str
    prepare: Callable[[date], Any]
    compute: Callable[[Any], Frames]
    describe: Callable[[date, Frames], Metadata]
    place: Place | int = 1
    dates: PartitionDates = PartitionDates.MONTH
    made_from: Mapping[date, MadeFrom] | None = None


@dataclass
class _Outcome:
    done: dict[date, Metadata] = field(default_factory=dict)
    failed: dict[date, str] = field(default_factory=dict)


def slice_months(frame: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Rows of the months ``first`` to ``last`` and nothing else."""
    return frame[(frame["month"] >= first) & (frame["month"] <= last)]


def materialize_partitions(
    context: dg.AssetExecutionContext, store: Store, progress: ProgressResource, task: PartitionTask
) -> dg.MaterializeResult:
    """Compute and store every partition of the run; good partitions stay when others fail.

    Raises
    ------
    dagster.Failure
        If any partition failed; it names each of them and its error. Those that succeeded are
        stored and recorded as materialized.
    """
    partitions = partitions_asked(context)
    outcome = _Outcome()
    chunk: dict[date, Frames] = {}
    with progress.track(task.label, len(partitions)) as advance:
        place = at_most(task.place, len(partitions))
        for partition, result in run_in_order(task.compute, _prepared(task, partitions), place):
            if isinstance(result, Exception):
                outcome.failed[partition] = f"{type(result).__name__}: {result}"
                context.log.error(f"{task.dates.label(partition)}: {outcome.failed[partition]}")
            else:
                chunk[partition] = result
                advance(1)
            if len(chunk) >= CHUNK_PARTITIONS:
                _write(store, task, chunk, outcome)
        _write(store, task, chunk, outcome)
        return _report(context, outcome, task.dates)  # raises inside: the bar stops where it is


def _prepared(task: PartitionTask, partitions: Sequence[date]) -> Iterator[tuple[date, Any]]:
    """The input of each partition, or the exception that preparing it raised."""
    for partition in partitions:
        try:
            yield partition, task.prepare(partition)
        except Exception as error:
            yield partition, error


def _write(store: Store, task: PartitionTask, chunk: dict[date, Frames], outcome: _Outcome) -> None:
    """Store a chunk of partitions in one transaction and describe them; empties the chunk."""
    if not chunk:
        return
    tables = next(iter(chunk.values())).keys()
    frames = {
        table: pd.concat([result[table] for result in chunk.values()], ignore_index=True)
        for table in tables
    }
    store.replace_partitions(frames, sorted(chunk), task.made_from)
    for partition, result in chunk.items():
        outcome.done[partition] = readable(task.describe(partition, result))
    chunk.clear()


def _report(
    context: dg.AssetExecutionContext, outcome: _Outcome, dates: PartitionDates
) -> dg.MaterializeResult:
    if not outcome.failed:
        for partition, metadata in outcome.done.items():
            context.add_asset_metadata(metadata, partition_key=partition_key(partition))
        return dg.MaterializeResult()
    for partition, metadata in outcome.done.items():
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key, partition=partition_key(partition), metadata=metadata
            )
        )
    lines = [f"{dates.label(day)}: {error}" for day, error in sorted(outcome.failed.items())]
    noun = f"{dates.name.lower()}s"
    raise dg.Failure(
        description=f"{len(lines)} of {len(lines) + len(outcome.done)} {noun} failed; the others "
        "are stored. " + " | ".join(lines[:5]),
        metadata={f"failed {noun}": dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))},
        allow_retries=False,
    )
