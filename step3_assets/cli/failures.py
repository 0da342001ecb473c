"""Failures that the user can act on: one message on standard error, exit status 1.

Belongs here: which exceptions become messages. Any other exception is a defect and keeps its
traceback.
"""

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_UNWRITABLE = (*_FULL, errno.EROFS, errno.EACCES, errno.EPERM)
_SQLITE_FULL = "database or disk is full"
_SQLITE_NO_INDEX = "SQLITE_IOERR_SHMSIZE"  # no room for the log's index; its text: "disk I/O error"
_SQLITE_UNWRITABLE = (
    _SQLITE_FULL,
    "attempt to write a readonly database",
    "unable to open database file",
    "disk I/O error",
)


class CommandFailed(RuntimeError):
    """A verb could not do its work; the message says what to do about it."""


@contextmanager
def one_message() -> Iterator[None]:
    """Turn expected errors into one message and exit status 1."""
    try:
        yield
    except Exception as error:
        trouble = disk_trouble(error)
        if not trouble and not _is_expected(error):
            raise
        print(f"step3: {trouble or error}", file=sys.stderr)
        sys.exit(1)


def disk_trouble(error: BaseException) -> str:
    """The message for an error that a full or read-only disk caused; empty for other errors.

    Dagster keeps its run log in SQLite, which a full disk stops as well; its errors arrive wrapped
    two or three times.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        text = str(link).splitlines()[0] if str(link) else ""
        if isinstance(link, OSError) and link.errno in _UNWRITABLE:
            place = f"{link.filename}: " if link.filename else ""
            return _advice(f"{place}{link.strerror}", link.errno in _FULL)
        if isinstance(link, sqlite3.Error) and text in _SQLITE_UNWRITABLE:
            code = getattr(link, "sqlite_errorname", "")  # SQLite's own errors have one
            is_full = text == _SQLITE_FULL or code == _SQLITE_NO_INDEX
            return _advice(f"the run log of Dagster: {text}", is_full)
        if "No space left on device" in text:
            return _advice(text, True)
        link = link.__cause__ or link.__context__
    return ""


def _advice(what: str, is_full: bool) -> str:
    if is_full:
        return f"the disk is full ({what}); free some space and run again: stored rows are complete"
    return f"STEP3_HOME cannot be written ({what}); stored rows are complete"


def _is_expected(error: Exception) -> bool:
    from step3_assets.defs.settings import SettingsError
    from step3_assets.domain.delivery import DeliveryError
    from step3_assets.domain.registry.errors import RegistryError
    from step3_assets.storage.store import StoreError

    known = CommandFailed | SettingsError | DeliveryError | RegistryError | StoreError
    return isinstance(error, known)
