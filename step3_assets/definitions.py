"""The code location: every definition, assembled once.

Belongs here: assembly. Does not belong here: the definition of any asset, check or setting.
"""

from collections.abc import Mapping

import dagster as dg

from step3_assets.defs.checks import build_checks
from step3_assets.defs.delivery.assets import build_delivery_assets
from step3_assets.defs.delivery.sensor import build_delivery_sensor
from step3_assets.defs.jobs import build_jobs
from step3_assets.defs.live.assets import build_live_assets
from step3_assets.defs.live.recalibration_schedule import build_recalibration_schedule
from step3_assets.defs.maintenance import build_maintenance_job, build_maintenance_schedule
from step3_assets.defs.partitions import partitions_for
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.assets import build_result_assets
from step3_assets.defs.results.drift_assets import build_drift_checks
from step3_assets.defs.results.upstream import Upstream
from step3_assets.defs.run_failure import build_run_failure_sensor
from step3_assets.defs.search.assets import build_search_asset
from step3_assets.defs.settings import Settings, load_settings
from step3_assets.defs.shadow.assets import build_shadow_assets
from step3_assets.defs.tick_failure import build_tick_failure_sensor
from step3_assets.defs.verification_schedule import (
    build_verification_check,
    build_verification_schedule,
)
from step3_assets.defs.walk_forward.assets import build_training_assets


def build_defs(
    settings: Settings | None = None, *, resource_overrides: Mapping[str, object] | None = None
) -> dg.Definitions:
    """Assemble the platform for one installation.

    Parameters
    ----------
    settings : Settings, optional
        Defaults to those of ``STEP3_HOME`` and its ``step3.toml``.
    resource_overrides : mapping, optional
        Resources to put in place of the standard ones, by key.
    """
    settings = settings or load_settings()
    partitions = partitions_for(settings)
    bar_features, events = build_delivery_assets(partitions, settings.freshness)
    tuned_params = build_search_asset(partitions, settings, events, bar_features)
    # Nothing waits for a search that is not in use, so the graph has no arrow from it.
    searched = tuned_params if settings.config.search.is_enabled else None
    training = build_training_assets(partitions, events, bar_features, searched)
    by_name = {a.key.to_user_string(): a for a in (*training, searched) if a is not None}
    upstream = {"events": events, "bar_features": bar_features, **by_name}
    live = build_live_assets(partitions, settings, upstream)
    by_name |= {a.key.to_user_string(): a for a in live}
    results = build_result_assets(Upstream(partitions, events, bar_features, by_name))
    drift = next(a for a in results if a.key == dg.AssetKey("drift"))
    report = next(a for a in results if a.key == dg.AssetKey("step3_report"))
    jobs = build_jobs()
    shadow = build_shadow_assets(events, bar_features, by_name["calibrated_models"])
    assets = [bar_features, events, tuned_params, *training, *live, *results, shadow]
    return dg.Definitions(
        assets=assets,
        asset_checks=[
            *build_checks(partitions, assets),
            *build_drift_checks(drift),
            build_verification_check(report),
        ],
        jobs=[*jobs, build_maintenance_job()],
        sensors=[
            build_delivery_sensor(partitions, jobs),
            build_run_failure_sensor(),
            build_tick_failure_sensor(),
        ],
        schedules=[
            build_recalibration_schedule(partitions.weeks),
            build_verification_schedule(),
            build_maintenance_schedule(),
        ],
        resources={
            "platform": PlatformResource(home=str(settings.home)),
            "progress": ProgressResource(),
            **(resource_overrides or {}),
        },
        executor=dg.in_process_executor,
    )


defs = build_defs()
