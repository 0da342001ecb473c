"""Jobs: the three steps of the main job, the search and the shadow, as a person launches them.

Belongs here: selections by group. Partition ranges are chosen at launch.
"""

import dagster as dg

INGEST = "ingest"
WALK_FORWARD = "walk_forward"
RESULTS = "results"
SEARCH = "search"
SHADOW = "shadow"
SHADOW_TABLES = ("shadow_decisions", "shadow_fills", "shadow_positions")


def build_jobs() -> list:
    """Ingest by data month, walk-forward by test month, search by epoch; results, shadow whole."""
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
            description="Take the stored delivery as the live account's next arrival.",
        ),
    ]
