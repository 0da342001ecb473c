"""The run log on SQLite, without a disk flush for every event.

Belongs here: how Dagster's own SQLite files are opened. Does not belong here: what is logged.

Dagster opens a connection for each event and closes it again. The last connection to close writes
the log back into its file, and with SQLite's default setting every commit waits for the disk as
well: some three flushes an event, which took most of a long run's logging time. Here a commit does
not wait (``synchronous = NORMAL``), and one connection a file stays open, so that the log is
written back in larger pieces. A killed process loses nothing; a power cut may lose the last events,
never the file's consistency. The tables are in DuckDB and are not concerned.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

_lock = threading.Lock()
_homes: set[Path] = set()
_held: dict[str, sqlite3.Connection] = {}


def relax_flushes(dagster_home: Path) -> None:
    """Open the SQLite files under a Dagster home this way, from now on, in this process."""
    with _lock:
        _homes.add(dagster_home.resolve())
        if not event.contains(Engine, "connect", _on_connect):
            event.listen(Engine, "connect", _on_connect)


def _on_connect(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if not path or not any(Path(path).is_relative_to(home) for home in _homes):
        return
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        return  # a file that is being created: its next connection finds it ready
    connection.execute("PRAGMA synchronous = NORMAL")
    with _lock:
        if path not in _held:
            _held[path] = held = sqlite3.connect(path, timeout=30, check_same_thread=False)
            held.execute("PRAGMA schema_version").fetchone()  # the first read takes its place
