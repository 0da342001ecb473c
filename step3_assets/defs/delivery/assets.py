"""Assets of the delivery: ``events`` and ``bar_features``, validated before they are stored.

Belongs here: reading the delivery once, storing its months, counting the rows that a new delivery
revised.
Does not belong here: the contract itself (:mod:`step3_assets.domain.delivery`).
"""

import json
import os
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.column import PartitionDates
from step3_assets.config import FreshnessConfig
from step3_assets.defs.metadata import column_schema, readable
from step3_assets.defs.partition_task import CHUNK_PARTITIONS
from step3_assets.defs.partitions import Partitions, partition_key, partitions_asked
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.stages import stage_label
from step3_assets.domain.core.hashing import month_hashes
from step3_assets.domain.core.months import month_label
from step3_assets.domain.delivery import Delivery, find_revisions, read_delivery
from step3_assets.domain.delivery.files import DeliveryFiles, find_files
from step3_assets.domain.delivery.withdrawal import StoredRows, refuse_withdrawal
from step3_assets.storage.store import Store

NO_MANIFEST = "no manifest.json: files that were corrupted in transfer cannot be detected"

MONTH_RESULTS = ("folds", "calibrated_models", "mock_baseline", "scores", "fold_backtests")

_CACHE: dict[tuple, Delivery] = {}


def weekly_freshness(config: FreshnessConfig) -> dg.FreshnessPolicy:
    """Freshness policy of an asset that is materialized every week."""
    return dg.FreshnessPolicy.time_window(
        warn_window=timedelta(days=config.warn_days), fail_window=timedelta(days=config.fail_days)
    )


def build_delivery_assets(
    partitions: Partitions, freshness: FreshnessConfig
) -> list[dg.AssetsDefinition]:
    """The two ingest assets, partitioned by month of the data."""
    weekly = weekly_freshness(freshness)

    def ingest_asset(
        table: str, description: str, freshness_policy: dg.FreshnessPolicy | None = None
    ) -> dg.AssetsDefinition:
        @dg.asset(
            name=table,
            partitions_def=partitions.data_months,
            backfill_policy=dg.BackfillPolicy.single_run(),
            group_name="delivery",
            kinds={"parquet", "duckdb"},
            owners=["team:step3"],
            description=description,
            metadata=column_schema(table),
            freshness_policy=freshness_policy,
        )
        def ingest(
            context: dg.AssetExecutionContext,
            platform: PlatformResource,
            progress: dg.ResourceParam[ProgressResource],
        ) -> dg.MaterializeResult:
            return _ingest(context, table, platform, progress)

        return ingest

    return [
        ingest_asset(
            "bar_features",
            "Bars with Step 2's signals for each bar, validated, by UTC month of the bar.",
        ),
        ingest_asset(
            "events",
            "Candidate trades with signals, geometry, cost and outcome, validated, by UTC month of "
            "the decision. The other symbol's signals are `cross_*`. Only final labels train.",
            weekly,
        ),
    ]


