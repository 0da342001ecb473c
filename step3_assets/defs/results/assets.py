"""Assets of results: ``fold_backtests``, ``portfolio``, ``acceptance``, ``step3_report``.

Belongs here: gathering tables, calling one domain function, writing the report's files. Does not
belong here: how a trade is simulated or judged (:mod:`step3_assets.domain`).
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets import __version__
from step3_assets.config import Step3Config
from step3_assets.defs.metadata import column_schema, png_metadata, readable, table_metadata
from step3_assets.defs.partition_task import (
    Frames,
    PartitionTask,
    materialize_partitions,
    slice_months,
)
from step3_assets.defs.partitions import (
    EPOCH_OF_MONTH,
    MONTH_AND_NEXT,
    Partitions,
    partitions_asked,
)
from step3_assets.defs.registry.assets import build_registry_asset
from step3_assets.defs.registry.registry_store import audit_in_force, current_version, store_result
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.audit_assets import build_audit_asset
from step3_assets.defs.results.drift_assets import build_drift_asset
from step3_assets.defs.results.importance_assets import build_importance_asset
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.stored_inputs import dataset_in_force, settings_in_force
from step3_assets.defs.walk_forward.assets import monthly_asset
from step3_assets.domain.core.bar_columns import MARKING_BARS
from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.core.keys import ALL_SYMBOLS, EVENT_KEY
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.portfolio.allocation import history_months
from step3_assets.domain.portfolio.series import (
    MOCK,
    PLATFORM,
    portfolio_frames,
    reconcile_portfolio,
    run_portfolio,
)
from step3_assets.domain.walk_forward.month_steps import backtest_step, base_rates
from step3_assets.storage.files import replace_file
from step3_assets.storage.store import Store

OUTCOMES = ["month", *EVENT_KEY, "y", "net_logret", "cost_rt", "maturity"]


def build_result_assets(
    partitions: Partitions,
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
    walk_forward: dict[str, dg.AssetsDefinition],
) -> list[dg.AssetsDefinition]:
    """Fold backtests by month, then the unpartitioned results."""
    scores, mock = walk_forward["scores"], walk_forward["mock_baseline"]
    searched = [walk_forward["tuned_params"]] if "tuned_params" in walk_forward else []

    @monthly_asset(
        partitions,
        deps=[
            dg.AssetDep(scores),
            dg.AssetDep(walk_forward["calibrated_models"]),
            dg.AssetDep(events),
            dg.AssetDep(bar_features, partition_mapping=MONTH_AND_NEXT),
            *(dg.AssetDep(a, partition_mapping=EPOCH_OF_MONTH) for a in searched),
        ],
        kinds={"pandas"},
        group="walk_forward",
    )
    def fold_backtests(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """Each test month on its own, from a flat start, marked at every bar close."""
        store, settings = platform.store(), platform.settings()
        config, months = settings.config, partitions_asked(context)
        in_force = settings_in_force(store, config, months)
        with_next = [*months, add_months(months[-1], 1)]
        score_rows = store.read("scores", partitions=months)
        rates = base_rates(store.read("model_metrics", partitions=months))
        event_rows = store.read("events", partitions=months)
        bar_rows = store.read("bar_features", partitions=with_next, columns=MARKING_BARS)

        def prepare(month: date) -> tuple:
            return (
                slice_months(score_rows, month, month),
                slice_months(event_rows, month, month),
                slice_months(bar_rows, month, add_months(month, 1)),
                month,
                in_force[month],
                rates.get(month),
            )

        task = PartitionTask(
            "backtests", prepare, backtest_step, _describe_backtest, workers=settings.workers
        )
        return materialize_partitions(context, store, progress, task)

    @dg.asset(
        deps=[scores, mock, events, bar_features, *searched],
        group_name="results",
        kinds={"pandas", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("portfolio"),
    )
    def portfolio(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult:
        """One capital ledger through all months, beside the baselines and buy-and-hold."""
        from step3_assets.domain.statistics.evaluations import evaluation_rows, with_run

        store, config = platform.store(), platform.settings().config
        months = result_months(store)
        dataset = dataset_in_force(store)
        settings = settings_in_force(store, config, months)
        before = add_months(months[0], -history_months(config.allocation))
        span = month_range(before, add_months(months[-1], 1))
        bars = store.read("bar_features", partitions=span, columns=MARKING_BARS)
        result = run_portfolio(
            {
                PLATFORM: store.read("scores", partitions=months),
                MOCK: store.read("mock_baseline", partitions=months),
            },
            store.read("events", partitions=months),
            bars,
            months,
            config,
            _published(dataset),
            settings,
        )
        problems = reconcile_portfolio(result, config, bars)
        if problems:
            raise dg.Failure(f"the ledger does not reconcile: {problems[0]}", allow_retries=False)
        frames = portfolio_frames(result)
        run = evaluation_rows(result.months, settings, dataset["dataset_version"], __version__)
        with store.transaction([*frames, "evaluations"]) as transaction:
            evaluations = with_run(transaction.read("evaluations"), run)
            transaction.replace_all({**frames, "evaluations": evaluations})
        return dg.MaterializeResult(metadata=_describe_portfolio(frames, dataset["is_synthetic"]))

    @dg.asset(
        deps=[
            portfolio,
            walk_forward["calibrated_models"],
            scores,
            events,
            *searched,
        ],
        group_name="results",
        kinds={"numpy", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("statistics"),
    )
    def statistics(platform: PlatformResource) -> dg.MaterializeResult:
        """How far the results could be chance: intervals, Sharpe probabilities, the gate's null."""
        from step3_assets.domain.search.settings import trading_hash
        from step3_assets.domain.statistics.evaluations import (
            configuration_hash,
            count_evaluations,
        )
        from step3_assets.domain.statistics.table import statistics_table
        from step3_assets.domain.statistics.trials import Trials

        store, config = platform.store(), platform.settings().config
        tables = _result_tables(store)
        months = result_months(store)
        outcomes = store.read("events", partitions=months, columns=OUTCOMES)
        settings = settings_in_force(store, config, months)
        shown = {trading_hash(c) for c in settings.values()}
        trials = count_evaluations(
            Trials.from_ledger(store.read("trials"), shown, months),
            store.read("evaluations"),
            configuration_hash(settings),
            __version__,
            months,
        )
        frame = statistics_table(tables, outcomes, config, trials)
        store.replace_all({"statistics": frame})
        figures = table_metadata(frame[["name", "value", "lower", "upper", "sentence"]])
        return dg.MaterializeResult(metadata={"dagster/row_count": len(frame), "figures": figures})

    audit = build_audit_asset(portfolio, events, bar_features, walk_forward)
    models = walk_forward["calibrated_models"]

    @dg.asset(
        deps=[portfolio, statistics, audit, fold_backtests, models, scores],
        group_name="results",
        kinds={"duckdb"},
        owners=["team:step3"],
        metadata=column_schema("acceptance"),
    )
    def acceptance(platform: PlatformResource) -> dg.MaterializeResult:
        """Each criterion with its value, threshold and evidence; anything missing fails.

        So does an audit that was made of other data, settings or models than those stored now.
        """
        from step3_assets.domain.acceptance.verdict import judge, verdict

        store, config = platform.store(), platform.settings().config
        version = current_version(store, config)
        evidence = {
            "statistics": store.read("statistics"),
            "audit": audit_in_force(store, version),
        }
        frame = judge({**_result_tables(store), **evidence}, config)
        store_result(store, "acceptance", frame, version)
        return dg.MaterializeResult(
            metadata={
                "verdict": verdict(frame),
                "criteria passed": f"{int(frame['is_passed'].sum())} of {len(frame)}",
                "criteria": table_metadata(frame.drop(columns=["position"])),
            }
        )

    model_registry = build_registry_asset(acceptance, audit, walk_forward)
    drift = build_drift_asset(events, bar_features, walk_forward)
    importances = build_importance_asset(events, walk_forward["calibrated_models"])

    @dg.asset(
        deps=[
            acceptance,
            model_registry,
            statistics,
            audit,
            drift,
            importances,
            portfolio,
            fold_backtests,
            events,
            walk_forward["recalibration_comparison"],
            *searched,
        ],
        group_name="results",
        kinds={"markdown", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("step3_report"),
    )
    def step3_report(platform: PlatformResource) -> dg.MaterializeResult:
        """The report, verdict first, as Markdown and as one self-contained HTML file."""
        from step3_assets.domain.report import build_report

        settings, store = platform.settings(), platform.store()
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
        store.replace_all({"step3_report": frame})
        return dg.MaterializeResult(
            metadata={
                "verdict": report.verdict,
                "markdown": dg.MetadataValue.path(str(paths["markdown"])),
                "html": dg.MetadataValue.path(str(paths["html"])),
                "figures": len(report.figures),
            }
        )

    return [
        fold_backtests,
        portfolio,
        statistics,
        audit,
        acceptance,
        model_registry,
        drift,
        importances,
        step3_report,
    ]


def _published(dataset: dict[str, Any]) -> dict[str, Any] | None:
    text = dataset["published_baseline"]
    return json.loads(text) if isinstance(text, str) else None


def report_inputs(store: Store, config: Step3Config) -> Any:
    """Every table the report speaks of, read once."""
    from step3_assets.domain.acceptance.verdict import verdict
    from step3_assets.domain.report import ReportInputs

    months = result_months(store)
    dataset = dataset_in_force(store)
    outcomes = store.read("events", partitions=months, columns=OUTCOMES)
    whole = ("portfolio", "portfolio_months", "portfolio_equity", "portfolio_trades")
    whole += ("risk_events", "cost_stress", "allocation_comparison", "allocation_weights")
    whole += ("recalibrations", "recalibration_comparison")
    by_month = ("fold_backtests", "folds", "scores", "model_metrics", "reliability_bins")
    acceptance = store.read("acceptance")
    return ReportInputs(
        verdict=verdict(acceptance),
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
        **{table: store.read(table) for table in whole},
        **{table: store.read(table, partitions=months) for table in by_month},
        dataset_version=dataset["dataset_version"],
        dataset_note=f"{dataset['symbols'].replace(',', ' and ')}, "
        f"{month_label(dataset['first_month'])} to {month_label(dataset['last_month'])}, "
        f"{dataset['n_events']:,} events on {dataset['n_bars']:,} bars",
        is_synthetic=bool(dataset["is_synthetic"]),
        config=config,
        code_version=__version__,
    )


def write_report(report: Any, folder: Path) -> dict[str, Path]:
    """Write the pages and figures, each file replaced whole."""
    from step3_assets.domain.report import FIGURE_FOLDER

    figures = folder / FIGURE_FOLDER
    figures.mkdir(parents=True, exist_ok=True)
    for name, png in report.figures.items():
        replace_file(figures / name, png)
    paths = {"markdown": folder / "step3_report.md", "html": folder / "step3_report.html"}
    replace_file(paths["markdown"], report.markdown.encode())
    replace_file(paths["html"], report.html.encode())
    return paths


def _result_tables(store: Store) -> dict[str, pd.DataFrame]:
    months = result_months(store)
    by_month = ("fold_backtests", "model_metrics", "scores", "folds")
    whole = ("portfolio", "portfolio_months", "portfolio_trades", "portfolio_equity")
    whole = (*whole, "portfolio_decisions")
    tables = {table: store.read(table, partitions=months) for table in by_month}
    return tables | {table: store.read(table) for table in whole}


def _describe_backtest(_month: date, frames: Frames) -> dict[str, Any]:
    summary = frames["fold_backtests"].set_index("symbol")
    total = summary.loc[ALL_SYMBOLS].to_dict()
    by_symbol = summary.drop(columns=["month"]).astype(object).T.rename_axis("figure")
    return {
        "dagster/row_count": len(summary),
        "trades": int(total["n_trades"]),
        "rows gated": int(total["n_gated"]),
        "return (%)": float(total["return_frac"] * 100),
        "max drawdown (%)": float(total["max_drawdown_frac"] * 100),
        "Brier calibrated (test month)": float(total["brier"]),
        "Brier base rate (test month)": float(total["brier_base"]),
        "by symbol": table_metadata(by_symbol.reset_index()),
    }


def _describe_portfolio(frames: Frames, is_synthetic: bool) -> dict[str, Any]:
    from step3_assets.domain.report import money_figures as figures

    summary = frames["portfolio"]
    shown = ["series", "end_equity_usd", "cagr", "max_drawdown_frac", "calmar", "sharpe"]
    shown += ["n_trades", "trades_per_month", "net_bps_mean"]
    curves, months = frames["portfolio_equity"], frames["portfolio_months"]
    plots = {
        "equity": figures.equity_figure(curves, months, is_synthetic=is_synthetic, small=True),
        "drawdown": figures.drawdown_figure(curves, is_synthetic=is_synthetic, small=True),
    }
    ours = summary.set_index("series").loc[PLATFORM].to_dict()
    figures_of_ours = {
        "Calmar": float(ours["calmar"]),
        "CAGR (%)": float(ours["cagr"] * 100),
        "max drawdown (%)": float(ours["max_drawdown_frac"] * 100),
        "trades": int(ours["n_trades"]),
        "trades per month": float(ours["trades_per_month"]),
        "mean net per trade (bps)": float(ours["net_bps_mean"]),
    }
    return {
        "dagster/row_count": len(summary),
        **readable(figures_of_ours),
        "beside one another": table_metadata(summary[shown]),
        **{name: png_metadata(name, png) for name, png in plots.items()},
    }
