"""Running the audit: every check in order, and table ``audit``.

Belongs here: collecting and running the checks. Does not belong here: a check
(:mod:`step3_assets.domain.audit.checks`).

A check that could not run has not passed; its evidence gives the reason.
"""

from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pandas as pd

from step3_assets.catalogue.results import AUDIT
from step3_assets.domain.audit import checks
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence


def collect() -> tuple[AuditCheck, ...]:
    """The checks of every module in the folder, in order of their positions.

    Raises
    ------
    ValueError
        If two checks share a name or a position.
    """
    found = [
        check
        for module in iter_modules(checks.__path__)
        for check in import_module(f"{checks.__name__}.{module.name}").CHECKS
    ]
    for field in ("name", "position"):
        twice = [v for v, n in Counter(getattr(c, field) for c in found).items() if n > 1]
        if twice:
            raise ValueError(f"two checks of the audit share the {field} {twice[0]}")
    return tuple(sorted(found, key=lambda check: check.position))


CHECKS: dict[str, Callable[[AuditInputs], Evidence]] = {c.name: c.run for c in collect()}
"""Every check by its name, in the order of the page."""


def run_audit(inputs: AuditInputs, on_check: Callable[[], None] = lambda: None) -> pd.DataFrame:
    """Every check, one after the other.

    Parameters
    ----------
    inputs : AuditInputs
    on_check : callable
        Called after each check, for progress.

    Returns
    -------
    DataFrame
        Table ``audit``.
    """
    rows = []
    for position, (name, check) in enumerate(CHECKS.items(), start=1):
        try:
            evidence = check(inputs)
        except Exception as error:  # a check that stops for any reason has not passed
            evidence = Evidence(False, f"Could not be run: {type(error).__name__}: {error}")
        rows.append(
            {
                "check": name,
                "position": position,
                "is_passed": bool(evidence.is_passed),
                "evidence": evidence.text,
            }
        )
        on_check()
    return pd.DataFrame(rows)[AUDIT.names]


def failed_checks(audit: pd.DataFrame) -> list[str]:
    """Checks that have not passed: failed, missing or doubled; in the order of the page.

    Only a plain true counts as passed.
    """
    marks: dict[str, list[bool]] = {name: [] for name in CHECKS}
    for name, mark in zip(audit["check"], audit["is_passed"], strict=True):
        marks.setdefault(name, []).append(isinstance(mark, bool | np.bool_) and bool(mark))
    return [name for name, found in marks.items() if found != [True]]


def audit_verdict(audit: pd.DataFrame) -> str:
    """One line: how many checks passed, and which did not.

    A check that is not in the table has not passed.
    """
    failed = failed_checks(audit)
    if not failed:
        return f"AUDIT PASSED: {len(CHECKS)} of {len(CHECKS)} checks"
    return f"AUDIT FAILED: {', '.join(failed)}"
