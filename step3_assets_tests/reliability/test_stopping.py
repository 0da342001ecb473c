"""Ctrl-C and SIGTERM of real processes: one line, the status that shells expect, no traceback."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from time import sleep

import pytest

from step3_assets_tests.defs.installation import START, Installation
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.waiting import wait_until

GOES_ON = "step3: stopped; the finished months are stored; run the same command to continue"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("stopped")
    delivery = write_small_delivery(folder / "delivery", start=START, n_months=30)
    return Installation(folder / "home", delivery)


def catches_sigterm(pid: int) -> bool:
    """Whether the process has a handler of its own, by the kernel's mask of caught signals."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return bool(int(re.findall(r"SigCgt:\s*(\w+)", text)[0], 16) >> (signal.SIGTERM - 1) & 1)


def stop(
    home: Path, arguments: Sequence[str], number: int, *, after: str, pause_s: float, is_group: bool
) -> tuple[int, list[str]]:
    """Send a signal some time after a verb has printed a text; its status and last lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "step3_assets.cli.main", *arguments],
        env={**os.environ, "STEP3_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also in a job of a shell
    )
    assert process.stderr is not None
    wait_until(lambda: catches_sigterm(process.pid), 30, "the verb handles signals")
    lines = []
    while after and (not lines or after not in lines[-1]):
        lines.append(process.stderr.readline())
        assert lines[-1], f"ended before it printed {after!r}: {lines}"
    sleep(pause_s)
    (os.killpg if is_group else os.kill)(process.pid, number)
    try:
        rest = process.communicate(timeout=60)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, [*lines, *rest.splitlines()]


@pytest.mark.parametrize(
    ("number", "after", "pause_s", "is_group"),
    [
        (signal.SIGINT, "", 0.3, True),  # while modules are imported, as a terminal sends it
        (signal.SIGTERM, "->", 0.5, False),  # while definitions are loaded, as a service manager
        (signal.SIGINT, "storing events", 4.0, True),  # while worker processes train
    ],
)
def test_a_run_that_is_stopped_says_so_in_one_line(
    place: Installation, number: int, after: str, pause_s: float, is_group: bool
):
    status, lines = stop(
        place.home, ["run", "--workers", "2"], number, after=after, pause_s=pause_s,
        is_group=is_group,
    )  # fmt: skip
    assert status == 128 + number
    assert lines[-1] == GOES_ON
    others = [
        line for line in lines[:-1] if re.search(r"Traceback|Error|Aborted|step3:|File ", line)
    ]
    assert others == [], "nothing else is printed"
    months = place.store.partitions("bar_features")
    assert not months or months[0] == date(START.year, START.month, 1)


def test_a_verb_that_makes_nothing_promises_nothing(place: Installation):
    status, lines = stop(
        place.home, ["status"], signal.SIGTERM, after="", pause_s=0.1, is_group=False
    )
    assert (status, lines[-1]) == (143, "step3: stopped")
