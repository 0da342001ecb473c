"""Dagster definitions: assets, checks, partitions, resources and jobs.

Belongs here: wiring. An asset's body reads, calls one domain function and hands back frames and
metadata; what is computed lives in :mod:`step3_assets.domain`.
"""

import warnings

# Dagster warns about every beta or preview feature at each start of a verb or a server. Its version
# is pinned and the tests cover the features, so these warnings would only hide others.
warnings.filterwarnings("ignore", message=".*is currently in (beta|preview)")
