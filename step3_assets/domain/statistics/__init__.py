"""Statistics: how much of a result chance could explain, with intervals or probabilities.

Belongs here: estimators over arrays and frames, seeded, each with its source, and the statistics
computed with them (:mod:`.measures`). Does not belong here: making the results, thresholds and
verdicts (:mod:`step3_assets.domain.acceptance.verdict`).
"""
