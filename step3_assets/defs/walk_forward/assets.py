"""Assets of training and decision: ``folds``, ``calibrated_models``, ``scores``, ``mock_baseline``.

Belongs here: reading each month's slices, calling one domain function, describing the result.
Does not belong here: purging, fitting or deciding (:mod:`step3_assets.domain`).
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue.folds import ROLES
from step3_assets.config import FoldConfig
from step3_assets.defs.metadata import column_schema, png_metadata, table_metadata
from step3_assets.defs.partition_task import (
    PLOTTED_PARTITIONS,
    Frames,
    PartitionTask,
    materialize_partitions,
    slice_months,
)
from step3_assets.defs.partitions import (
    EPOCH_OF_MONTH,
    LOOK_BACK,
    Partitions,
    look_back,
    partitions_asked,
)
from step3_assets.defs.provenance import monthly_stamps
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import (
    dataset_in_force,
    ingested_by_table,
    require_ingested,
    settings_in_force,
)
from step3_assets.domain.core.bar_columns import TRAINING_BARS
from step3_assets.domain.core.months import month_range
from step3_assets.domain.folds.build import Fold, FoldRows
from step3_assets.domain.walk_forward.month_steps import (
    FoldInputs,
    MockInputs,
    ScoringInputs,
    TrainingInputs,
    fold_step,
    mock_step,
    scoring_step,
    training_step,
)
from step3_assets.storage.store import Store


def monthly_asset(
    partitions: Partitions, *, deps: list[dg.AssetDep], kinds: set[str], group: str
) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """Decorate a function as an asset over the test months; its docstring is the description."""

    def decorate(function: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
        return dg.asset(
            function,
            partitions_def=partitions.fold_months,
            backfill_policy=dg.BackfillPolicy.single_run(),
            deps=deps,
            kinds=kinds | {"duckdb"},
            group_name=group,
            owners=["team:step3"],
            metadata=column_schema(function.__name__),
        )

    return decorate


Deps = list[dg.AssetDep]


def build_training_assets(
    partitions: Partitions,
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
    tuned_params: dg.AssetsDefinition | None,
) -> list[dg.AssetsDefinition]:
    """The walk-forward assets from folds to scores; `tuned_params` where the search is in force."""
    searched = [dg.AssetDep(tuned_params, partition_mapping=EPOCH_OF_MONTH)] if tuned_params else []
    labels = dg.AssetDep(events, partition_mapping=LOOK_BACK)
    bars = dg.AssetDep(bar_features, partition_mapping=LOOK_BACK)
    folds = _folds(partitions, [labels, bars])
    models = _calibrated_models(partitions, [dg.AssetDep(folds), labels, bars, *searched])
    scores = _scores(partitions, [dg.AssetDep(models), dg.AssetDep(events), *searched])
    mock = _mock_baseline(partitions, [dg.AssetDep(folds), labels])
    return [folds, models, scores, mock]


def _folds(partitions: Partitions, deps: Deps) -> dg.AssetsDefinition:
    @monthly_asset(partitions, deps=deps, kinds={"pandas"}, group="walk_forward")
    def folds(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """Purged, embargoed walk-forward folds: each event's role or drop reason, per test month.

        The fold of month M reads the 36 months before M and M itself; each symbol's rows are kept
        only if their label ends before the test month, less an embargo of the longest horizon.
        """
        store, settings = platform.store(), platform.settings()
        config, months = settings.config.folds, partitions_asked(context)
        stamps = monthly_stamps(store, "folds", months, settings.config)
        ingested = ingested_by_table(store)
        read_columns = _fold_columns()
        events_rows = _read_range(store, "events", months, read_columns["events"])
        bar_rows = _read_range(store, "bar_features", months, read_columns["bar_features"])

        def prepare(month: date) -> FoldInputs:
            first = look_back(month)
            require_ingested(ingested, partitions.first_data_month, first, month)
            return FoldInputs(
                events=slice_months(events_rows, first, month),
                bars=slice_months(bar_rows, first, month),
                month=month,
                config=config,
            )

        task = PartitionTask(
            label=stage_label("folds"),
            prepare=prepare,
            compute=fold_step,
            describe=_describe_fold,
            place=settings.place,
            made_from=stamps,
        )
        return materialize_partitions(context, store, progress, task)

    return folds


def _calibrated_models(partitions: Partitions, deps: Deps) -> dg.AssetsDefinition:
    @monthly_asset(
        partitions,
        deps=deps,
        kinds={"lightgbm", "scikitlearn"},
        group="walk_forward",
    )
    def calibrated_models(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """Every model of a fold with its calibrator and blend, as text that executes nothing.

        Logistic, Ridge, ElasticNet; LightGBM classifier, mean and quantiles. The mean head learns
        the drift of every bar of the window and sums it over the bars that an event holds.
        Calibration and the slope, level and weights of the expected value come from the inner folds
        only.
        """
        store, settings = platform.store(), platform.settings()
        months = partitions_asked(context)
        stamps = monthly_stamps(store, "calibrated_models", months, settings.config)
        in_force = settings_in_force(store, settings.config, months)
        reads_bars = any(config.models.drift.is_used for config in in_force.values())
        rows_of = _fold_rows(store, months, settings.config.folds, has_bars=reads_bars)

        def prepare(month: date) -> TrainingInputs:
            return TrainingInputs(rows=rows_of(month), config=in_force[month].models)

        task = PartitionTask(
            label=stage_label("calibrated_models"),
            prepare=prepare,
            compute=training_step,
            describe=partial(
                _describe_models,
                plotted=frozenset(months[-PLOTTED_PARTITIONS:]),
                is_synthetic=bool(dataset_in_force(store)["is_synthetic"]),
            ),
            place=settings.place,
            made_from=stamps,
        )
        return materialize_partitions(context, store, progress, task)

    return calibrated_models


def _scores(partitions: Partitions, deps: Deps) -> dg.AssetsDefinition:
    @monthly_asset(
        partitions,
        deps=deps,
        kinds={"lightgbm"},
        group="walk_forward",
    )
    def scores(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """Each event of the test month: probability, quantiles, expected values, gate and size."""
        store, settings = platform.store(), platform.settings()
        months = partitions_asked(context)
        stamps = monthly_stamps(store, "scores", months, settings.config)
        in_force = settings_in_force(store, settings.config, months)
        event_rows = store.read("events", partitions=months)
        model_rows = store.read("calibrated_models", partitions=months)

        def prepare(month: date) -> ScoringInputs:
            return ScoringInputs(
                models=slice_months(model_rows, month, month),
                events=slice_months(event_rows, month, month),
                month=month,
                config=in_force[month],
            )

        task = PartitionTask(
            label=stage_label("scores"),
            prepare=prepare,
            compute=scoring_step,
            describe=_describe_scores,
            place=settings.place,
            made_from=stamps,
        )
        return materialize_partitions(context, store, progress, task)

    return scores


def _mock_baseline(partitions: Partitions, deps: Deps) -> dg.AssetsDefinition:
    @monthly_asset(
        partitions,
        deps=deps,
        kinds={"scikitlearn"},
        group="baselines",
    )
    def mock_baseline(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """The mock ML (ridge and tuned thresholds) run honestly on the same folds."""
        store, settings = platform.store(), platform.settings()
        months = partitions_asked(context)
        stamps = monthly_stamps(store, "mock_baseline", months, settings.config)
        config = settings.config
        rows_of = _fold_rows(store, months, config.folds, has_bars=False)

        def prepare(month: date) -> MockInputs:
            rows = rows_of(month)
            return MockInputs(
                events=rows.events,
                fold=rows.fold,
                config=config.models,
                size_frac=config.execution.size_frac,
            )

        task = PartitionTask(
            label=stage_label("mock_baseline"),
            prepare=prepare,
            compute=mock_step,
            describe=_describe_gated,
            place=settings.place,
            made_from=stamps,
        )
        return materialize_partitions(context, store, progress, task)

    return mock_baseline


def _fold_columns() -> dict[str, list[str]]:
    """Columns that the fold arithmetic needs: no feature and no return is among them."""
    return {
        "events": [
            "month",
            "symbol",
            "decision_time_utc",
            "decision_instant_utc",
            "exit_time_utc",
            "t_idx",
            "label_end_idx",
            "H",
            "maturity",
        ],
        "bar_features": ["month", "symbol", "bar_idx", "date", "bar_end_utc"],
    }


def _read_range(
    store: Store, table: str, months: list[date], columns: list[str] | None = None
) -> pd.DataFrame:
    """Read once every month that a fold of the run looks back on."""
    wanted = month_range(look_back(months[0]), months[-1]) if months else []
    return store.read(table, partitions=wanted, columns=columns)


def _fold_rows(
    store: Store, months: list[date], config: FoldConfig, *, has_bars: bool
) -> Callable[[date], FoldRows]:
    """A function that returns what a month trains on: its window, its fold and its bars."""
    event_rows = _read_range(store, "events", months)
    span = months if has_bars else []
    bar_rows = _read_range(store, "bar_features", span, TRAINING_BARS)
    manifests = store.read("folds", partitions=months)
    members = store.read("fold_members", partitions=months)

    def rows_of(month: date) -> FoldRows:
        manifest = slice_months(manifests, month, month)
        if manifest.empty:
            raise ValueError(
                "table folds has no rows of this month; materialize folds for it first"
            )
        fold = Fold(month=month, manifest=manifest, members=slice_months(members, month, month))
        first = look_back(month)
        events, bars = (slice_months(frame, first, month) for frame in (event_rows, bar_rows))
        return FoldRows(fold=fold, events=events, bars=bars, config=config)

    return rows_of


def _describe_fold(_month: date, frames: Frames) -> dict[str, Any]:
    manifest = frames["folds"]
    totals = {role: int(manifest[f"n_{role}"].sum()) for role in ROLES}
    by_symbol = manifest.set_index("symbol")[[f"n_{role}" for role in ROLES]].T
    by_symbol.index = pd.Index(ROLES, name="rows")
    return {
        "dagster/row_count": len(frames["fold_members"]),
        **{f"rows {role}": count for role, count in totals.items()},
        "rows by symbol": table_metadata(by_symbol.reset_index()),
        "embargo (bars)": int(manifest["embargo_bars"].max()) if len(manifest) else 0,
        "inner folds": int(manifest["n_inner_folds"].max()) if len(manifest) else 0,
        "members hash": ", ".join(sorted(set(manifest["members_hash"]))),
    }


def _describe_models(
    month: date, frames: Frames, *, plotted: frozenset[date], is_synthetic: bool
) -> dict[str, Any]:
    models, metrics = frames["calibrated_models"], frames["model_metrics"]
    metadata: dict[str, Any] = {
        "dagster/row_count": len(models),
        "training rows": int(models["n_rows"].max()) if len(models) else 0,
        "size (kB)": int(models["payload"].str.len().sum() // 1000) if len(models) else 0,
    }
    if len(metrics):
        metadata |= _classifier_metrics(metrics)
        metadata["metrics out of fold"] = table_metadata(_metrics_by_head(metrics))
    if month in plotted and len(frames["reliability_bins"]):
        from step3_assets.domain.report.score_figures import reliability_figure

        png = reliability_figure(frames["reliability_bins"], is_synthetic=is_synthetic, small=True)
        metadata["reliability"] = png_metadata("reliability", png)
    return metadata


def _classifier_metrics(metrics: pd.DataFrame) -> dict[str, float]:
    """Brier score and calibration error beside those of the base rate, for the UI's time plots."""
    value = metrics.set_index(["head", "stage", "metric"])["value"]
    wanted = {
        "Brier calibrated (out of fold)": ("classifier", "calibrated", "brier"),
        "Brier base rate (out of fold)": ("base_rate", "raw", "brier"),
        "ECE calibrated (out of fold)": ("classifier", "calibrated", "ece"),
    }
    return {name: float(value[key]) for name, key in wanted.items() if key in value.index}


