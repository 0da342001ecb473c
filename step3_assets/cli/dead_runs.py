"""Runs whose process is gone: without this, Dagster would show them as started forever.

Belongs here: finding dead runs and marking them as failed. Does not belong here: the tables, which
stay consistent when a process is killed (:mod:`step3_assets.storage`).

A killed process cannot report its end, and the launcher that Dagster uses on one machine cannot
check whether a process lives. Such a run keeps a place in the queue: after four kills, no queued
run would start.
"""

import os
import re
from pathlib import Path

import dagster as dg

PROCESS_TAG = "step3/process"
_PROC = Path("/proc")
_UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_PID = re.compile(r"\(pid: (\d+)\)")


def process_mark(pid: int | None = None) -> str:
    """``<pid>:<start>`` of a process, this one by default; the start distinguishes a reused pid.

    The start is counted in clock ticks since the machine started, so changes of the clock do not
    matter. It is empty on systems that do not report it.
    """
    pid = pid or os.getpid()
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return f"{pid}:"
    return f"{pid}:{stat.rpartition(')')[2].split()[19]}"


def close_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process is gone as failed, and return their ids.

    Runs of the command line carry their process as a tag; runs that the UI launched wrote its pid
    to their log. A run without either has not begun: Dagster's run monitoring closes it after three
    minutes.
    """
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        mark = run.tags.get(PROCESS_TAG) or _logged_mark(instance, run.run_id)
        if mark and not _is_alive(mark):
            instance.report_run_failed(
                run,
                f"Its process ({mark.partition(':')[0]}) is gone: it was killed, or the machine "
                "went down. Everything it had stored is complete; launch it again for the rest.",
            )
            closed.append(run.run_id)
    return closed


def _logged_mark(instance: dg.DagsterInstance, run_id: str) -> str:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    pids = [found[1] for entry in entries if (found := _PID.search(entry.message))]
    return f"{pids[-1]}:" if pids else ""


def _is_alive(mark: str) -> bool:
    """Whether the process runs; when in doubt, yes."""
    pid, _, start = mark.partition(":")
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's process: it exists
    if start:
        return process_mark(int(pid)) == mark
    try:
        command = (_PROC / pid / "cmdline").read_bytes()
    except OSError:
        return True
    return b"python" in command or b"dagster" in command or b"step3" in command
