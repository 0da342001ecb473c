"""Migrate a store that an older program wrote to the current catalogue.

Belongs here: the statements for each kind of change, and opening a store with its tables migrated
to the catalogue. Does not belong here: the list of changes
(:mod:`step3_assets.catalogue.migrations`).
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from step3_assets.catalogue import SCHEMA_NUMBER, TABLES
from step3_assets.catalogue.migrations import (
    MIGRATIONS,
    AddColumn,
    Change,
    DropColumn,
    DropTable,
    RenameColumn,
    RenameTable,
    ReplaceText,
)
from step3_assets.storage import manifest
from step3_assets.storage.connection import attached, quoted
from step3_assets.storage.ddl import (
    create_missing,
    create_table,
    known_table,
    missing_tables,
    note_version,
    qualified,
    qualified_name,
    statement,
    stored_version,
)
from step3_assets.storage.errors import StoreError
from step3_assets.storage.transaction import Transaction, to_frame


@contextmanager
def opened(
    path: Path, *, is_writer: bool, timeout_s: float, log: logging.Logger
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store attached as ``step3``; older tables are migrated first.

    Parameters
    ----------
    path, is_writer, timeout_s, log
        As in :func:`step3_assets.storage.connection.attached`. A reader of an older store opens it
        for writing once, to migrate it.

    Raises
    ------
    StoreError
        As ``attached``, and if the file is not a store or cannot be migrated.
    """
    with ExitStack() as held:
        open_as = {"timeout_s": timeout_s, "log": log}
        connection = held.enter_context(attached(path, is_writer=is_writer, **open_as))
        number = stored_version(connection, path)
        if number < SCHEMA_NUMBER and not is_writer:
            held.close()
            with attached(path, is_writer=True, **open_as) as writer:
                _bring_up_to_date(writer, path, log)
            connection = held.enter_context(attached(path, is_writer=False, **open_as))
        elif number < SCHEMA_NUMBER:
            _bring_up_to_date(connection, path, log)
        yield connection


def changed_since(number: int) -> set[str]:
    """Names, old and new, of the tables that migrations from this version change."""
    names: set[str] = set()
    for change in (change for changes in MIGRATIONS[number - 1 :] for change in changes):
        match change:
            case RenameTable(old, new):
                names |= {old, new}
            case DropTable(name):
                names.add(name)
            case _:
                names.add(change.table)
    return names


def _bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, path: Path, log: logging.Logger
) -> None:
    """Migrate, unless another process has already done so."""
    number = stored_version(connection, path)
    if number < SCHEMA_NUMBER:
        migrate(connection, path, number)
        log.warning("%s: tables brought from version %d to %d", path, number, SCHEMA_NUMBER)


def migrate(connection: duckdb.DuckDBPyConnection, path: object, number: int) -> None:
    """Apply every change since schema version ``number``, in one transaction.

    The transaction also records the new version.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A connection with the store attached for writing.
    path : object
        The file, for messages.
    number : int
        The version's number, as stored.

    Raises
    ------
    StoreError
        If the tables would differ from the catalogue; the store is then unchanged.
    """
    plans = _stored_tables(connection)
    for changes in MIGRATIONS[number - 1 :]:
        for change in changes:
            _apply(plans, change)
    connection.execute("BEGIN")
    try:
        for plan in plans:
            _carry_out(connection, plan, path, number)
        missing_tables(connection, path)
        create_missing(connection)
        _hash_again(connection, {p.stored for p in plans if p.is_changed})
        note_version(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _hash_again(connection: duckdb.DuckDBPyConnection, changed: set[str]) -> None:
    """Write the manifest of tables that changed, and of those that never had one.

    The stored rows cannot be verified here, because an older manifest describes other columns.
    """
    manifest.create(connection)
    manifest.forget(connection, changed)
    known = manifest.read(connection)
    for name, table in TABLES.items():
        if name in known and name not in changed:
            continue
        rows = to_frame(Transaction(connection, [name]).read_arrow(name), table)
        days = [] if table.partition is None else sorted(set(rows[table.partition]))
        manifest.put(connection, manifest.entries_of(table, rows, days))


@dataclass
class _Plan:
    """The changes of one stored table: its new name, and each column as an expression."""

    stored: str
    name: str | None
    columns: dict[str, str]
    is_changed: bool = False
    source: str = ""

    def nest(self) -> None:
        """Turn the changes so far into a subquery, so that expressions are not repeated."""
        self.source = f"({self.query()})"
        self.columns = {name: quoted([name]) for name in self.columns}

    def query(self) -> str:
        """The rows after the changes so far."""
        chosen = ", ".join(f"{made} AS {quoted([name])}" for name, made in self.columns.items())
        return f"SELECT {chosen} FROM {self.source or qualified_name(self.stored)}"


def _stored_tables(connection: duckdb.DuckDBPyConnection) -> list[_Plan]:
    plans: dict[str, _Plan] = {}
    for table, column, _ in connection.execute(statement("select_columns")).fetchall():
        plans.setdefault(table, _Plan(table, table, {})).columns[column] = quoted([column])
    return list(plans.values())


def _apply(plans: list[_Plan], change: Change) -> None:
    """Add one change to the plans; a change to a table that is not stored is ignored."""
    table = {RenameTable: "old", DropTable: "name"}.get(type(change), "table")
    plan = next((p for p in plans if p.name == getattr(change, table)), None)
    if plan is None:
        return
    plan.is_changed = True
    match change:
        case RenameTable(_, new):
            plan.name = new
        case DropTable():
            plan.name = None
        case RenameColumn(_, old, new):
            plan.columns = {new if n == old else n: e for n, e in plan.columns.items()}
        case DropColumn(_, name):
            plan.columns.pop(name, None)
        case AddColumn(_, name, dtype, value):
            plan.columns[name] = f"CAST({_literal(value)} AS {dtype})"
        case ReplaceText(_, column, old, new, is_whole):
            if is_whole:
                plan.nest()
            found, before, after = plan.columns[column], _literal(old), _literal(new)
            plan.columns[column] = (
                f"CASE WHEN {found} = {before} THEN {after} ELSE {found} END"
                if is_whole
                else f"replace({found}, {before}, {after})"
            )


def _carry_out(
    connection: duckdb.DuckDBPyConnection, plan: _Plan, path: object, number: int
) -> None:
    """Create a changed table again, because DuckDB cannot alter and update it in one transaction.

    Raises
    ------
    StoreError
        If the columns after the changes differ from those of the catalogue.
    """
    if not plan.is_changed:
        return
    if plan.name is None:
        connection.execute(f"DROP TABLE {qualified_name(plan.stored)}")
        return
    table = known_table(plan.name)
    extra, lacks = set(plan.columns) - set(table.names), set(table.names) - set(plan.columns)
    if extra or lacks:
        besides, missing = (", ".join(sorted(names)) or "none" for names in (extra, lacks))
        raise StoreError(
            f"{path}: table {plan.stored} of version {number} has extra columns: {besides}; "
            f"missing columns: {missing}; it cannot be migrated: use the program that wrote it, or "
            "move the file away and run again"
        )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE migrated AS {plan.query()}")
    connection.execute(f"DROP TABLE {qualified_name(plan.stored)}")
    connection.execute(create_table(table))
    connection.execute(f"INSERT INTO {qualified(table)} BY NAME SELECT * FROM migrated")
    connection.execute("DROP TABLE migrated")


def _literal(value: str | int | float | bool | None) -> str:
    """A value as SQL text."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else repr(value)
