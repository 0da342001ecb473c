"""Statistics: how far a result could be chance, each figure with an interval or a probability.

Belongs here: estimators over arrays and frames, seeded, each with its source. Does not belong here:
making the results they speak of, thresholds and verdicts
(:mod:`step3_assets.domain.acceptance.verdict`), words on a page.
"""
