"""SQL generated from the catalogue: identifiers, table creation, and checking the tables of a file.

Belongs here: SQL text whose only inputs are names from the catalogue. Does not belong here:
values, which are bound as parameters when a statement runs.

The DDL is kept simple (no primary key, ENUM or index), so that it runs in the same way on a DuckDB
file, DuckLake and PostgreSQL.
"""

from functools import cache
from importlib.resources import files

import duckdb
import pyarrow as pa

from step3_assets.catalogue import SCHEMA_NUMBER, SCHEMA_VERSION, TABLES
from step3_assets.catalogue.column import Table
from step3_assets.storage import manifest
from step3_assets.storage.connection import CATALOGUE, quoted
from step3_assets.storage.errors import StoreError

ARROW_TYPES: dict[str, pa.DataType] = {
    "VARCHAR": pa.large_string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
}
_SPELLED = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
_INFO = f"{CATALOGUE}.store_info"


def known_table(name: str) -> Table:
    """The catalogue's table of that name.

    Raises
    ------
    StoreError
        If there is no such table.
    """
    if name not in TABLES:
        raise StoreError(
            f"{name!r} is not a table of the catalogue; the tables are {', '.join(TABLES)}"
        )
    return TABLES[name]


def qualified(table: Table) -> str:
    """The table's name inside the attached file."""
    return qualified_name(table.name)


def qualified_name(name: str) -> str:
    """Like :func:`qualified`, for a stored table that may be missing from the catalogue."""
    return f"{CATALOGUE}.{quoted([name])}"


@cache
def statement(name: str) -> str:
    """Text of ``storage/sql/<name>.sql``, with placeholders for identifiers in braces."""
    return files("step3_assets.storage").joinpath("sql", f"{name}.sql").read_text()


def create_table(table: Table) -> str:
    """``CREATE TABLE IF NOT EXISTS`` for a table of the catalogue."""
    columns = ", ".join(
        f"{quoted([c.name])} {c.dtype}{'' if c.is_nullable else ' NOT NULL'}" for c in table.columns
    )
    return f"CREATE TABLE IF NOT EXISTS {qualified(table)} ({columns})"


def create_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every missing table, and the record of the schema version in a new file."""
    connection.execute("BEGIN")
    try:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_INFO} (name VARCHAR, value VARCHAR)")
        if not connection.execute(f"SELECT 1 FROM {_INFO}").fetchall():
            connection.execute(
                f"INSERT INTO {_INFO} VALUES ('schema_version', ?)", [SCHEMA_VERSION]
            )
        create_missing(connection)
        manifest.create(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def create_missing(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of the catalogue that is missing from the file."""
    for table in TABLES.values():
        connection.execute(create_table(table))


def note_version(connection: duckdb.DuckDBPyConnection) -> None:
    """Record the catalogue's schema version in the file."""
    connection.execute(
        f"UPDATE {_INFO} SET value = ? WHERE name = 'schema_version'", [SCHEMA_VERSION]
    )


def stored_version(connection: duckdb.DuckDBPyConnection, path: object) -> int:
    """The number of a file's schema version.

    Returns
    -------
    int
        :data:`~step3_assets.catalogue.SCHEMA_NUMBER`, or a lower number if the tables must be
        migrated: see :func:`step3_assets.storage.migrate.migrate`.

    Raises
    ------
    StoreError
        If the file is not a store, a newer program wrote it, or its version has the same number
        but another catalogue.
    """
    try:
        found = connection.execute(
            f"SELECT value FROM {_INFO} WHERE name = 'schema_version'"
        ).fetchall()
    except duckdb.CatalogException as error:
        raise StoreError(f"{path}: a DuckDB file, but not a step3 store") from error
    version = found[0][0] if found else "none"
    number = int(version.split("-")[0]) if version.split("-")[0].isdecimal() else 0
    if version != SCHEMA_VERSION and not 1 <= number < SCHEMA_NUMBER:
        raise StoreError(
            f"{path}: holds schema version {version}, this program writes {SCHEMA_VERSION}: use "
            "the program that wrote it, or move the file away and run again"
        )
    return number


def missing_tables(connection: duckdb.DuckDBPyConnection, path: object) -> list[str]:
    """Names of catalogue tables that are missing from the file.

    Raises
    ------
    StoreError
        If a stored table differs from the catalogue; it names the columns.
    """
    stored: dict[str, list[str]] = {}
    for name, column, dtype in connection.execute(statement("select_columns")).fetchall():
        stored.setdefault(name, []).append(f"{column} {_SPELLED.get(dtype, dtype)}")
    for table in TABLES.values():
        declared = [f"{c.name} {c.dtype}" for c in table.columns]
        have = stored.get(table.name, declared)
        if sorted(have) != sorted(declared):
            extra = ", ".join(c for c in have if c not in declared) or "none"
            lacks = ", ".join(c for c in declared if c not in have) or "none"
            raise StoreError(
                f"{path}: table {table.name} differs from the catalogue: extra columns: {extra}; "
                f"missing columns: {lacks}"
            )
    return [name for name in TABLES if name not in stored]
