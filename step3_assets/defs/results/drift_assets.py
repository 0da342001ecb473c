"""The asset ``drift`` and its checks: whether recent months still look like the training months.

Belongs here: reading tables for monitoring, and what the UI shows of the newest month. Does not
belong here: a metric or a limit (:mod:`step3_assets.domain.monitoring`,
:class:`~step3_assets.config.DriftConfig`).
"""

from dataclasses import dataclass

import dagster as dg
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.defs.metadata import column_schema, png_metadata, table_metadata
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import dataset_in_force
from step3_assets.domain.core.bar_columns import DRIFT_BARS
from step3_assets.domain.core.months import month_label, month_range
from step3_assets.domain.monitoring.metrics import drift_metrics
from step3_assets.domain.monitoring.table import drift_table
from step3_assets.domain.monitoring.window import EVENT_COLUMNS, DriftInputs
from step3_assets.storage.store import Store


@dataclass(frozen=True)
class DriftCheck:
    """The metrics that one asset check reports, and what holds when it passes."""

    metrics: tuple[str, ...]
    texts: tuple[str, ...]


def drift_checks() -> dict[str, DriftCheck]:
    """The asset checks that the drift metrics name, in their order, by name."""
    found: dict[str, DriftCheck] = {}
    for metric in drift_metrics():
        known = found.get(metric.check, DriftCheck((), ()))
        found[metric.check] = DriftCheck(
            metrics=(*known.metrics, metric.name),
            texts=tuple(dict.fromkeys((*known.texts, metric.check_text))),
        )
    return found


def build_drift_asset(
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
    walk_forward: dict[str, dg.AssetsDefinition],
) -> dg.AssetsDefinition:
    """Monitoring, after the scores and before the report."""
    names = ("folds", "calibrated_models", "scores")

    @dg.asset(
        deps=[events, bar_features, *(walk_forward[name] for name in names)],
        group_name="results",
        kinds={"numpy", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("drift"),
    )
    def drift(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """Features, calibration, expected values and costs of recent months against training."""
        store, config = platform.store(), platform.settings().config
        stamp = result_stamp(store, "drift", result_months(store), config)
        with progress.whole(stage_label("drift")):
            frame = drift_table(drift_inputs(store, config), config)
        store.replace_all({"drift": frame}, stamp)
        return dg.MaterializeResult(
            metadata=_describe(frame, bool(dataset_in_force(store)["is_synthetic"]))
        )

    return drift


def build_drift_checks(drift: dg.AssetsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks that the metrics name, on the newest month; none blocks."""
    return [_check(drift, name, check) for name, check in drift_checks().items()]


def drift_inputs(store: Store, config: Step3Config) -> DriftInputs:
    """The tables that monitoring reads."""
    months = result_months(store)
    folds = store.read("folds", partitions=months)
    first = folds["window_start_utc"].min().date()
    data = month_range(first, months[-1])
    features = [f for f in config.models.features if f not in EVENT_COLUMNS]
    return DriftInputs(
        months=months,
        events=store.read("events", partitions=data, columns=[*EVENT_COLUMNS, *features]),
        bars=store.read("bar_features", partitions=data, columns=DRIFT_BARS),
        scores=store.read("scores", partitions=months),
        model_metrics=store.read("model_metrics", partitions=months),
        folds=folds,
    )


def _check(drift: dg.AssetsDefinition, name: str, spec: DriftCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=drift, name=name, description=" ".join(spec.texts))
    def check(platform: PlatformResource) -> dg.AssetCheckResult:
        rows = platform.store().read("drift")
        return dg.AssetCheckResult(**drift_verdict(rows[rows["metric"].isin(spec.metrics)]))

    return check


def drift_verdict(rows: pd.DataFrame) -> dict:
    """The fields of a check's result, from the newest month among the rows.

    A line below its minimum sample passes and says so; a missing line fails.
    """
    newest = rows[rows["month"] == rows["month"].max()] if len(rows) else rows
    raised = newest[newest["state"].isin(("warn", "error"))]
    is_error = bool((raised["state"] == "error").any()) or newest.empty
    severity = dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN
    computed = newest[newest["state"] != "not_enough"]
    if newest.empty:
        text = "drift has no such line: materialize drift"
    elif len(raised):
        text = " ".join(raised.sort_values("state", kind="stable")["sentence"])
    elif computed.empty:
        text = str(newest["sentence"].iloc[0])
    else:
        text = f"{len(computed)} line(s) quiet in {month_label(newest['month'].iloc[0])}."
    shown = ["feature", "metric", "value", "reference", "threshold", "n_rows", "state"]
    return {
        "passed": raised.empty and not newest.empty,
        "severity": severity,
        "description": text,
        "metadata": {"lines": table_metadata(newest[shown])},
    }


def _describe(frame: pd.DataFrame, is_synthetic: bool) -> dict:
    from step3_assets.domain.report import drift_figures as figures

    newest = frame[frame["month"] == frame["month"].max()]
    raised = newest[newest["state"].isin(("warn", "error"))]
    is_single = ~newest["metric"].isin([m.name for m in drift_metrics() if m.is_per_feature])
    lines = pd.concat([newest[is_single], raised[~is_single[raised.index]]])
    plots = {
        "features": figures.psi_figure(frame, is_synthetic=is_synthetic, small=True),
        "outcomes": figures.outcomes_figure(frame, is_synthetic=is_synthetic, small=True),
    }
    return {
        "dagster/row_count": len(frame),
        "month": month_label(frame["month"].max()),
        "lines that warn": int((raised["state"] == "warn").sum()),
        "lines in error": int((raised["state"] == "error").sum()),
        "lines without enough rows": int((newest["state"] == "not_enough").sum()),
        "newest month": table_metadata(lines[["metric", "feature", "state", "sentence"]]),
        **{name: png_metadata(name, png) for name, png in plots.items()},
    }
