"""Every asset of results, from the fold backtests to the report.

Belongs here: the order in which they are built. Does not belong here: an asset; each has a module
beside this one.
"""

import dagster as dg

from step3_assets.defs.registry.assets import build_registry_asset
from step3_assets.defs.results.acceptance_assets import build_acceptance_asset
from step3_assets.defs.results.audit_assets import build_audit_asset
from step3_assets.defs.results.drift_assets import build_drift_asset
from step3_assets.defs.results.fold_backtest_assets import build_fold_backtest_asset
from step3_assets.defs.results.importance_assets import build_importance_asset
from step3_assets.defs.results.portfolio_assets import build_portfolio_asset
from step3_assets.defs.results.report_assets import build_report_asset
from step3_assets.defs.results.statistics_assets import build_statistics_asset
from step3_assets.defs.results.upstream import Upstream


def build_result_assets(upstream: Upstream) -> list[dg.AssetsDefinition]:
    """Fold backtests by month, then the results that are made whole."""
    events, bar_features = upstream.events, upstream.bar_features
    walk_forward = dict(upstream.walk_forward)
    fold_backtests = build_fold_backtest_asset(upstream)
    portfolio = build_portfolio_asset(upstream)
    statistics = build_statistics_asset(upstream, portfolio)
    audit = build_audit_asset(portfolio, events, bar_features, walk_forward)
    acceptance = build_acceptance_asset(upstream, [portfolio, statistics, audit, fold_backtests])
    model_registry = build_registry_asset(acceptance, audit, walk_forward)
    drift = build_drift_asset(events, bar_features, walk_forward)
    importances = build_importance_asset(events, walk_forward["calibrated_models"])
    whole = [portfolio, statistics, audit, acceptance, model_registry, drift, importances]
    return [fold_backtests, *whole, build_report_asset(upstream, [*whole, fold_backtests])]
