"""One way to materialize months: alone or a range in one run, each from its own slice.

An asset by week goes the same way; where a month is spoken of, its week is meant.

Belongs here: the loop over the months of a run, parallel work, chunked transactions, and what
happens when some months fail. Does not belong here: what a month computes.

A single-run backfill hands an asset the union of all its months' windows. Nothing here ever passes
that union on: ``prepare`` cuts each month's own slice, and ``compute`` sees nothing else, so a
month in a range run equals the month run alone, to the bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue.column import PartitionDates
from step3_assets.config import Step3Config
from step3_assets.defs.metadata import readable
from step3_assets.defs.partitions import months_of, partition_key
from step3_assets.defs.resources import ProgressResource
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.core.parallel import run_months
from step3_assets.domain.search.settings import settings_by_month
from step3_assets.storage.store import Reader, Store

CHUNK_MONTHS = 12
PLOT_MONTHS = 3  # only a run's last months carry plots: a plot takes time and room in the log

Frames = Mapping[str, pd.DataFrame]
Metadata = dict[str, Any]


@dataclass(frozen=True)
class MonthTask:
    """How one asset makes its months.

    Attributes
    ----------
    label : str
        What the progress line says.
    prepare : callable
        ``prepare(month)`` gives the arguments of ``compute``: that month's own slices.
    compute : callable
        A top-level function (it may run in another process) that returns table name -> rows.
    describe : callable
        ``describe(month, frames)`` gives the month's metadata for the UI.
    workers : int
        Processes; 1 computes in this one.
    dates : PartitionDates
        What its partitions are: months, or weeks.
    """

    label: str
    prepare: Callable[[date], tuple]
    compute: Callable[..., Frames]
    describe: Callable[[date, Frames], Metadata]
    workers: int = 1
    dates: PartitionDates = PartitionDates.MONTH


@dataclass
class _Outcome:
    done: dict[date, Metadata] = field(default_factory=dict)
    failed: dict[date, str] = field(default_factory=dict)


def slice_months(frame: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Rows of the months ``first`` to ``last`` and nothing else."""
    return frame[(frame["month"] >= first) & (frame["month"] <= last)]


def materialize_months(
    context: dg.AssetExecutionContext, store: Store, progress: ProgressResource, task: MonthTask
) -> dg.MaterializeResult:
    """Compute and store every month of the run; good months stay when others fail.

    Raises
    ------
    dagster.Failure
        If any month failed; it names each month and its error. The months that succeeded are
        stored and recorded as materialized.
    """
    months = months_of(context)
    outcome = _Outcome()
    chunk: dict[date, Frames] = {}
    with progress.track(task.label, len(months)) as advance:
        workers = min(task.workers, len(months))
        for month, result in run_months(task.compute, _prepared(task, months), workers):
            if isinstance(result, Exception):
                outcome.failed[month] = f"{type(result).__name__}: {result}"
                context.log.error(f"{task.dates.label(month)}: {outcome.failed[month]}")
            else:
                chunk[month] = result
            if len(chunk) >= CHUNK_MONTHS:
                _write(store, task, chunk, outcome)
            advance(1)
        _write(store, task, chunk, outcome)
    return _report(context, outcome, task.dates)


def _prepared(task: MonthTask, months: Sequence[date]) -> Iterator[tuple[date, tuple | Exception]]:
    for month in months:
        try:
            yield month, task.prepare(month)
        except Exception as error:
            yield month, error


def _write(store: Store, task: MonthTask, chunk: dict[date, Frames], outcome: _Outcome) -> None:
    """Store a chunk of months in one transaction and describe them; empties the chunk."""
    if not chunk:
        return
    tables = next(iter(chunk.values())).keys()
    frames = {
        table: pd.concat([result[table] for result in chunk.values()], ignore_index=True)
        for table in tables
    }
    store.replace_months(frames, sorted(chunk))
    for month, result in chunk.items():
        outcome.done[month] = readable(task.describe(month, result))
    chunk.clear()


def _report(
    context: dg.AssetExecutionContext, outcome: _Outcome, dates: PartitionDates
) -> dg.MaterializeResult:
    if not outcome.failed:
        for month, metadata in outcome.done.items():
            context.add_asset_metadata(metadata, partition_key=partition_key(month))
        return dg.MaterializeResult()
    for month, metadata in outcome.done.items():
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key, partition=partition_key(month), metadata=metadata
            )
        )
    lines = [f"{dates.label(m)}: {error}" for m, error in sorted(outcome.failed.items())]
    noun = f"{dates.name.lower()}s"
    raise dg.Failure(
        description=f"{len(lines)} of {len(lines) + len(outcome.done)} {noun} failed; the others "
        "are stored. " + " | ".join(lines[:5]),
        metadata={f"failed {noun}": dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))},
        allow_retries=False,
    )


def dataset_in_force(store: Reader) -> dict[str, Any]:
    """The delivery ingested last: its row of ``datasets``."""
    rows = store.read("datasets")
    if rows.empty:
        raise ValueError("datasets is empty: materialize events and bar_features first")
    row = rows.sort_values("position").iloc[-1]
    return {str(name): value for name, value in row.items()}


def settings_in_force(
    store: Store, config: Step3Config, months: Sequence[date]
) -> Mapping[date, Step3Config]:
    """The configuration of each test month: what its epoch's search chose, where that is on."""
    if not config.search.is_enabled:
        return dict.fromkeys(months, config)
    return settings_by_month(config, store.read("tuned_params"), months)


def ingested_months(store: Reader, table: str) -> list[date]:
    """Months of ``events`` or ``bar_features`` that have been ingested, also those without rows."""
    return ingested_by_table(store)[table]


def ingested_by_table(store: Reader) -> dict[str, list[date]]:
    """:func:`ingested_months` of both tables, in one read."""
    manifest = store.read("dataset_months")
    return {
        table: sorted(manifest.loc[manifest["table_name"] == table, "month"])
        for table in ("bar_features", "events")
    }


def require_ingested(
    ingested: Mapping[str, Sequence[date]], data_start: date, first: date, month: date
) -> None:
    """Fail unless every month of the look-back ``first`` to ``month`` is stored.

    ``month`` itself may lie one month beyond the data: the live month, before its first bar.
    Dagster's own mapping would skip missing months silently.

    Parameters
    ----------
    ingested : mapping of str to sequence of date
        As :func:`ingested_by_table` gives it.
    data_start, first, month : date

    Raises
    ------
    ValueError
        Naming the table and the months that are missing.
    """
    for table, stored in ingested.items():
        if not stored:
            raise ValueError(f"{table}: nothing is ingested; materialize {table} first")
        wanted = month_range(max(first, data_start), month)
        is_live = month == add_months(stored[-1], 1)
        missing = sorted(set(wanted) - set(stored) - ({month} if is_live else set()))
        if missing:
            names = ", ".join(month_label(m) for m in missing[:6])
            raise ValueError(
                f"{table}: {len(missing)} month(s) that fold {month_label(month)} reads are not "
                f"ingested ({names}); materialize {table} for them first"
            )
