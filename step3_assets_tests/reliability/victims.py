"""Processes that are killed, with everything they started, at a chosen moment.

Belongs here: starting and killing. Does not belong here: what the tables must look like afterwards.

The children come from a fork server that has loaded the platform once, so that a kill's moment
falls into the work and not into three seconds of imports.
"""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["step3_assets_tests.reliability.victims", "step3_assets.definitions", "lightgbm", "optuna"]
)


def start(work: Callable[..., object], *args: object) -> BaseProcess:
    """Start ``work(*args)`` at the head of a process group of its own."""
    process = _context.Process(target=_lead, args=(work, args))
    process.start()
    return process


def _lead(work: Callable[..., object], args: tuple) -> None:
    os.setsid()
    status = 1
    try:
        work(*args)
        status = 0
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)  # without waiting for idle workers; `run_to_the_end` ends those


def run_verb(home: Path, words: list[str], output: Path | None = None) -> None:
    """``step3 <words>`` on a home, its output in a file: ``output.txt`` under it by default."""
    from step3_assets.cli.failures import one_message
    from step3_assets.cli.main import cli

    os.environ["STEP3_HOME"] = str(home)
    sys.stdout = sys.stderr = (output or home / "output.txt").open("a", encoding="utf-8")
    with one_message():
        cli(words, standalone_mode=False)


def output_of(home: Path) -> str:
    """What the verbs run on this home have printed."""
    return (home / "output.txt").read_text("utf-8", errors="replace")


def run_to_the_end(home: Path, words: list[str], timeout_s: float = 180) -> float:
    """Run a verb undisturbed; seconds it took. It must succeed."""
    begun = time.monotonic()
    process = start(run_verb, home, words)
    process.join(timeout_s)
    seconds = time.monotonic() - begun
    status = process.exitcode
    kill_after(process, 0)
    assert status == 0, output_of(home)
    return seconds


def kill_after(process: BaseProcess, seconds: float) -> bool:
    """SIGKILL the process and its group after a while; whether it was still at work then."""
    assert process.pid is not None
    process.join(seconds)
    was_running = process.is_alive()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()  # it had no group yet, or all of it is gone
    process.join(60)
    assert not process.is_alive()
    return was_running
