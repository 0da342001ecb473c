"""The asset ``portfolio``: one account through all months, and the lines beside it.

Belongs here: reading what the account needs, storing its tables in one transaction, what the UI
shows. Does not belong here: the account (:mod:`step3_assets.domain.portfolio`).
"""

import json
from typing import Any

import dagster as dg

from step3_assets import __version__
from step3_assets.defs.metadata import png_metadata, readable, table_metadata
from step3_assets.defs.partition_task import Frames
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.results.upstream import Upstream, result_asset
from step3_assets.defs.stored_inputs import dataset_in_force, settings_in_force
from step3_assets.domain.core.bar_columns import MARKING_BARS
from step3_assets.domain.core.months import add_months, month_range
from step3_assets.domain.portfolio.allocation import history_months
from step3_assets.domain.portfolio.series import (
    MOCK,
    PLATFORM,
    portfolio_frames,
    reconcile_portfolio,
    run_portfolio,
)


def build_portfolio_asset(upstream: Upstream) -> dg.AssetsDefinition:
    """The portfolio, after the scores of every month."""
    deps = [upstream["scores"], upstream["mock_baseline"], upstream.events, upstream.bar_features]

    @result_asset("portfolio", [*deps, *upstream.searched], kinds={"pandas", "duckdb"})
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
            published_baseline(dataset),
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

    return portfolio


def published_baseline(dataset: dict[str, Any]) -> dict[str, Any] | None:
    """The published baseline's summary, where the delivery brought one."""
    text = dataset["published_baseline"]
    return json.loads(text) if isinstance(text, str) else None


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
    platform = summary.set_index("series").loc[PLATFORM].to_dict()
    numbers = {
        "Calmar": float(platform["calmar"]),
        "CAGR (%)": float(platform["cagr"] * 100),
        "max drawdown (%)": float(platform["max_drawdown_frac"] * 100),
        "trades": int(platform["n_trades"]),
        "trades per month": float(platform["trades_per_month"]),
        "mean net per trade (bps)": float(platform["net_bps_mean"]),
    }
    return {
        "dagster/row_count": len(summary),
        **readable(numbers),
        "series compared": table_metadata(summary[shown]),
        **{name: png_metadata(name, png) for name, png in plots.items()},
    }
