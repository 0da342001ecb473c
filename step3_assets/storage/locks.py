"""Waiting: a deadline, jittered retries, and the file lock that writers hold.

Belongs here: acquiring locks, and how long to wait. Does not belong here: the work under the lock.

Two locks guard the store. DuckDB's lock on the file separates a writer from all other processes; it
can only be tried, not waited for. The second is the lock file beside the store
(``step3.duckdb.lock``), a kernel lock that is released when its process ends. A writer holds it
from before it opens the store until after it has closed it; a reader holds it only while it opens
the store. Writers therefore work one after another, and no new reader starts while a writer waits
for the current readers.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from step3_assets.storage.errors import StoreError

T = TypeVar("T")

WARN_AFTER_S = 1.0
_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.02
_jitter = random.SystemRandom()  # does not change the seeded generators of a run


class BusyError(Exception):
    """Another process holds the lock; trying again may help."""


class Deadline:
    """The time by which a wait must end.

    Parameters
    ----------
    timeout_s : float
        Seconds from now.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._start = time.monotonic()

    @property
    def waited_s(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._start

    @property
    def left_s(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.timeout_s - self.waited_s)


def wait_for(attempt: Callable[[], T], deadline: Deadline, path: Path, log: logging.Logger) -> T:
    """Repeat an attempt until it succeeds or the deadline passes.

    Pauses grow from 1 to 20 ms, each drawn at random from the upper half of its length, so that
    waiting processes do not retry at the same time. A wait beyond a second is logged as a warning,
    a shorter one at debug level.

    Parameters
    ----------
    attempt : callable
        Raises :class:`BusyError` while it cannot succeed.
    deadline : Deadline
    path : Path
        The store, for messages.
    log : Logger

    Raises
    ------
    StoreError
        When the deadline has passed; it says who held the lock.
    """
    pause = _FIRST_PAUSE_S
    start = time.monotonic()
    is_warned = False
    while True:
        try:
            result = attempt()
        except BusyError as busy:
            if deadline.left_s <= 0:
                raise StoreError(
                    f"{path}: still locked after {deadline.timeout_s:g} s: {busy}"
                ) from busy
            if not is_warned and time.monotonic() - start > WARN_AFTER_S:
                is_warned = True
                log.warning("%s: waiting for the lock: %s", path, busy)
            time.sleep(min(_jitter.uniform(pause / 2, pause), deadline.left_s))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
            continue
        waited = time.monotonic() - start
        level = logging.WARNING if waited > WARN_AFTER_S else logging.DEBUG
        log.log(level, "%s: got the lock after %.3f s", path, waited)
        return result


@contextmanager
def writer_lock(path: Path, deadline: Deadline, log: logging.Logger) -> Iterator[None]:
    """Hold the lock file beside ``path``: one writer at a time, in any process.

    Raises
    ------
    StoreError
        When the deadline passes, or the folder or lock file is not writable.
    """
    lock = FileLock(lock_path(path))

    def attempt() -> None:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise BusyError("another process is writing to it") from None
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written: {error.strerror} ({lock_path(path)})"
            ) from error

    wait_for(attempt, deadline, path, log)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reader_turn(path: Path) -> Iterator[None]:
    """Hold the lock file for the moment it takes to open the store for reading.

    In a read-only folder there can be no writer, so no lock is needed.

    Raises
    ------
    BusyError
        While a writer holds it.
    """
    lock = FileLock(lock_path(path))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BusyError("another process is writing to it") from None
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.release()


def lock_path(path: Path) -> Path:
    """The lock file of the store at ``path``."""
    return path.with_name(path.name + ".lock")
