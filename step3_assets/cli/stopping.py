"""Ctrl-C and SIGTERM: one line and the exit status that shells expect, never a traceback.

Belongs here: how a verb ends when it is stopped. Does not belong here: failures
(:mod:`step3_assets.cli.failures`), ``step3 ui``, whose servers are stopped in an orderly way.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GOES_ON = "stopped; the finished months are stored; run the same command to continue"
STOPPED = "stopped"
REPEATED_S = 10.0


class Stopped(BaseException):
    """A signal asked the process to stop."""


@contextmanager
def stoppable(sentence: str) -> Iterator[None]:
    """Exit with ``128 + signal`` and the sentence when a signal stops the body.

    While Dagster executes, it handles both signals itself and does not report which one came.
    Therefore the operating system writes the number of each signal into a pipe.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if signal.SIG_IGN in before.values():  # a shell's background job, or nohup
        before = {number: known for number, known in before.items() if known != signal.SIG_IGN}
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before[signal.SIGALRM] = signal.getsignal(signal.SIGALRM)
    for number in before:
        signal.signal(number, _raise_stopped)
    try:
        yield
    except BaseException as error:
        received = _received(reader)
        has_succeeded = isinstance(error, SystemExit) and not error.code
        if received is None or has_succeeded:
            raise
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)  # a second signal ends it at once
        print(f"step3: {sentence}", file=sys.stderr)
        sys.stderr.flush()
        _leave(128 + received)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(previous)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _raise_stopped(_number: int, _frame: FrameType | None) -> None:
    """Raise `Stopped`, again until it works: library code may swallow an exception."""
    signal.setitimer(signal.ITIMER_REAL, REPEATED_S)
    raise Stopped


def _received(reader: int) -> int | None:
    """The first of our signals that arrived; None if none did."""
    try:
        numbers = os.read(reader, 256)
    except BlockingIOError:
        return None
    return next((number for number in numbers if number in SIGNALS), None)


def _leave(status: int) -> None:
    """Exit now: stop the worker processes without waiting for them."""
    import multiprocessing

    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if executor is not None:
        executor.shutdown(wait=True, kill_workers=True)
    for child in multiprocessing.active_children():
        child.terminate()
    sys.stdout.flush()
    raise SystemExit(status)
