"""Every acceptance criterion, one file for each.

Belongs here: collecting the criteria. Does not belong here: the consequence of a failed criterion
(:mod:`step3_assets.domain.acceptance.verdict`).

To add a criterion, add a module to this folder that defines ``CRITERION``. The list, its order, the
table in ``docs/execution.md``, the report's rows and the registry's entries are derived from it.
"""

from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules

from step3_assets.domain.acceptance.criterion import Criterion


def collect() -> dict[str, Criterion]:
    """The criteria of the modules in this folder, by name, in the order of their positions.

    Raises
    ------
    ValueError
        If two share a name or a position.
    """
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    records = sorted((module.CRITERION for module in modules), key=lambda c: c.position)
    for first, second in pairwise(records):
        if first.position == second.position:
            raise ValueError(f"criteria {first.name} and {second.name} share a position")
    found = {record.name: record for record in records}
    if len(found) != len(records):
        raise ValueError("two criteria share a name")
    return found


CRITERIA = collect()
"""Every criterion by its name, in the order of the report."""
