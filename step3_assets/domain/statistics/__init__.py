"""Statistics: how much of a result could be chance, as confidence intervals or probabilities.

Belongs here: seeded estimators over arrays and frames, each with its source, and the statistics
computed with them (:mod:`.measures`). Does not belong here: computing the results; thresholds and
verdicts (:mod:`step3_assets.domain.acceptance.verdict`).
"""
