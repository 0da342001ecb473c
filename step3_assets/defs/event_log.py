"""The run log on SQLite, with its connections kept open.

Belongs here: how Dagster's own event log is opened. Does not belong here: what is logged.

Dagster's class makes an engine and a connection for each event and closes both again. The last
connection to close writes the log back into its file, every commit waits for the disk, and each
statement is compiled anew: most of what an event costs. Here an engine and its one connection stay
for the next event, and a commit does not wait (``synchronous = NORMAL``). A killed process loses
nothing; a power cut may lose the last events, never the file's consistency. The tables are in
DuckDB and are not concerned.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

OPEN_FILES = 8  # a file a run, and the index: a server that shows many runs keeps the last ones
BUSY_TIMEOUT_S = 30


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log, its files left open between events.

    Named in ``dagster.yaml`` with the Dagster home; the files are where Dagster's own class has
    them, so that either can read what the other wrote.
    """

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(str(Path(home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """What ``dagster.yaml`` says of it."""
        return {"home": dg.StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "OpenEventLog":
        """As ``dagster.yaml`` says."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close every file."""
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    def _engine(self, shard: str) -> Engine:
        """The shard's engine; the one used longest ago makes room."""
        engine = self._engines.pop(shard, None)
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                pool_size=1,
                connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
            )
            event.listen(engine, "connect", _do_not_wait_for_the_disk)
            self._initdb(engine)
        self._engines[shard] = engine
        if len(self._engines) > OPEN_FILES:
            oldest = next(iter(self._engines))
            self._engines.pop(oldest).dispose()
        return engine


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
