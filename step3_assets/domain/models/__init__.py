"""Model families: fit on arrays and write text; read the text and predict.

Belongs here: one module per family, each with its text form. Does not belong here: folds, the
order in which heads are trained (:mod:`step3_assets.domain.models.training`), decisions.
"""
