"""A real Dask cluster for tests: a scheduler and workers as processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DaskCluster:
    """One scheduler and its workers, each a process that can be killed, stopped and started."""

    def __init__(self, folder: Path, *, tls: tuple[Path, Path, Path] | None = None) -> None:
        self.folder, self.port, self._tls = folder, free_port(), tls
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        return f"{'tls' if self._tls else 'tcp'}://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        """Start the scheduler, and wait until it listens."""
        self._start(
            "scheduler",
            ["scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"],
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise TimeoutError(self.log("scheduler"))

    def start_worker(self, name: str, environment: dict[str, str] | None = None) -> None:
        """Start a worker of one thread; it looks for the scheduler by itself."""
        arguments = [
            "worker",
            self.address,
            "--host",
            "127.0.0.1",
            "--nthreads",
            "1",
            "--name",
            name,
        ]
        arguments += ["--no-dashboard", "--no-nanny", "--death-timeout", "60"]
        arguments += ["--local-directory", str(self.folder)]
        self._start(name, arguments, environment)

    def restart_worker(self, name: str) -> None:
        """End the worker, if it has not ended by itself, and start it again."""
        if self.processes[name].poll() is None:
            self.kill(name)
        self.start_worker(name)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal; SIGKILL and SIGTERM wait until the process is gone."""
        process = self.processes[name]
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            process.wait(20)

    def log(self, name: str) -> str:
        """What a process printed."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def _start(self, name: str, arguments: list[str], environment: dict | None = None) -> None:
        if self._tls:
            ca, cert, key = map(str, self._tls)
            arguments = [*arguments, "--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._environment(environment or {}),
            )

    def _environment(self, changed: dict[str, str]) -> dict[str, str]:
        """This process's, with the tests importable: their tasks are functions of test modules."""
        found = {**os.environ, **changed}
        paths = [found.get("PYTHONPATH", ""), str(Path(__file__).resolve().parents[2])]
        return {**found, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait(20)