def load_delivery(folder: Path, progress: ProgressResource) -> Delivery:
    """Read and validate a delivery; the same files are read once per process.

    Raises
    ------
    step3_assets.domain.delivery.DeliveryError
        If the delivery is invalid; it names the file, column and rows of every problem.
    """
    files, _ = find_files(folder)
    stamp = (
        str(folder),
        *((name, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in _stats(files)),
    )
    if stamp in _CACHE:
        return _CACHE[stamp]
    with progress.share("reading the delivery") as report:
        delivery = read_delivery(folder, progress=report)
    _CACHE.clear()
    _CACHE[stamp] = delivery
    return delivery


def _stats(files: DeliveryFiles) -> list[tuple[str, os.stat_result]]:
    found = []
    for name, path in sorted(files.paths.items()):
        with suppress(OSError):
            found.append((name, path.stat()))
    return found


def stored_rows(store: Store) -> StoredRows:
    """The keys of every stored row of both tables."""
    bars, events = (
        store.read(table, columns=StoredRows.columns(table)) for table in ("bar_features", "events")
    )
    return StoredRows(bar_features=bars, events=events)


def _ingest(
    context: dg.AssetExecutionContext,
    table: str,
    platform: PlatformResource,
    progress: ProgressResource,
) -> dg.MaterializeResult:
    settings = platform.settings()
    if settings.delivery is None:
        raise dg.Failure(
            "no delivery is set: name its folder in step3.toml (delivery = ...), in "
            "STEP3_DELIVERY, or with `step3 run --delivery DIR`",
            allow_retries=False,
        )
    delivery = load_delivery(settings.delivery, progress)
    months = partitions_asked(context)
    outside = [m for m in months if not delivery.first_month <= m <= delivery.last_month]
    if outside:
        raise dg.Failure(
            f"{settings.delivery} holds {month_label(delivery.first_month)} to "
            f"{month_label(delivery.last_month)}; it has no rows for "
            f"{', '.join(month_label(m) for m in outside[:6])}",
            allow_retries=False,
        )
    store = platform.store()
    if platform.accept_withdrawal:
        withdraw_months(store, delivery)
    else:
        refuse_withdrawal(delivery, stored_rows(store))
    record_dataset(store, delivery)
    with progress.track(stage_label(table), len(months)) as advance:
        for start in range(0, len(months), CHUNK_PARTITIONS):
            chunk = months[start : start + CHUNK_PARTITIONS]
            for month, metadata in store_months(store, delivery, table, chunk).items():
                context.add_asset_metadata(metadata, partition_key=partition_key(month))
            advance(len(chunk))
    return dg.MaterializeResult()


def record_dataset(store: Store, delivery: Delivery) -> None:
    """Record the delivery as the current one, with its size, span and published baseline."""
    with store.transaction(["datasets"]) as transaction:
        known = transaction.read("datasets")
        if _is_in_force(known, delivery):
            return
        latest = known["position"].max() if len(known) else 0
        row = pd.DataFrame({**_dataset_row(delivery), "position": [int(latest) + 1]})
        earlier = known[known["dataset_version"] != delivery.dataset_version]
        rows = pd.concat([earlier, row], ignore_index=True) if len(earlier) else row
        transaction.replace_all({"datasets": rows})


def is_recorded(store: Store, delivery: Delivery) -> bool:
    """Whether the delivery, with its span and published baseline, is the recorded current one."""
    return _is_in_force(store.read("datasets"), delivery)


def _is_in_force(datasets: pd.DataFrame, delivery: Delivery) -> bool:
    if datasets.empty:
        return False
    last = datasets.sort_values("position").iloc[-1].astype(object)
    stored = last.where(last.notna(), None)
    return all(stored[name] == value for name, (value,) in _dataset_row(delivery).items())


def _dataset_row(delivery: Delivery) -> dict[str, list[Any]]:
    baseline = delivery.published_baseline
    return {
        "dataset_version": [delivery.dataset_version],
        "symbols": [",".join(delivery.symbols)],
        "first_month": [delivery.first_month],
        "last_month": [delivery.last_month],
        "n_events": [len(delivery.events)],
        "n_bars": [len(delivery.bars)],
        "is_synthetic": [delivery.is_synthetic],
        "published_baseline": [json.dumps(baseline, sort_keys=True) if baseline else None],
    }


def withdraw_months(store: Store, delivery: Delivery) -> None:
    """Remove stored months outside the delivery's span, and every table row computed from them.

    The removed input rows are kept as revisions. Test months after the delivery's last one are
    removed too, with their folds, models, scores and backtests, because they depend on rows that
    are gone.
    """
    manifest = store.read("dataset_months", columns=["month", "n_rows"])
    held = manifest.loc[manifest["n_rows"] > 0, "month"]
    outside = [m for m in held if not delivery.first_month <= m <= delivery.last_month]
    if not outside:
        return
    for table in ("bar_features", "events"):
        store_months(store, delivery, table, sorted(set(outside)))
    for table in TABLES.values():
        is_monthly = table.partition == "month" and table.partition_dates is PartitionDates.MONTH
        if is_monthly and table.asset in MONTH_RESULTS:
            late = [m for m in store.partitions(table.name) if m > delivery.last_month]
            if late:
                empty = store.read(table.name, partitions=late[:1]).iloc[:0]
                store.replace_partitions({table.name: empty}, late)


def store_months(
    store: Store, delivery: Delivery, table: str, months: list[date]
) -> dict[date, dict[str, Any]]:
    """Store months of a delivery in one transaction; old versions of revised rows are kept.

    The delivered rows are compared with the stored rows, not with their recorded hash. Storing a
    delivery again therefore repairs rows that were edited. A month with the same rows is not
    written; if only the row numbers differ, the month is renumbered.

    Returns
    -------
    dict of date to dict
        Metadata of each month: number of rows, content hash, what changed.
    """
    rows = delivery.events if table == "events" else delivery.bars
    frames = {month: rows[rows["month"] == month] for month in months}
    positions = TABLES[table].positions
    arriving = rows[rows["month"].isin(months)]
    hashes = month_hashes(arriving, TABLES[table], months, exclude=positions)
    full_hashes = month_hashes(arriving, TABLES[table], months)
    described: dict[date, dict[str, Any]] = {}
    with store.transaction([table, "dataset_months", "revisions"]) as transaction:
        manifest = transaction.read("dataset_months", partitions=months)
        is_own = manifest["table_name"] == table
        stored: dict[date, Any] = {
            cast(date, row.month): row for row in manifest[is_own].itertuples()
        }
        kept_rows = transaction.read(table, partitions=sorted(stored))
        stored_hashes = month_hashes(kept_rows, TABLES[table], stored)
        changed: list[date] = []
        for month, frame in frames.items():
            known = stored.get(month)
            change = "new" if known is None else "unchanged"
            counts: dict[str, int] = {}
            if known is not None and stored_hashes[month] != full_hashes[month]:
                revised = find_revisions(
                    kept_rows[kept_rows["month"] == month],
                    frame,
                    TABLES[table],
                    stored_version=str(known.dataset_version),
                    new_version=delivery.dataset_version,
                )
                counts = {str(k): int(n) for k, n in revised["reason"].value_counts().items()}
                is_same = known.content_hash == hashes[month] and not counts
                change = "renumbered" if is_same else "revised"
                transaction.append("revisions", revised)
            is_noted = known is not None and known.content_hash == hashes[month]
            if change != "unchanged" or not is_noted:
                changed.append(month)
            described[month] = _describe(frame, table, delivery, hashes[month], change, counts)
        if changed:
            kept = manifest[~is_own & manifest["month"].isin(changed)]
            added = pd.DataFrame(
                {
                    "month": changed,
                    "table_name": table,
                    "dataset_version": delivery.dataset_version,
                    "content_hash": [hashes[month] for month in changed],
                    "n_rows": [len(frames[month]) for month in changed],
                }
            )
            both = pd.concat([kept, added], ignore_index=True) if len(kept) else added
            transaction.replace_partitions(
                {table: rows[rows["month"].isin(changed)], "dataset_months": both}, changed
            )
    return described


def _describe(
    frame: pd.DataFrame,
    table: str,
    delivery: Delivery,
    content: str,
    change: str,
    counts: dict[str, int],
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": len(frame),
        "change": change,
        "content hash": content,
        "dataset version": delivery.dataset_version,
        "files": "match manifest.json" if delivery.has_manifest else NO_MANIFEST,
        **{f"rows {symbol}": int((frame["symbol"] == symbol).sum()) for symbol in delivery.symbols},
        **{f"revised: {reason}": int(count) for reason, count in counts.items()},
    }
    if table == "events":
        maturity = frame["maturity"].value_counts()
        metadata |= {f"labels {m}": int(maturity.get(m, 0)) for m in maturity.index}
        final = frame[frame["maturity"] == "final"]
        if len(final):
            metadata["mean net (bps, final labels)"] = float(final["net_logret"].mean() * 1e4)
            metadata["mean cost (bps)"] = float(final["cost_rt"].mean() * 1e4)
    return readable(metadata)
