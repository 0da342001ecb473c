"""The verdict as it is printed: marked as stale if it does not match the stored data.

Belongs here: the wording. Does not belong here: finding out whether it is stale
(:mod:`step3_assets.domain.registry.evidence`), the verdict.
"""

from collections.abc import Sequence

STALE = "STALE"
SHOWN_REASONS = 2


def dated_verdict(verdict: str, reasons: Sequence[str]) -> str:
    """The verdict as it is printed, marked as stale if there are reasons.

    The first reasons are named; the others are counted.

    Examples
    --------
    >>> dated_verdict("PROMOTE: 9 criteria pass", ["acceptance: was made with other settings"])
    'STALE (acceptance: was made with other settings): PROMOTE: 9 criteria pass'
    """
    if not reasons:
        return verdict
    more = len(reasons) - SHOWN_REASONS
    counted = [f"and {more} more, which `step3 verify` lists"] if more > 0 else []
    return f"{STALE} ({'; '.join([*reasons[:SHOWN_REASONS], *counted])}): {verdict}"
