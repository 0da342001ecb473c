"""Failures a person can act on: one message on standard error, exit status 1.

Belongs here: which exceptions are messages. Anything else keeps its traceback: it is a defect.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class CommandFailed(RuntimeError):
    """A verb could not do its work; the message says what to do about it."""


@contextmanager
def one_message() -> Iterator[None]:
    """Turn expected errors into one message and exit status 1."""
    try:
        yield
    except Exception as error:
        if not _is_expected(error):
            raise
        print(f"step3: {error}", file=sys.stderr)
        sys.exit(1)


def _is_expected(error: Exception) -> bool:
    from step3_assets.defs.resources import SettingsError
    from step3_assets.domain.delivery import DeliveryError
    from step3_assets.storage.store import StoreError

    return isinstance(error, CommandFailed | SettingsError | DeliveryError | StoreError)