def _metrics_by_head(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per head and stage, with its metrics in one cell: each head has its own set."""
    rows = [
        {
            "head": head,
            "stage": stage,
            "metrics": ", ".join(
                f"{name} {value:.4g}"
                for name, value in zip(group["metric"], group["value"], strict=True)
            ),
        }
        for (head, stage), group in metrics.groupby(["head", "stage"])
    ]
    return pd.DataFrame(rows)


def _describe_scores(_month: date, frames: Frames) -> dict[str, Any]:
    rows = frames["scores"]
    reasons = rows["gate_reason"].value_counts()
    metadata: dict[str, Any] = {
        "dagster/row_count": len(rows),
        "rows gated": int(rows["is_gated"].sum()),
        **{f"rows refused: {r}": int(n) for r, n in reasons.items() if r != "pass"},
    }
    if len(rows) and rows["ev_final"].notna().any():
        metadata["mean expected value (bps)"] = float(rows["ev_final"].mean() * 1e4)
        metadata["mean probability (calibrated)"] = float(rows["p_calibrated"].mean())
    return metadata


def _describe_gated(_month: date, frames: Frames) -> dict[str, Any]:
    rows = frames["mock_baseline"]
    return {"dagster/row_count": len(rows), "rows gated": int(rows["is_gated"].sum())}
