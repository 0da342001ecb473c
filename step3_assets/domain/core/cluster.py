"""A Dask cluster as a place to compute: results in order, also when parts of the cluster fail.

Belongs here: the connection, the bounded window of tasks, what happens when a worker, the scheduler
or the connection is lost, and the check that every worker runs the driver's code and libraries.
Does not belong here: what is computed.

The driver keeps the inputs of every task in the window until its result has arrived. When a worker
is lost, Dask gives its unfinished tasks to another. When the scheduler is lost, the driver connects
again and submits the whole window again. The functions are pure, so a task that runs twice gives
the same bits twice, and only one result is returned.
"""

import logging
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from step3_assets.config.compute import ComputeConfig
from step3_assets.domain.core.code import NUMERICAL_LIBRARIES, code_version

if TYPE_CHECKING:
    from distributed import Client, Future

LIBRARIES = (*NUMERICAL_LIBRARIES, "dask", "distributed", "pyarrow")
WINDOW_PER_THREAD = 2
LOSSES_OF_ONE_TASK = 5
"""After so many lost workers or connections during one task, the task counts as the cause."""

_log = logging.getLogger(__name__)


class ClusterError(RuntimeError):
    """The cluster cannot do the work; the message names the address or the worker and says why."""


@dataclass(frozen=True)
class Software:
    """What a process computes with: results are equal to the bit only where this is equal."""

    python: str
    machine: str
    code: str
    libraries: tuple[tuple[str, str], ...]

    def differences(self, other: "Software") -> list[str]:
        """How the other differs, in words; empty when both are equal."""
        pairs = [
            ("Python", self.python, other.python),
            ("machine", self.machine, other.machine),
            ("step3_assets", self.code, other.code),
        ]
        installed = dict(other.libraries)
        pairs += [(name, wanted, installed.get(name, "none")) for name, wanted in self.libraries]
        return [
            f"{name} {found} instead of {wanted}"
            for name, wanted, found in pairs
            if wanted != found
        ]


@lru_cache(maxsize=1)
def software() -> Software:
    """What this process computes with."""
    return Software(
        python=platform.python_version(),
        machine=platform.machine(),
        code=code_version(),
        libraries=tuple((name, _version(name)) for name in LIBRARIES),
    )


@dataclass
class _Pending:
    """A task in the window: submitted, its result not yet taken."""

    key: Any
    inputs: Any
    future: "Future | None" = None


def run_on_cluster(
    call: Callable[..., Any],
    function: Callable[..., Any],
    tasks: Iterable[tuple[Any, Any]],
    compute: ComputeConfig,
) -> Iterator[tuple[Any, Any]]:
    """As :func:`step3_assets.domain.core.parallel.run_in_order`, on the cluster of the settings.

    Raises
    ------
    ClusterError
        If a worker runs other software, or no worker answers for ``compute.patience_s``.
    """
    connection = Connection(compute)
    try:
        yield from _in_order(connection, call, function, iter(tasks))
    finally:
        connection.close()


def _in_order(
    connection: "Connection",
    call: Callable[..., Any],
    function: Callable[..., Any],
    tasks: Iterator[tuple[Any, Any]],
) -> Iterator[tuple[Any, Any]]:
    window: deque[_Pending] = deque()
    is_drawn = False
    while window or not is_drawn:
        while not is_drawn and len(window) < connection.window:
            drawn = next(tasks, None)
            if drawn is None:
                is_drawn = True
                break
            window.append(_Pending(*drawn))
            connection.submit(window[-1], call, function)
        if window:
            result = connection.result(window, call, function)
            yield window.popleft().key, result


