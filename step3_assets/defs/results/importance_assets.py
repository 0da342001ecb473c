"""The asset ``importances``: which features the boosted heads of every fold use.

Belongs here: reading models and candidates month by month. Does not belong here: gain and SHAP
(:mod:`step3_assets.domain.models.importance`).
"""

import dagster as dg
import pandas as pd

from step3_assets.catalogue.monitoring import IMPORTANCES
from step3_assets.defs.metadata import column_schema, png_metadata, table_metadata
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import dataset_in_force
from step3_assets.storage.store import Store


def build_importance_asset(
    events: dg.AssetsDefinition, calibrated_models: dg.AssetsDefinition
) -> dg.AssetsDefinition:
    """Importances, after the models and before the report."""

    @dg.asset(
        deps=[events, calibrated_models],
        group_name="results",
        kinds={"lightgbm", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("importances"),
    )
    def importances(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """Share of each feature in the boosted heads: gain in training, SHAP on candidates."""
        from step3_assets.domain.report import importance_figures as figures
        from step3_assets.domain.report.importance_tables import importance_summary

        store = platform.store()
        config = platform.settings().config
        stamp = result_stamp(store, "importances", result_months(store), config)
        with progress.whole(stage_label("importances")):
            frame = importance_table(store)
        store.replace_all({"importances": frame}, stamp)
        is_synthetic = bool(dataset_in_force(store)["is_synthetic"])
        plot = figures.importance_figure(frame, is_synthetic=is_synthetic, small=True)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(frame),
                "shares": table_metadata(importance_summary(frame).reset_index()),
                "through time": png_metadata("through time", plot),
            }
        )

    return importances


def importance_table(store: Store) -> pd.DataFrame:
    """Every fold's importances."""
    from step3_assets.domain.models.importance import head_importances

    months = result_months(store)
    models = store.read("calibrated_models", partitions=months)
    events = store.read("events", partitions=months)
    parts = [
        head_importances(models[models["month"] == month], events[events["month"] == month], month)
        for month in months
    ]
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=IMPORTANCES.names)
