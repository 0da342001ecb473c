"""Side by side: the same bits whether in this process, in several, or on a cluster.

Belongs here: calling one function over many tasks at a place, and handing the results back in
order, an error in place of a result. Does not belong here: what the function does, or how a cluster
is spoken to (:mod:`step3_assets.domain.core.cluster`).
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from step3_assets.config.compute import ComputeConfig

Key = TypeVar("Key")
Result = TypeVar("Result")

Task = tuple[Key, tuple[Any, ...] | Exception]
"""A task's key (a month, a week, a world) and the arguments of its call."""


@dataclass(frozen=True)
class Place:
    """Where tasks run.

    Attributes
    ----------
    workers : int
        Processes on this machine; 1 computes in this one. On a cluster the cluster's own workers
        count, and this number does not.
    compute : ComputeConfig
    """

    workers: int = 1
    compute: ComputeConfig = field(default_factory=ComputeConfig)

    @property
    def is_cluster(self) -> bool:
        """Whether tasks leave this machine's own processes."""
        return self.compute.backend == "dask"


def at_most(place: Place | int, tasks: int) -> Place:
    """The place for so many tasks: no process of this machine stands idle."""
    place = place if isinstance(place, Place) else Place(place)
    return replace(place, workers=max(1, min(place.workers, tasks)))


def run_in_order(
    function: Callable[..., Result], tasks: Iterable[Task[Key]], place: Place | int = 1
) -> Iterator[tuple[Key, Result | Exception]]:
    """Call ``function(*arguments)`` for each task.

    Parameters
    ----------
    function : callable
        A top-level function: another process imports it by name.
    tasks : iterable of (key, arguments)
        Drawn as workers become free, so that not all slices are held at once. An exception in the
        arguments' place is handed on as the task's result.
    place : Place or int
        A number stands for so many processes of this machine.

    Yields
    ------
    key, result or exception
        In the order of the tasks.

    Raises
    ------
    ClusterError
        On a Dask cluster: a worker runs other code or other libraries, or nothing answers for
        longer than ``compute.patience_s``.
    """
    if isinstance(place, int):
        place = Place(place)
    if place.is_cluster:
        from step3_assets.domain.core.cluster import run_on_cluster

        yield from run_on_cluster(call, function, tasks, place.compute)
    elif place.workers <= 1:
        for key, arguments in tasks:
            yield key, call(function, arguments)
    else:
        from joblib import Parallel, delayed

        keys: list[Any] = []

        def calls() -> Iterator[Any]:
            for key, arguments in tasks:
                keys.append(key)
                yield delayed(call)(function, arguments)

        pool = Parallel(
            n_jobs=place.workers, return_as="generator", pre_dispatch=f"{2 * place.workers}"
        )
        with _interrupts_held():
            results = cast(Iterator[Result | Exception], pool(calls()))
        for number, result in enumerate(results):
            yield keys[number], result


def results_in_order(
    function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], place: Place | int = 1
) -> Iterator[Result]:
    """The results alone of ``function(*arguments)``, in the order of the calls.

    Parameters
    ----------
    function, place
        As of :func:`run_in_order`.
    calls : iterable of tuple
        The arguments of each call.

    Raises
    ------
    Exception
        What the first failed call raised.
    """
    for _, result in run_in_order(function, ((None, arguments) for arguments in calls), place):
        if isinstance(result, Exception):
            raise result
        yield result


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold interrupts back while worker processes start; they inherit it for good.

    A terminal sends Ctrl-C to every process. A worker would print a traceback; it is for this
    process to say one line and to stop its workers. Python's tracker of resources lets interrupts
    through again when it starts, so it starts first.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def call(
    function: Callable[..., Result], arguments: tuple[Any, ...] | Exception
) -> Result | Exception:
    """One task, with one thread: the same bits on any machine size."""
    from threadpoolctl import threadpool_limits

    if isinstance(arguments, Exception):
        return arguments
    try:
        with threadpool_limits(limits=1):
            return function(*arguments)
    except Exception as error:
        return error
