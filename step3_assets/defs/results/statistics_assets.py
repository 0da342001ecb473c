"""The asset ``statistics``: how far the results could be chance.

Belongs here: reading results and the record of trials. Does not belong here: a statistic
(:mod:`step3_assets.domain.statistics`).
"""

import dagster as dg

from step3_assets import __version__
from step3_assets.defs.metadata import table_metadata
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.results.stored_results import OUTCOME_COLUMNS, result_tables
from step3_assets.defs.results.upstream import Upstream, result_asset
from step3_assets.defs.stored_inputs import settings_in_force


def build_statistics_asset(
    upstream: Upstream, portfolio: dg.AssetsDefinition
) -> dg.AssetsDefinition:
    """Statistics, after the portfolio."""
    deps = [portfolio, upstream["calibrated_models"], upstream["scores"], upstream.events]

    @result_asset("statistics", [*deps, *upstream.searched], kinds={"numpy", "duckdb"})
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
        tables = result_tables(store)
        months = result_months(store)
        outcomes = store.read("events", partitions=months, columns=OUTCOME_COLUMNS)
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
        shown = table_metadata(frame[["name", "value", "lower", "upper", "sentence"]])
        return dg.MaterializeResult(metadata={"dagster/row_count": len(frame), "statistics": shown})

    return statistics
