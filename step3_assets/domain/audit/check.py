"""The record that describes one check of the leakage audit.

Belongs here: what a check must state about itself. Does not belong here: any check (see
:mod:`step3_assets.domain.audit.checks`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from step3_assets.domain.audit.inputs import AuditInputs, Evidence


@dataclass(frozen=True, kw_only=True)
class AuditCheck:
    """One check of the stored results.

    Parameters
    ----------
    name : str
        Value of column ``check``.
    position : int
        Order in table and report; no two checks share one.
    does : str
        What it compares, for the table in ``docs/audit.md``.
    planted : str
        The faults that its tests plant and that it finds, for the same table.
    run : callable
        Looks at the stored results. A check that raises has not passed.
    trains_models : bool
        Whether it trains models, which takes seconds: such a check runs beside the others.
    """

    name: str
    position: int
    does: str
    planted: str
    run: Callable[[AuditInputs], Evidence]
    trains_models: bool = False
