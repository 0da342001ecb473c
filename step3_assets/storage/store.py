"""The store: the tables of the catalogue in one DuckDB file, shared safely between processes.

Belongs here: the interface that assets, checks, the command line and tests use. Does not belong
here: the meaning of the data.

Every call opens the file, does one thing and closes the file again; see ``docs/storage.md`` for the
guarantees to readers and writers.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.storage import manifest
from step3_assets.storage.connection import attached
from step3_assets.storage.ddl import create_all, known_table, missing_tables
from step3_assets.storage.errors import StoreError
from step3_assets.storage.locks import Deadline, writer_lock
from step3_assets.storage.manifest import MadeFrom, MadeFromAny
from step3_assets.storage.migrate import opened
from step3_assets.storage.transaction import (
    Transaction,
    check_partitions,
    prepare,
    prepare_partitions,
    prepare_whole,
    to_frame,
)

DISK_TROUBLE = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Input/output error",
)
"""Texts of disk errors. A commit that fails on the disk raises the same error as a conflict, but
retrying does not help."""

__all__ = ["MadeFrom", "Reader", "Store", "StoreError", "Transaction"]


class Store:
    """Tables in one DuckDB file.

    A partition is a month, identified by its first day, or a week, identified by its Monday.

    A store is safe to share between threads, to pickle, and to inherit across a fork. It holds only
    a path, and each process opens its own DuckDB when it first needs one.

    Parameters
    ----------
    path : str or Path
        The file; created by :meth:`ensure_tables`.
    lock_timeout_s : float
        Longest wait for other threads and processes, in seconds.
    log : Logger, optional
        Logger for waits; a wait longer than one second is a warning.

    Raises
    ------
    StoreError
        From every method. It names the file if that is missing, locked too long, not readable, not
        a store, or of another schema version. It names table, column and rows if a frame does not
        match the catalogue. Rows that were stored before are kept.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        lock_timeout_s: float = 60.0,
        log: logging.Logger | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.lock_timeout_s = lock_timeout_s
        self._log = log or logging.getLogger(__name__)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "lock_timeout_s": self.lock_timeout_s}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._log = logging.getLogger(__name__)

    def ensure_tables(self) -> None:
        """Create the file, and every table of the catalogue that is missing from it.

        An older store is migrated: see :mod:`step3_assets.storage.migrate`.

        Raises
        ------
        StoreError
            If the file is of a newer schema version, or a table in it differs from the catalogue.
        """
        if not self.path.exists():
            self._create_file()
        with self._open(is_writer=False) as connection:
            missing = missing_tables(connection, self.path)
        if missing:
            with self._open(is_writer=True) as connection:
                create_all(connection)

    def read(
        self,
        table: str,
        *,
        partitions: Sequence[dt.date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of a table, in key order and with canonical types.

        Parameters
        ----------
        table : str
        partitions : sequence of date, optional
            Read only these; None for all. A partition without rows is allowed.
        columns : sequence of str, optional
            Read only these, in this order; None for all in catalogue order.

        Returns
        -------
        DataFrame
            Types as listed in :mod:`step3_assets.domain.core.canonical`; index 0..n-1.
        """
        with self._open(is_writer=False) as connection:
            rows = Transaction(connection, [table]).read_arrow(
                table, partitions=partitions, columns=columns
            )
        return to_frame(rows, known_table(table))

    def replace_partitions(
        self,
        frames: Mapping[str, pd.DataFrame],
        partitions: Sequence[dt.date],
        made_from: MadeFromAny = None,
    ) -> None:
        """Replace partitions of one or more tables, all in one transaction.

        Parameters
        ----------
        frames : mapping of table name to DataFrame
            New rows; an empty frame removes all rows of the partitions.
        partitions : sequence of date
            Every row must be in one of them.
        made_from : MadeFrom, or mapping of date to MadeFrom, optional
            Settings, code and inputs of the rows, for the manifest.
        """
        days = check_partitions(partitions, map(known_table, frames))
        batches = prepare_partitions(frames, days, made_from)
        self._write(list(frames), lambda transaction: transaction.put_partitions(batches, days))

    def replace_all(
        self, frames: Mapping[str, pd.DataFrame], made_from: MadeFromAny = None
    ) -> None:
        """Replace whole tables that have no partitions, all in one transaction.

        Parameters
        ----------
        frames : mapping of table name to DataFrame
        made_from : MadeFrom, optional
            Settings, code and inputs of the rows, for the manifest.
        """
        batches = prepare_whole(frames, made_from)
        self._write(list(frames), lambda transaction: transaction.put_all(batches))

    def append(self, table: str, frame: pd.DataFrame) -> int:
        """Add the rows whose key is not stored yet; repeating the call changes nothing.

        Returns
        -------
        int
            Number of rows added.
        """
        batch = prepare(known_table(table), frame)
        return self._write([table], lambda transaction: transaction.add(batch))

    @contextmanager
    def transaction(self, tables: Sequence[str]) -> Iterator[Transaction]:
        """Read, compare and write in one step: no other process can write in between.

        All other processes wait while the block runs, so compute before entering it. An exception
        leaves the store unchanged.

        Parameters
        ----------
        tables : sequence of str
            The tables that the block reads or writes.

        Examples
        --------
        >>> from step3_assets.catalogue import TABLES
        >>> def keep_old_versions(store, month, delivered, find_replaced):
        ...     with store.transaction(["events", "revisions"]) as transaction:
        ...         stored = transaction.read("events", partitions=[month])
        ...         transaction.append("revisions", find_replaced(stored, delivered))
        ...         transaction.replace_partitions({"events": delivered}, [month])
        """
        with self._open(is_writer=True) as connection:
            transaction = Transaction(connection, tables)
            connection.execute("BEGIN")
            try:
                yield transaction
                transaction.check_whole()
                connection.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # a failed COMMIT rolls back by itself
                    connection.execute("ROLLBACK")
                raise
            finally:
                transaction.close()

    def partitions(self, table: str) -> list[dt.date]:
        """Partitions that have rows, ascending."""
        return list(self.count_by_partition(table))

    def months(self, table: str) -> list[dt.date]:
        """:meth:`partitions` of a table by month."""
        return self.partitions(table)

    def count_by_partition(self, table: str) -> dict[dt.date, int]:
        """Number of rows of each partition that has rows, ascending by partition."""
        with self._open(is_writer=False) as connection:
            return Transaction(connection, [table]).count_by_partition(table)

    def row_counts(self) -> dict[str, dict[dt.date | None, int]]:
        """Number of rows of each table's partitions, from the manifest: see :mod:`.manifest`."""
        with self._open(is_writer=False) as connection:
            return manifest.row_counts(connection)

    def table_hash(self, table: str) -> str:
        """Content hash of a whole table: :func:`step3_assets.domain.core.hashing.frame_hash`."""
        return frame_hash(self.read(table), known_table(table))

    def table_hashes(self) -> dict[str, str]:
        """Content hash of every table, all read in one snapshot."""
        with self._open(is_writer=False) as connection:
            snapshot = Transaction(connection, TABLES)
            rows = {name: snapshot.read_arrow(name) for name in TABLES}
        return {
            name: frame_hash(to_frame(rows.pop(name), table), table)
            for name, table in TABLES.items()
        }

    def read_manifest(self) -> manifest.Manifest:
        """The content hash of each stored partition: see :mod:`.manifest`."""
        with self._open(is_writer=False) as connection:
            return manifest.read(connection)

    def altered(self, tables: Sequence[str] | None = None) -> list[str]:
        """Partitions whose stored rows were altered after they were written; empty if none were.

        One sentence for each partition from :meth:`altered_partitions`.
        """
        found = self.altered_partitions(tables)
        return [text for by_partition in found.values() for text in by_partition.values()]

    def altered_partitions(
        self, tables: Sequence[str] | None = None
    ) -> dict[str, dict[dt.date | None, str]]:
        """Partitions whose stored rows do not match the manifest.

        Parameters
        ----------
        tables : sequence of str, optional
            All by default.

        Returns
        -------
        dict of str to dict of date or None to str
            For each table and partition, a sentence with the keys of the first rows that differ.
        """
        problems = {}
        for name in tables or TABLES:
            with self._open(is_writer=False) as connection:
                known = manifest.read(connection, [name])
                rows = Transaction(connection, [name]).read_arrow(name)
            found = manifest.differences(TABLES[name], to_frame(rows, TABLES[name]), known)
            if found:
                problems[name] = found
        return problems

    def size_bytes(self) -> int:
        """Bytes of the file and its write-ahead log; 0 if there is no file."""
        parts = (self.path, self.path.with_name(self.path.name + ".wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def _write(self, tables: Sequence[str], work: Callable[[Transaction], int | None]) -> int:
        """Run ``work`` in a transaction; repeat it after a conflict with another writer."""
        deadline = Deadline(self.lock_timeout_s)
        while True:
            try:
                with self.transaction(tables) as transaction:
                    return work(transaction) or 0
            except StoreError as error:
                is_conflict = isinstance(error.__cause__, duckdb.TransactionException)
                is_conflict &= not any(text in str(error) for text in DISK_TROUBLE)
                if not is_conflict or deadline.left_s <= 0:
                    raise
                self._log.warning("%s: replacing again after a conflict: %s", self.path, error)

    @contextmanager
    def _open(self, *, is_writer: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            raise StoreError(f"{self.path}: no store there yet: ensure_tables() creates it")
        with opened(
            self.path, is_writer=is_writer, timeout_s=self.lock_timeout_s, log=self._log
        ) as connection:
            yield connection

    def _create_file(self) -> None:
        """Create the file under another name, then move it: it is never incomplete."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be created: {error}") from error
        with writer_lock(self.path, Deadline(self.lock_timeout_s), self._log):
            if self.path.exists():
                return
            draft = self.path.with_name(self.path.name + ".new")
            draft.unlink(missing_ok=True)
            draft.with_name(draft.name + ".wal").unlink(missing_ok=True)
            with attached(
                draft, is_writer=True, timeout_s=self.lock_timeout_s, log=self._log
            ) as connection:
                create_all(connection)
            draft.with_name(draft.name + ".lock").unlink(missing_ok=True)
            draft.replace(self.path)


Reader = Store | Transaction
"""A source of rows: the store (each call opens it) or a transaction (one snapshot for all)."""
