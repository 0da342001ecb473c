"""One DuckDB instance per process; the store's file is attached to it while the store is used.

Belongs here: opening and closing. Does not belong here: statements on tables.

DuckDB locks an open file against every other process, readers included, and refuses to open it
twice in one process. There is therefore one in-memory instance per process, and a thread lock (its
``gate``) that lets one thread at a time use it. The file is attached as catalogue ``step3`` only
for the duration of an operation.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import duckdb

from step3_assets.storage.errors import StoreError
from step3_assets.storage.locks import BusyError, Deadline, reader_turn, wait_for, writer_lock

CATALOGUE = "step3"
STORAGE_VERSION = "v1.5.0"
STORAGE_NUMBER = 68
"""The number of that version in the file's header."""


class Instance:
    """An in-memory DuckDB that starts on first use, and the lock (``gate``) that guards it."""

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.holder: int | None = None
        self.is_held_for_fork = False
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection; it uses one thread, because several processes run in parallel."""
        if self._connection is None:
            connection = duckdb.connect(":memory:", config={"threads": 1})
            connection.execute("SET TimeZone='UTC'")
            connection.execute("SET arrow_large_buffer_size=true")
            with suppress(duckdb.InvalidInputException):  # a notebook without widgets has no bar
                connection.execute("SET enable_progress_bar=false")
            self._connection = connection
        return self._connection

    def discard(self) -> None:
        """Close the instance in any state; the next use starts a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(duckdb.Error):
                connection.close()


_instance = Instance()
_inherited: list[Instance] = []
_FORK_PATIENCE_S = 30.0


def _hold_still_for_fork() -> None:
    """Before a fork, wait until no other thread has a file open.

    A child that inherited an open file could never open it again. A thread that forks inside its
    own transaction is not covered.
    """
    if _instance.holder != threading.get_ident():
        _instance.is_held_for_fork = _instance.gate.acquire(timeout=_FORK_PATIENCE_S)


def _go_on_after_fork() -> None:
    if _instance.is_held_for_fork:
        _instance.is_held_for_fork = False
        _instance.gate.release()


def _start_afresh_after_fork() -> None:
    """Give a forked child its own instance and lock.

    The parent's instance must not be destroyed in the child, where its threads do not exist.
    """
    global _instance
    _inherited.append(_instance)
    _instance = Instance()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_still_for_fork,
        after_in_parent=_go_on_after_fork,
        after_in_child=_start_afresh_after_fork,
    )


@contextmanager
def attached(
    path: Path,
    *,
    is_writer: bool,
    timeout_s: float,
    log: logging.Logger,
    when_closed: Callable[[], None] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection with the file attached as ``step3``; it is always detached afterwards.

    Parameters
    ----------
    path : Path
        An existing DuckDB file; a writer may also create it.
    is_writer : bool
        A writer has exclusive access; several readers may share the file.
    timeout_s : float
        Total time to wait for other threads, writers and readers.
    log : Logger
    when_closed : callable, optional
        For a writer that ends without an error: called after the file is closed, while the
        writer lock is still held. No other process has the file open then.

    Raises
    ------
    StoreError
        If the lock is not free in time, the file cannot be opened, this thread already has it
        open, or DuckDB fails.
    """
    instance = _instance
    deadline = Deadline(timeout_s)
    if instance.holder == threading.get_ident():
        raise StoreError(
            f"{path}: this thread has a store open already: inside a transaction, use the "
            "transaction's own methods"
        )
    if not instance.gate.acquire(timeout=deadline.left_s):
        raise StoreError(f"{path}: another thread of this process kept it for {timeout_s:g} s")
    instance.holder = threading.get_ident()
    try:
        with ExitStack() as held:
            if is_writer:
                held.enter_context(writer_lock(path, deadline, log))
            wait_for(lambda: _attach(instance.connection, path, is_writer), deadline, path, log)
            detach = held.enter_context(ExitStack())
            detach.callback(_detach, instance)
            yield instance.connection
            detach.close()
            if when_closed is not None:
                when_closed()
    except duckdb.Error as error:
        if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
            instance.discard()  # DuckDB refuses every further statement after one of these
        raise StoreError(f"{path}: {error}") from error
    finally:
        instance.holder = None
        instance.gate.release()


COPY = "step3_copy"
"""Name under which a copy of the store is attached."""


@contextmanager
def copied(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Copy the attached store to a new file, which stays attached as :data:`COPY` meanwhile."""
    connection.execute(f"ATTACH {literal(path)} AS {COPY} (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        connection.execute(f"COPY FROM DATABASE {CATALOGUE} TO {COPY}")
        yield
    finally:
        connection.execute(f"DETACH {COPY}")


def literal(path: Path) -> str:
    """A path as quoted SQL text, because ATTACH takes no bound parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, is_writer: bool) -> None:
    options = f"STORAGE_VERSION '{STORAGE_VERSION}'" if is_writer else "READ_ONLY"
    with ExitStack() as held:
        if not is_writer:
            held.enter_context(reader_turn(path))
        try:
            connection.execute(f"ATTACH {literal(path)} AS {CATALOGUE} ({options})")
        except duckdb.BinderException as error:
            raise StoreError(
                f"{path}: this process has the file open outside the store: {_first_line(error)}"
            ) from error
        except duckdb.IOException as error:
            if _is_lock_conflict(error):
                raise BusyError(_first_line(error)) from None
            if message := _newer_format(path):
                raise StoreError(f"{path}: {message}") from error
            purpose = "writing" if is_writer else "reading"
            raise StoreError(
                f"{path}: cannot be opened for {purpose}: {_first_line(error)}"
            ) from error


def _newer_format(path: Path) -> str:
    """The message for a file that a newer DuckDB wrote; empty for any other file."""
    try:
        with path.open("rb") as handle:
            header = handle.read(20)
    except OSError:
        return ""
    number = int.from_bytes(header[12:20], "little")
    if header[8:12] != b"DUCK" or number <= STORAGE_NUMBER:
        return ""
    return (
        f"a newer DuckDB wrote it (storage version {number}, this program reads up to "
        f"{STORAGE_NUMBER}): use the program that wrote it, or restore a backup from this program"
    )


def _detach(instance: Instance) -> None:
    try:
        instance.connection.execute(f"DETACH {CATALOGUE}")
    except duckdb.Error:
        instance.discard()


def _is_lock_conflict(error: duckdb.IOException) -> bool:
    text = str(error)
    return "Could not set lock on file" in text or "used by another process" in text


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0].split(" See also ")[0].removeprefix("IO Error: ")


def quoted(names: Iterable[str]) -> str:
    """Identifiers, quoted and joined by commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
