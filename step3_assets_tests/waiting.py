"""Waiting for another process: poll, with a deadline and a reason."""

import time
from collections.abc import Callable
from typing import Any


def wait_until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until ``holds()`` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := holds():
            return answer
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {seconds:g} s")
