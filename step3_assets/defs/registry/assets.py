"""The asset ``model_registry``: which model versions exist and the stage of each.

Belongs here: materializing the table and its file, and their metadata in the UI. Does not belong
here: the rules of the registry (:mod:`step3_assets.domain.registry`).
"""

from typing import Any

import dagster as dg

from step3_assets.defs.metadata import column_schema, table_metadata
from step3_assets.defs.registry.registry_store import (
    change_now,
    register_stored,
    write_registry_file,
)
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.stages import stage_label
from step3_assets.domain.registry.entries import FOLD, RECALIBRATION
from step3_assets.domain.registry.summary import models_table, registry_summary

ACTOR = "asset model_registry"


def build_registry_asset(
    acceptance: dg.AssetsDefinition,
    audit: dg.AssetsDefinition,
    walk_forward: dict[str, dg.AssetsDefinition],
) -> dg.AssetsDefinition:
    """The registry asset, after the verdict and before the report.

    Weekly models and recalibrations are upstream, but the job ``results`` does not wait for them:
    the asset registers those that exist.
    """
    names = ("calibrated_models", "recalibrations", "weekly_models", "tuned_params")
    names = [name for name in names if name in walk_forward]

    @dg.asset(
        deps=[acceptance, audit, *(walk_forward[name] for name in names)],
        group_name="results",
        kinds={"json", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("model_registry"),
    )
    def model_registry(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """Every model version with its provenance, metrics, criteria and stage; also as JSON.

        New versions are candidates; the newest is the shadow, which is monitored. No model becomes
        the champion until `step3 registry promote` confirms that every criterion and every audit
        check has passed.
        """
        settings, store = platform.settings(), platform.store()
        with progress.whole(stage_label("model_registry")):
            registry = register_stored(store, settings.config, change_now(ACTOR))
        path = write_registry_file(store, settings)
        metadata: dict[str, Any] = {
            "dagster/row_count": len(registry.models),
            **registry_summary(registry.models),
            "newest models": table_metadata(models_table(registry, FOLD).head(12)),
            "newest weeks": table_metadata(models_table(registry, RECALIBRATION).head(5)),
            "file": dg.MetadataValue.path(str(path)),
        }
        return dg.MaterializeResult(metadata=metadata)

    return model_registry
