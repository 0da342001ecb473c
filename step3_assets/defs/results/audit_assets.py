"""The asset ``audit``: the leakage audit of the stored results.

Belongs here: running the audit and storing what it found. Does not belong here: a check
(:mod:`step3_assets.domain.audit`).
"""

import dagster as dg

from step3_assets.defs.metadata import column_schema, table_metadata
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.registry.registry_store import current_version, store_result
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.audit_inputs import audit_inputs
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.stages import stage_label


def build_audit_asset(
    portfolio: dg.AssetsDefinition,
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
    walk_forward: dict[str, dg.AssetsDefinition],
) -> dg.AssetsDefinition:
    """The audit, after the results and before the verdict, which includes it."""
    names = [
        name
        for name in ("folds", "calibrated_models", "scores", "tuned_params")
        if name in walk_forward
    ]

    @dg.asset(
        deps=[portfolio, events, bar_features, *(walk_forward[name] for name in names)],
        group_name="results",
        kinds={"python", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("audit"),
    )
    def audit(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """Check the results for every known way to look better than they are."""
        from step3_assets.domain.audit.run import CHECKS, audit_verdict, run_audit

        settings, store = platform.settings(), platform.store()
        version = current_version(store, settings.config)
        stamp = result_stamp(store, "audit", result_months(store), settings.config)
        inputs = audit_inputs(store, settings.config, settings.delivery)
        with progress.track(stage_label("audit"), len(CHECKS)) as advance:
            frame = run_audit(inputs, lambda: advance(1), settings.place)
        store_result(store, "audit", frame, version, stamp)
        table = table_metadata(frame.drop(columns="position"))
        return dg.MaterializeResult(metadata={"verdict": audit_verdict(frame), "checks": table})

    return audit
