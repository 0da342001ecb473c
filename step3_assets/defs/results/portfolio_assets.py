"""The asset ``portfolio``: one account through all months, and the series for comparison.

Belongs here: reading what the account needs, storing its tables in one transaction, what the UI
shows. Does not belong here: the account (:mod:`step3_assets.domain.portfolio`).
"""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.defs.metadata import png_metadata, readable, table_metadata
from step3_assets.defs.partition_task import Frames
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.result_months import longest_span, result_months
from step3_assets.defs.results.upstream import Upstream, result_asset
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import dataset_in_force, settings_in_force
from step3_assets.domain.core.bar_columns import MARKING_BARS
from step3_assets.domain.core.code import code_version
from step3_assets.domain.core.months import add_months, month_range
from step3_assets.domain.portfolio.allocation import history_months
from step3_assets.domain.portfolio.series import (
    MOCK,
    PLATFORM,
    PortfolioResult,
    portfolio_frames,
    reconcile_portfolio,
    run_portfolio,
)
from step3_assets.domain.portfolio.variants import Period
from step3_assets.storage.store import Reader


def build_portfolio_asset(upstream: Upstream) -> dg.AssetsDefinition:
    """The portfolio, after the scores of every month."""
    deps = [upstream["scores"], upstream["mock_baseline"], upstream.events, upstream.bar_features]

    @result_asset("portfolio", [*deps, *upstream.searched], kinds={"pandas", "duckdb"})
    def portfolio(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """One account through all months, compared with the baselines and buy-and-hold."""
        from step3_assets.domain.statistics.evaluations import evaluation_rows, span_of, with_run

        store, config = platform.store(), platform.settings().config
        months, dataset = result_months(store), dataset_in_force(store)
        stamp = result_stamp(store, "portfolio", months, config)
        with progress.whole(stage_label("portfolio")):
            result = computed_portfolio(store, config)
            bars = _portfolio_bars(store, config, months)
            problems = reconcile_portfolio(result, config, bars)
        if problems:
            raise dg.Failure(f"the ledger does not reconcile: {problems[0]}", allow_retries=False)
        frames = portfolio_frames(result)
        span = span_of(months, longest_span(store, config))
        run = evaluation_rows(
            result.months,
            settings_in_force(store, config, months),
            dataset["dataset_version"],
            code_version(),
            span,
        )
        with store.transaction([*frames, "evaluations"]) as transaction:
            evaluations = with_run(transaction.read("evaluations"), run)
            transaction.replace_all(frames, stamp)
            transaction.replace_all({"evaluations": evaluations})
        return dg.MaterializeResult(metadata=_describe_portfolio(frames, dataset["is_synthetic"]))

    return portfolio


def computed_portfolio(reader: Reader, config: Step3Config) -> PortfolioResult:
    """Every series through all months, from the stored scores."""
    months = result_months(reader)
    return run_portfolio(
        {
            PLATFORM: reader.read("scores", partitions=months),
            MOCK: reader.read("mock_baseline", partitions=months),
        },
        reader.read("events", partitions=months),
        Period.of_bars(
            months,
            _portfolio_bars(reader, config, months),
            settings_in_force(reader, config, months),
        ),
        config,
        published_baseline(dataset_in_force(reader)),
    )


def _portfolio_bars(reader: Reader, config: Step3Config, months: Sequence[date]) -> pd.DataFrame:
    """Bars of the months, of the allocator's history, and of the month after for the last exits."""
    before = add_months(months[0], -history_months(config.allocation))
    span = month_range(before, add_months(months[-1], 1))
    return reader.read("bar_features", partitions=span, columns=MARKING_BARS)


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
