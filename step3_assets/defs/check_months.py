"""A check's result for each month of a run over a range of months.

Belongs here: recording the verdicts so that the UI shows them by month. Does not belong here: the
conditions (:mod:`step3_assets.defs.checks`).

Dagster itself records one verdict for the whole range and then shows each of its months as skipped.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as CheckedMaterialization,
)

from step3_assets.defs.partitions import partition_key, partitions_asked

SHOWN = 20  # problems written out; the rest are counted


def verdict_fields(problems: list[str], severity: dg.AssetCheckSeverity) -> dict[str, Any]:
    """What a check found, as Dagster's results take it."""
    metadata: dict[str, Any] = {"problems": len(problems)}
    if len(problems) > 1:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        lines = [f"- {p}" for p in [*problems[:SHOWN], *more]]
        metadata["found"] = dg.MetadataValue.md("\n".join(lines))
    return {
        "passed": not problems,
        "severity": severity,
        "description": problems[0] if problems else None,
        "metadata": metadata,
    }


def log_month_verdicts(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetCheckKey,
    find: Callable[[date], list[str]],
    *,
    severity: dg.AssetCheckSeverity,
    is_blocking: bool,
) -> None:
    """Record the verdict of each month of the run, on the materialization that it is about.

    Parameters
    ----------
    find : callable
        The problems of one month.
    """
    checked = _latest_materializations(context, key.asset_key)
    for month in partitions_asked(context):
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            partition=partition_key(month),
            blocking=is_blocking,
            target_materialization_data=checked.get(partition_key(month)),
            **verdict_fields(find(month), severity),
        )
        # Dagster takes an evaluation here, though its annotation does not say so.
        context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type]


def _latest_materializations(
    context: dg.AssetCheckExecutionContext, asset_key: dg.AssetKey
) -> Mapping[str, CheckedMaterialization]:
    """The latest materialization of each month of the run, by partition key."""
    wanted = {partition_key(month) for month in partitions_asked(context)}
    records_filter = dg.AssetRecordsFilter(asset_key=asset_key, asset_partitions=sorted(wanted))
    found: dict[str, CheckedMaterialization] = {}
    cursor, has_more = None, True
    while has_more and found.keys() != wanted:
        page = context.instance.fetch_materializations(
            records_filter, limit=max(len(wanted), 100), cursor=cursor
        )
        for record in page.records:
            if record.partition_key is not None:
                found.setdefault(
                    record.partition_key,
                    CheckedMaterialization(
                        storage_id=record.storage_id,
                        run_id=record.event_log_entry.run_id,
                        timestamp=record.timestamp,
                    ),
                )
        cursor, has_more = page.cursor, page.has_more
    return found
