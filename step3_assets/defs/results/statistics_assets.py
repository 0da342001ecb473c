"""The asset ``statistics``: how far the results could be chance.

Belongs here: what the UI shows of it, and storing it. Does not belong here: a statistic
(:mod:`step3_assets.domain.statistics`), reading its inputs (:mod:`.evaluation`).
"""

import dagster as dg

from step3_assets.defs.metadata import table_metadata
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.evaluation import computed_statistics
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.results.upstream import Upstream, result_asset
from step3_assets.defs.stages import stage_label


def build_statistics_asset(
    upstream: Upstream, portfolio: dg.AssetsDefinition
) -> dg.AssetsDefinition:
    """Statistics, after the portfolio."""
    deps = [portfolio, upstream["calibrated_models"], upstream["scores"], upstream.events]

    @result_asset("statistics", [*deps, *upstream.searched], kinds={"numpy", "duckdb"})
    def statistics(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """How far the results could be chance: intervals, Sharpe probabilities, the gate's null."""
        store, config = platform.store(), platform.settings().config
        stamp = result_stamp(store, "statistics", result_months(store), config)
        with progress.whole(stage_label("statistics")):
            frame = computed_statistics(store, config)
        store.replace_all({"statistics": frame}, stamp)
        shown = table_metadata(frame[["name", "value", "lower", "upper", "sentence"]])
        return dg.MaterializeResult(metadata={"dagster/row_count": len(frame), "statistics": shown})

    return statistics
