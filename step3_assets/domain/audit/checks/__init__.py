"""The checks of the leakage audit.

Belongs here: modules that define ``CHECKS``, a tuple of
:class:`~step3_assets.domain.audit.check.AuditCheck`. Every module of this folder is run. Does not
belong here: running them (:mod:`step3_assets.domain.audit.run`).

Apart from training and scoring, which are repeated, no check calls the code that made what it
checks.
"""