class Connection:
    """One driver's connection to the scheduler; it reconnects when the connection is lost."""

    def __init__(self, compute: ComputeConfig) -> None:
        self._compute = compute
        self._client: Client | None = None
        self.window = 0
        self._connect()

    def submit(
        self, pending: _Pending, call: Callable[..., Any], function: Callable[..., Any]
    ) -> None:
        """Send one task; when the connection is lost, :meth:`result` reconnects."""
        from distributed.client import ClosedClientError

        pending.future = None
        if isinstance(pending.inputs, Exception) or self._client is None:
            return
        with suppress(ClosedClientError):
            pending.future = self._client.submit(
                _checked,
                software(),
                call,
                function,
                pending.inputs,
                pure=False,
                retries=LOSSES_OF_ONE_TASK,
            )

    def result(
        self, window: deque[_Pending], call: Callable[..., Any], function: Callable[..., Any]
    ) -> Any:
        """The result of the window's first task; reconnects and submits again when needed.

        Tasks return their own errors as results, so an exception here comes from the cluster.
        """
        from distributed.scheduler import KilledWorker

        first, losses = window[0], 0
        if isinstance(first.inputs, Exception):
            return first.inputs
        while True:
            try:
                found = self._wait_for(first)
            except KilledWorker as error:
                raise ClusterError(
                    f"{self._compute.address}: {first.key} took {LOSSES_OF_ONE_TASK} workers with "
                    f"it, the last one {error.last_worker.address}; look at its memory limit"
                ) from error
            except _connection_errors() as error:
                losses += 1
                if losses > LOSSES_OF_ONE_TASK:
                    raise ClusterError(
                        f"{self._compute.address}: connection lost {losses} times at {first.key}: "
                        f"{type(error).__name__}: {error}"
                    ) from error
                _log.warning("%s: connection lost, submitting again", self._compute.address)
                self._connect()
                for pending in window:
                    self.submit(pending, call, function)
                continue
            if isinstance(found, _Refusal):
                raise ClusterError(
                    f"worker {found.worker} runs other software than this driver: "
                    f"{'; '.join(found.differences)}. Update it and restart it."
                )
            return found

    def _wait_for(self, pending: _Pending) -> Any:
        """The task's result; gives up after ``compute.patience_s`` without a worker."""
        from distributed import TimeoutError as DaskTimeout
        from distributed.comm.core import CommClosedError

        if pending.future is None:
            raise CommClosedError("not submitted")
        last_seen = time.monotonic()
        while True:
            try:
                found = pending.future.result(timeout=2.0)
            except DaskTimeout:
                if self._has_workers():
                    last_seen = time.monotonic()
                elif time.monotonic() - last_seen > self._compute.patience_s:
                    raise ClusterError(
                        f"{self._compute.address}: no worker for {self._compute.patience_s:.0f} s; "
                        "start workers and run the same command again"
                    ) from None
            else:
                pending.future.release()
                return found

    def workers(self) -> list[str]:
        """A line for each worker: address, threads and memory."""
        assert self._client is not None
        found = self._client.scheduler_info(n_workers=-1)["workers"]
        return [
            f"{address}  {worker['nthreads']} thread(s)  {worker['memory_limit'] / 2**30:.1f} GiB"
            for address, worker in sorted(found.items())
        ]

    def close(self) -> None:
        """Leave the cluster; unfinished tasks are dropped."""
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout=5)

    def _has_workers(self) -> bool:
        if self._client is None or self._client.status != "running":
            return False
        return bool(self._client.scheduler_info(n_workers=-1)["workers"])

    def _connect(self) -> None:
        """Connect and wait for a worker, at most ``compute.patience_s``."""
        from distributed import Client

        self.close()
        deadline = time.monotonic() + self._compute.patience_s
        reason = "no answer"
        while time.monotonic() < deadline:
            try:
                client = Client(
                    self._compute.address,
                    timeout=5,
                    set_as_default=False,
                    security=_security(self._compute),
                    name="step3",
                )
            except (OSError, TimeoutError) as error:
                reason = str(error)
                time.sleep(0.5)
                continue
            workers = client.scheduler_info(n_workers=-1)["workers"]
            if workers:
                self._client = client
                threads = sum(worker["nthreads"] for worker in workers.values())
                self.window = max(2, WINDOW_PER_THREAD * threads)
                self._refuse_others(client)
                return
            reason = "it has no workers"
            client.close(timeout=5)
            time.sleep(0.5)
        raise ClusterError(
            f"{self._compute.address}: no cluster within {self._compute.patience_s:.0f} s: {reason}"
        )

    def _refuse_others(self, client: "Client") -> None:
        answers: Any = client.run(software, on_error="return")
        for address, found in answers.items():
            if not isinstance(found, Software):
                raise ClusterError(f"worker {address} cannot run step3_assets: {found}")
            if differences := software().differences(found):
                raise ClusterError(
                    f"worker {address} runs other software than this driver: "
                    f"{'; '.join(differences)}. Update it and restart it."
                )


@dataclass(frozen=True)
class _Refusal:
    """What a worker returns in place of a result if it joined later and runs other software."""

    worker: str
    differences: list[str]


def _checked(
    expected: Software,
    call: Callable[..., Any],
    function: Callable[..., Any],
    inputs: Any,
) -> Any:
    """Run a task on a worker, unless the worker's software is not the driver's."""
    if differences := expected.differences(software()):
        from distributed import get_worker

        return _Refusal(get_worker().address, differences)
    return call(function, inputs)


def _connection_errors() -> tuple[type[BaseException], ...]:
    from distributed.client import ClosedClientError, FutureCancelledError
    from distributed.comm.core import CommClosedError

    return (ClosedClientError, FutureCancelledError, CommClosedError, OSError)


def _security(compute: ComputeConfig) -> Any:
    if compute.tls is None:
        return None
    from distributed import Security

    tls = compute.tls
    return Security(
        tls_ca_file=tls.ca_file,
        tls_client_cert=tls.cert_file,
        tls_client_key=tls.key_file,
        require_encryption=True,
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
