"""The UI of a small installation, started and stopped as a person does, and a browser to look.

Belongs here: processes. Does not belong here: what is clicked or expected.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium_path() -> str:
    """The browser's path; the test is skipped without one."""
    named = os.environ.get("STEP3_CHROMIUM")
    for found in [named] if named else filter(None, map(shutil.which, CHROMIUM_NAMES)):
        asked = subprocess.run([found, "--version"], capture_output=True, check=False)
        if asked.returncode == 0:  # some systems have a stub of that name
            return found
    pytest.skip("no Chromium here: install Debian's `chromium` or name one in STEP3_CHROMIUM")


@dataclass(frozen=True)
class Server:
    """A running UI."""

    url: str

    def ask(self, query: str) -> Any:
        """The data that answers a GraphQL query."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query}).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["data"]

    def is_ready(self) -> bool:
        """Whether the code location is loaded."""
        query = "{workspaceOrError{... on Workspace{locationEntries{loadStatus}}}}"
        try:
            entries = self.ask(query)["workspaceOrError"]["locationEntries"]
        except OSError:
            return False
        return bool(entries) and all(e["loadStatus"] == "LOADED" for e in entries)


@contextmanager
def running_ui(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """``step3 ui`` on a free port of the loopback address; it must stop cleanly on an interrupt."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "step3_assets.cli.main", "ui", "--port", str(port)],
        env={**os.environ, "STEP3_HOME": str(home), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Server(f"http://127.0.0.1:{port}")
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=40) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)
