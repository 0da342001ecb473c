"""Keeping a home small: the sizes of its files, and reducing them without losing data.

Belongs here: sizes, rewriting the DuckDB file, vacuuming Dagster's SQLite files, removing cached
forecasts that have not been read for a long time. Does not belong here: which runs Dagster may
forget (:mod:`step3_assets.defs.maintenance`).
"""

import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from step3_assets.storage.connection import CATALOGUE, COPY, attached, copied, quoted
from step3_assets.storage.errors import StoreError

SECONDS_A_DAY = 86_400
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sizes:
    """Bytes of the parts of a home.

    Parameters
    ----------
    tables : int
        The DuckDB file.
    dagster : int
        Runs, events and schedules.
    search : int
        Optuna's journal and the cached forecasts, which can be made again.
    report : int
    """

    tables: int
    dagster: int
    search: int
    report: int

    @property
    def text(self) -> str:
        """One line.

        Examples
        --------
        >>> Sizes(tables=33_000_000, dagster=11_200_000, search=0, report=4_000_000).text
        'tables 33.0 MB, run log 11.2 MB, search 0.0 MB, report 4.0 MB'
        """
        parts = {
            "tables": self.tables,
            "run log": self.dagster,
            "search": self.search,
            "report": self.report,
        }
        return ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in parts.items())


def sizes(database: Path, dagster_home: Path, search: Path, report: Path) -> Sizes:
    """Measure the parts of a home; a missing part has size 0."""
    return Sizes(
        tables=_size(database),
        dagster=_size(dagster_home),
        search=_size(search),
        report=_size(report),
    )


def compact(path: Path, timeout_s: float) -> tuple[int, int]:
    """Rewrite a DuckDB file without the unused space of replaced rows.

    The tables are copied to a new file in the same folder. Both files are compared table by table
    (number of rows and the combined hash of their contents). The copy then replaces the file while
    no process has it open. If the process is killed, the old file stays unchanged.

    Parameters
    ----------
    path : Path
        The store.
    timeout_s : float
        How long to wait for writers and readers.

    Returns
    -------
    tuple of int
        Bytes before and after.

    Raises
    ------
    StoreError
        If the store is busy for longer than `timeout_s`, the disk is full, or the copy differs.
    """
    before = _size(path)
    copy = path.with_name(f"{path.name}.{COPY}")
    copy.unlink(missing_ok=True)  # left by a process that was killed
    try:
        with attached(
            path,
            is_writer=True,
            timeout_s=timeout_s,
            log=_log,
            when_closed=lambda: os.replace(copy, path),
        ) as connection:
            _copy_tables(connection, path, copy)
    finally:
        copy.unlink(missing_ok=True)
    return before, _size(path)


def vacuum(files: Iterable[Path], timeout_s: float = 30.0) -> list[str]:
    """Free the space of deleted rows in SQLite files; returns a message for each failure.

    Parameters
    ----------
    files : iterable of Path
    timeout_s : float
        How long to wait for another writer of a file.
    """
    problems = []
    for file in files:
        try:
            with closing(sqlite3.connect(file, timeout=timeout_s)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            problems.append(f"{file}: not made smaller: {error}")
    return problems


def remove_unread(folder: Path, older_than_days: float, now: float | None = None) -> int:
    """Remove cached files not read or written for some days; returns the number removed.

    Parameters
    ----------
    folder : Path
        Folder of the search's cached forecasts; reading one updates its modification time.
    older_than_days : float
    now : float, optional
        Seconds since 1970.
    """
    limit = (time.time() if now is None else now) - older_than_days * SECONDS_A_DAY
    count = 0
    for file in folder.glob("*/*.parquet"):
        with suppress(FileNotFoundError):  # a running search may replace it
            if file.stat().st_mtime < limit:
                file.unlink()
                count += 1
    return count


def _copy_tables(connection: duckdb.DuckDBPyConnection, path: Path, copy: Path) -> None:
    with copied(connection, copy):
        for name in _table_names(connection):
            rows = _content(connection, CATALOGUE, name)
            other = _content(connection, COPY, name)
            if rows != other:
                raise StoreError(
                    f"{path}: the compacted copy of table {name} differs ({rows[0]:,} rows, "
                    f"{other[0]:,} copied); the store is unchanged"
                )
    copy.chmod(path.stat().st_mode & 0o777)


def _table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY table_name",
        [CATALOGUE],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _content(
    connection: duckdb.DuckDBPyConnection, catalogue: str, table: str
) -> tuple[int, object]:
    found = connection.execute(
        f"SELECT count(*), sum(hash(rows)::HUGEINT) FROM {catalogue}.{quoted([table])} AS rows"
    ).fetchone()
    assert found is not None
    return int(found[0]), found[1]


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
