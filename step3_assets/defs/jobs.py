"""Jobs: the three steps of the main job, the search, the shadow, the weekly recalibration.

Belongs here: selections by group. Partition ranges are chosen at launch.
"""

import dagster as dg

INGEST = "ingest"
WALK_FORWARD = "walk_forward"
RESULTS = "results"
SEARCH = "search"
SHADOW = "shadow"
SHADOW_TABLES = ("shadow_decisions", "shadow_fills", "shadow_positions")
RECALIBRATION = "recalibration"
VERIFICATION = "verification"
MAINTENANCE = "maintenance"


def build_jobs() -> list:
    """Each job over its own partitions: data months, test months, epochs, weeks, or whole."""
    return [
        dg.define_asset_job(
            INGEST,
            selection=dg.AssetSelection.groups("delivery"),
            description="Validate the delivery and store its months.",
        ),
        dg.define_asset_job(
            WALK_FORWARD,
            selection=dg.AssetSelection.groups("walk_forward", "baselines"),
            description="Folds, models, scores, baselines and backtests of test months.",
        ),
        dg.define_asset_job(
            RESULTS,
            selection=dg.AssetSelection.groups("results"),
            description="Portfolio, acceptance verdict and report over every test month.",
        ),
        dg.define_asset_job(
            SEARCH,
            selection=dg.AssetSelection.groups("search"),
            description="Choose the settings of epochs on folds wholly before them.",
        ),
        dg.define_asset_job(
            SHADOW,
            selection=dg.AssetSelection.assets(*SHADOW_TABLES),
            description="Let the live shadow account process the stored delivery.",
        ),
        dg.define_asset_job(
            RECALIBRATION,
            selection=dg.AssetSelection.assets(
                "weekly_models", "recalibrations", "recalibration_comparison", "model_registry"
            ),
            description="What each week makes anew, its entry in the model registry, and what "
            "recalibrating has been worth.",
        ),
        dg.define_asset_job(
            VERIFICATION,
            selection=dg.AssetSelection.checks(
                dg.AssetCheckKey(dg.AssetKey("step3_report"), "verified")
            ),
            description="What `step3 verify` does: stored rows against what was written, and "
            "computed again.",
        ),
    ]
