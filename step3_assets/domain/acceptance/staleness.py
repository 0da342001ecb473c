"""A verdict as it may be printed: marked where it is not about what is stored now.

Belongs here: the words. Does not belong here: finding out whether it is stale
(:mod:`step3_assets.domain.registry.evidence`), the verdict.
"""

from collections.abc import Sequence

STALE = "STALE"


def dated_verdict(verdict: str, reasons: Sequence[str]) -> str:
    """The verdict as it may be printed: marked stale where it is not about what is stored now.

    Examples
    --------
    >>> dated_verdict("PROMOTE: 9 criteria pass", ["acceptance: was made with other settings"])
    'STALE (acceptance: was made with other settings): PROMOTE: 9 criteria pass'
    """
    return f"{STALE} ({'; '.join(reasons)}): {verdict}" if reasons else verdict
