"""The asset ``acceptance``: every criterion, evaluated on the results.

Belongs here: reading results, statistics and audit, and storing what the criteria found. Does not
belong here: a criterion (:mod:`step3_assets.domain.acceptance`).
"""

import dagster as dg

from step3_assets.defs.metadata import table_metadata
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.registry.registry_store import (
    audit_in_force,
    current_version,
    keep_verdict,
    store_result,
)
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.evaluation import computed_acceptance
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.results.upstream import Upstream, result_asset
from step3_assets.defs.stages import stage_label


def build_acceptance_asset(
    upstream: Upstream, results: list[dg.AssetsDefinition]
) -> dg.AssetsDefinition:
    """The verdict, after the results, the statistics and the audit."""
    deps = [*results, upstream["calibrated_models"], upstream["scores"]]

    @result_asset("acceptance", deps, kinds={"duckdb"})
    def acceptance(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """Each criterion with its value, threshold and evidence; anything missing fails.

        So does an audit that was made of other data, settings or models than those stored now.
        """
        from step3_assets.domain.acceptance.verdict import verdict

        store, config = platform.store(), platform.settings().config
        version = current_version(store, config)
        stamp = result_stamp(store, "acceptance", result_months(store), config)
        audit = audit_in_force(store, version)
        with progress.whole(stage_label("acceptance")):
            frame = computed_acceptance(store, config, audit, store.read("statistics"))
        store_result(store, "acceptance", frame, version, stamp)
        keep_verdict(store, version, config)
        return dg.MaterializeResult(
            metadata={
                "verdict": verdict(frame),
                "criteria passed": f"{int(frame['is_passed'].sum())} of {len(frame)}",
                "criteria": table_metadata(frame.drop(columns=["position"])),
            }
        )

    return acceptance
