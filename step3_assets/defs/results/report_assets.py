"""The asset ``step3_report``: the report and its files.

Belongs here: reading the tables that the report shows, writing its pages and plots. Does not belong
here: what the report says (:mod:`step3_assets.domain.report`).
"""

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.results.upstream import Upstream, result_asset
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import dataset_in_force
from step3_assets.domain.core.code import code_version
from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.core.months import month_label
from step3_assets.storage.files import replace_file
from step3_assets.storage.store import Store


def build_report_asset(
    upstream: Upstream, results: list[dg.AssetsDefinition]
) -> dg.AssetsDefinition:
    """The report, after everything that it shows."""
    deps = [
        *results,
        upstream.events,
        upstream.bar_features,
        upstream["recalibration_comparison"],
        *upstream.searched,
    ]

    @result_asset("step3_report", deps, kinds={"markdown", "duckdb"})
    def step3_report(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """The report, verdict first, as Markdown and as one self-contained HTML file."""
        from step3_assets.domain.report import build_report

        settings, store = platform.settings(), platform.store()
        stamp = result_stamp(store, "step3_report", result_months(store), settings.config)
        with progress.whole(stage_label("step3_report")):
            report = build_report(report_inputs(store, settings.config))
            paths = write_report(report, settings.report_dir)
        frame = pd.DataFrame(
            {
                "verdict": [report.verdict],
                "dataset_version": [dataset_in_force(store)["dataset_version"]],
                "markdown": [report.markdown],
                "markdown_sha256": [text_hash(report.markdown)],
            }
        )
        store.replace_all({"step3_report": frame}, stamp)
        return dg.MaterializeResult(
            metadata={
                "verdict": report.verdict,
                "markdown": dg.MetadataValue.path(str(paths["markdown"])),
                "html": dg.MetadataValue.path(str(paths["html"])),
                "plots": len(report.figures),
            }
        )

    return step3_report


def report_inputs(store: Store, config: Step3Config) -> Any:
    """Every table that the report shows, read once."""
    from step3_assets.defs.registry.registry_store import verdict_staleness
    from step3_assets.domain.acceptance.staleness import dated_verdict
    from step3_assets.domain.acceptance.verdict import verdict
    from step3_assets.domain.report import ReportInputs
    from step3_assets.domain.report.inputs import BAR_COLUMNS, OUTCOME_COLUMNS

    months = result_months(store)
    dataset = dataset_in_force(store)
    outcomes = store.read("events", partitions=months, columns=list(OUTCOME_COLUMNS))
    whole = ("portfolio", "portfolio_months", "portfolio_equity", "portfolio_trades")
    whole += ("risk_events", "cost_stress", "allocation_comparison", "allocation_weights")
    whole += ("recalibrations", "recalibration_comparison")
    by_month = ("fold_backtests", "folds", "scores", "model_metrics", "reliability_bins")
    acceptance = store.read("acceptance")
    return ReportInputs(
        verdict=dated_verdict(verdict(acceptance), verdict_staleness(store, config)),
        acceptance=acceptance,
        statistics=store.read("statistics"),
        audit=store.read("audit"),
        drift=store.read("drift"),
        importances=store.read("importances"),
        tuned_params=store.read("tuned_params"),
        model_registry=store.read("model_registry"),
        portfolio_decisions=store.read("portfolio_decisions"),
        mock_baseline=store.read("mock_baseline", partitions=months),
        events_outcomes=outcomes,
        bars=store.read("bar_features", partitions=months, columns=list(BAR_COLUMNS)),
        **{table: store.read(table) for table in whole},
        **{table: store.read(table, partitions=months) for table in by_month},
        dataset_version=dataset["dataset_version"],
        dataset_note=f"{dataset['symbols'].replace(',', ' and ')}, "
        f"{month_label(dataset['first_month'])} to {month_label(dataset['last_month'])}, "
        f"{dataset['n_events']:,} events on {dataset['n_bars']:,} bars",
        is_synthetic=bool(dataset["is_synthetic"]),
        config=config,
        code_version=code_version(),
    )


def write_report(report: Any, folder: Path) -> dict[str, Path]:
    """Write the pages and plots, each file replaced whole."""
    from step3_assets.domain.report import FIGURE_FOLDER

    figures = folder / FIGURE_FOLDER
    figures.mkdir(parents=True, exist_ok=True)
    for name, png in report.figures.items():
        replace_file(figures / name, png)
    paths = {"markdown": folder / "step3_report.md", "html": folder / "step3_report.html"}
    replace_file(paths["markdown"], report.markdown.encode())
    replace_file(paths["html"], report.html.encode())
    return paths
