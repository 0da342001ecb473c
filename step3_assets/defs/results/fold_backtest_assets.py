"""The asset ``fold_backtests``: each test month alone, starting without positions.

Belongs here: reading a month's rows, handing them to the simulator, what the UI shows. Does not
belong here: how a trade is simulated (:mod:`step3_assets.domain.execution`).
"""

from datetime import date
from typing import Any

import dagster as dg

from step3_assets.defs.metadata import table_metadata
from step3_assets.defs.partition_task import (
    Frames,
    PartitionTask,
    materialize_partitions,
    slice_months,
)
from step3_assets.defs.partitions import EPOCH_OF_MONTH, MONTH_AND_NEXT, partitions_asked
from step3_assets.defs.provenance import monthly_stamps
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.upstream import Upstream
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import settings_in_force
from step3_assets.defs.walk_forward.assets import monthly_asset
from step3_assets.domain.core.bar_columns import MARKING_BARS
from step3_assets.domain.core.keys import ALL_SYMBOLS
from step3_assets.domain.core.months import add_months
from step3_assets.domain.walk_forward.month_steps import BacktestInputs, backtest_step, base_rates


def build_fold_backtest_asset(upstream: Upstream) -> dg.AssetsDefinition:
    """Fold backtests by month, after the scores."""

    @monthly_asset(
        upstream.partitions,
        deps=[
            dg.AssetDep(upstream["scores"]),
            dg.AssetDep(upstream["calibrated_models"]),
            dg.AssetDep(upstream.events),
            dg.AssetDep(upstream.bar_features, partition_mapping=MONTH_AND_NEXT),
            *(dg.AssetDep(a, partition_mapping=EPOCH_OF_MONTH) for a in upstream.searched),
        ],
        kinds={"pandas"},
        group="walk_forward",
    )
    def fold_backtests(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """Each test month alone, starting without positions, marked at every bar close."""
        store, settings = platform.store(), platform.settings()
        config, months = settings.config, partitions_asked(context)
        stamps = monthly_stamps(store, "fold_backtests", months, config)
        in_force = settings_in_force(store, config, months)
        with_next = [*months, add_months(months[-1], 1)]
        score_rows = store.read("scores", partitions=months)
        rates = base_rates(store.read("model_metrics", partitions=months))
        event_rows = store.read("events", partitions=months)
        bar_rows = store.read("bar_features", partitions=with_next, columns=MARKING_BARS)

        def prepare(month: date) -> BacktestInputs:
            return BacktestInputs(
                scores=slice_months(score_rows, month, month),
                events=slice_months(event_rows, month, month),
                bars=slice_months(bar_rows, month, add_months(month, 1)),
                month=month,
                config=in_force[month],
                base_rate=rates.get(month),
            )

        task = PartitionTask(
            label=stage_label("fold_backtests"),
            prepare=prepare,
            compute=backtest_step,
            describe=_describe_backtest,
            place=settings.place,
            made_from=stamps,
        )
        return materialize_partitions(context, store, progress, task)

    return fold_backtests


def _describe_backtest(_month: date, frames: Frames) -> dict[str, Any]:
    summary = frames["fold_backtests"].set_index("symbol")
    total = summary.loc[ALL_SYMBOLS].to_dict()
    by_symbol = summary.drop(columns=["month"]).astype(object).T.rename_axis("metric")
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
