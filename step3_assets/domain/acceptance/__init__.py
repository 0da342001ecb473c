"""Acceptance: every criterion of the verdict, and the verdict in one line.

Belongs here: :mod:`.criteria`, one file for each criterion; :mod:`.verdict`, which evaluates them.
Does not belong here: computing a result (:mod:`step3_assets.domain.portfolio`,
:mod:`step3_assets.domain.statistics`).
"""
