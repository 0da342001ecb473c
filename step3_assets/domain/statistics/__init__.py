"""Statistics: how far chance explains a result, each with a confidence interval or a probability.

Belongs here: estimators over arrays and frames, seeded, each with its source, and the statistics
computed with them (:mod:`.measures`). Does not belong here: making the results, thresholds and
verdicts (:mod:`step3_assets.domain.acceptance.verdict`).
"""
