"""Running the audit: every check in order, and table ``audit``.

Belongs here: collecting and running the checks. Does not belong here: a check
(:mod:`step3_assets.domain.audit.checks`).

A check that could not run has not passed; its evidence gives the reason.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pandas as pd

from step3_assets.catalogue.results import AUDIT
from step3_assets.domain.audit import checks
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence
from step3_assets.domain.core.parallel import Place, at_most, run_in_order


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


_CHECKS = collect()

CHECKS: dict[str, Callable[[AuditInputs], Evidence]] = {c.name: c.run for c in _CHECKS}
"""Every check by its name, in the order of the page."""

TRAINING_CHECKS = tuple(c.name for c in _CHECKS if c.trains_models)


def run_audit(
    inputs: AuditInputs, on_check: Callable[[], None] = lambda: None, place: Place | int = 1
) -> pd.DataFrame:
    """Every check; those that train models run side by side.

    Parameters
    ----------
    inputs : AuditInputs
    on_check : callable
        Called after each check, for progress.
    place : Place or int
        Where they run; a number stands for so many processes of this machine.

    Returns
    -------
    DataFrame
        Table ``audit``.
    """
    others = [name for name in CHECKS if name not in TRAINING_CHECKS]
    groups = [*([name] for name in TRAINING_CHECKS), others]
    tasks = ((tuple(names), CheckTask(names=names, inputs=inputs)) for names in groups)
    found: dict[str, Evidence] = {}
    for names, outcome in run_in_order(run_checks, tasks, at_most(place, len(groups))):
        if isinstance(outcome, Exception):  # a worker that could not do it
            outcome = dict.fromkeys(names, _could_not_run(outcome))
        found |= outcome
        for _ in names:
            on_check()
    rows = [
        {
            "check": name,
            "position": position,
            "is_passed": bool(found[name].is_passed),
            "evidence": found[name].text,
        }
        for position, name in enumerate(CHECKS, start=1)
    ]
    return pd.DataFrame(rows)[AUDIT.names]


@dataclass(frozen=True)
class CheckTask:
    """Checks that one worker runs, and what they examine."""

    names: Sequence[str]
    inputs: AuditInputs


def run_checks(task: CheckTask) -> dict[str, Evidence]:
    """Some of the checks, one after the other; a check that stops for any reason has not passed."""
    found = {}
    for name in task.names:
        try:
            found[name] = CHECKS[name](task.inputs)
        except Exception as error:
            found[name] = _could_not_run(error)
    return found


def _could_not_run(error: Exception) -> Evidence:
    return Evidence(False, f"Could not be run: {type(error).__name__}: {error}")


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
