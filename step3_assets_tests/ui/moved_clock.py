"""A clock for Dagster's processes that tests may set: it starts at an instant and runs faster.

Belongs here: the environment of such processes. Nothing in the product reads it: Python imports
``sitecustomize`` from the path that the test sets, and that replaces the two functions that
Dagster's own ``freeze_time`` replaces.
"""

import os
import time
from datetime import datetime
from pathlib import Path

from step3_assets.cli.installation import DAGSTER_YAML

RATE = 6.0
"""A sensor's 30 seconds pass in 5."""
PATIENT = DAGSTER_YAML.replace(
    "poll_interval_seconds: 20", "poll_interval_seconds: 20\n  start_timeout_seconds: 86400"
)
"""The settings of Dagster, with as long as it takes for a run to start on the faster clock."""
SITECUSTOMIZE = """
import importlib.abc, importlib.util, os, sys, time
from datetime import datetime, timezone

START, SINCE, RATE = (float(os.environ[f"TEST_CLOCK_{n}"]) for n in ("START", "SINCE", "RATE"))


def now():
    return START + RATE * (time.time() - SINCE)


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "dagster._time":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module._mockable_get_current_timestamp = now
            module._mockable_get_current_datetime = lambda: datetime.fromtimestamp(
                now(), timezone.utc
            )

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
"""


def clock_environment(folder: Path, start: datetime, rate: float) -> dict[str, str]:
    """Environment of processes whose Dagster clock starts now at an instant."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])),
        "TEST_CLOCK_START": str(start.timestamp()),
        "TEST_CLOCK_SINCE": str(time.time()),
        "TEST_CLOCK_RATE": str(rate),
    }
