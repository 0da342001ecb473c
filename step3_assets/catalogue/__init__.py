"""The catalogue: every table, each column with its type, unit, when it is known and its meaning.

Table creation, validation of deliveries, the matrix builder's known-at rule, asset checks and the
data dictionary all derive from it. Belongs here: the list of all tables, collected from the modules
beside this one, and its version. Does not belong here: a table, or code that reads, writes or
computes.
"""

import hashlib

from step3_assets.catalogue import (
    decisions,
    delivery,
    folds,
    live,
    models,
    monitoring,
    portfolio,
    registry,
    report,
    results,
    search,
)
from step3_assets.catalogue.column import Table
from step3_assets.catalogue.migrations import MIGRATIONS

_MODULES = (
    delivery,
    folds,
    models,
    decisions,
    portfolio,
    results,
    registry,
    monitoring,
    search,
    live,
    report,
)

TABLES: dict[str, Table] = {
    table.name: table
    for module in _MODULES
    for table in vars(module).values()
    if isinstance(table, Table)
}
"""Every table by its name, in the order in which a delivery passes through them."""


def _fingerprint() -> str:
    """Digits that change with any table, column, type or nullability."""
    shape = [
        (t.name, t.key, t.partition, [(c.name, c.dtype, c.is_nullable) for c in t.columns])
        for t in TABLES.values()
    ]
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:8]


SCHEMA_NUMBER = len(MIGRATIONS) + 1
"""Counts the changes to tables that may hold rows."""

SCHEMA_VERSION = f"{SCHEMA_NUMBER}-{_fingerprint()}"
"""Version of the present catalogue. A store with a lower number is migrated when it is opened; any
other version is refused."""
