"""Parallel work: the same bits whether in this process, in several, or on a cluster.

Belongs here: calling one function for many tasks, and returning the results in order, with an
error in place of a result where a task failed. Does not belong here: what the function does, or
the connection to a cluster (:mod:`step3_assets.domain.core.cluster`).
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from step3_assets.config.compute import ComputeConfig

Key = TypeVar("Key")
Result = TypeVar("Result")

Task = tuple[Key, Any]
"""A task's key (a month, a week, a world) and its input: a record, or an exception."""


@dataclass(frozen=True)
class Place:
    """Where tasks run.

    Attributes
    ----------
    workers : int
        Processes on this machine; 1 computes in the calling process. Ignored on a cluster, which
        has its own workers.
    compute : ComputeConfig
    """

    workers: int = 1
    compute: ComputeConfig = field(default_factory=ComputeConfig)

    @property
    def is_cluster(self) -> bool:
        """Whether tasks leave this machine's own processes."""
        return self.compute.backend == "dask"


def at_most(place: Place | int, tasks: int) -> Place:
    """The place with no more processes on this machine than there are tasks."""
    place = place if isinstance(place, Place) else Place(place)
    return replace(place, workers=max(1, min(place.workers, tasks)))


def run_in_order(
    function: Callable[[Any], Result], tasks: Iterable[Task[Key]], place: Place | int = 1
) -> Iterator[tuple[Key, Result | Exception]]:
    """Call ``function(inputs)`` for each task.

    Parameters
    ----------
    function : callable
        A top-level function: another process imports it by name.
    tasks : iterable of (key, inputs)
        Drawn as workers become free, so that not all slices are held at once. An exception in
        place of the inputs is passed on as the task's result.
    place : Place or int
        A number means that many processes on this machine.

    Yields
    ------
    key, result or exception
        In the order of the tasks.

    Raises
    ------
    ClusterError
        On a Dask cluster: a worker runs other code or other libraries, or no worker answers for
        longer than ``compute.patience_s``.
    """
    if isinstance(place, int):
        place = Place(place)
    if place.is_cluster:
        from step3_assets.domain.core.cluster import run_on_cluster

        yield from run_on_cluster(call, function, tasks, place.compute)
    elif place.workers <= 1:
        for key, inputs in tasks:
            yield key, call(function, inputs)
    else:
        from joblib import Parallel, delayed

        keys: list[Any] = []

        def calls() -> Iterator[Any]:
            for key, inputs in tasks:
                keys.append(key)
                yield delayed(call)(function, inputs)

        pool = Parallel(
            n_jobs=place.workers, return_as="generator", pre_dispatch=f"{2 * place.workers}"
        )
        with _interrupts_held():
            results = cast(Iterator[Result | Exception], pool(calls()))
        for number, result in enumerate(results):
            yield keys[number], result


def results_in_order(
    function: Callable[[Any], Result], inputs: Iterable[Any], place: Place | int = 1
) -> Iterator[Result]:
    """The results of ``function`` for each of the inputs, in order.

    Parameters
    ----------
    function, place
        As for :func:`run_in_order`.
    inputs : iterable
        One record for each call.

    Raises
    ------
    Exception
        The error of the first failed call.
    """
    for _, result in run_in_order(function, ((None, record) for record in inputs), place):
        if isinstance(result, Exception):
            raise result
        yield result


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Block interrupts while worker processes start, which inherit the block for good.

    A terminal sends Ctrl-C to every process, and a worker would print a traceback. Only this
    process handles it: it prints one line and stops its workers. Python's resource tracker unblocks
    interrupts when it starts, so it is started first.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def call(function: Callable[[Any], Result], inputs: Any) -> Result | Exception:
    """Run one task on one thread, so that the bits do not depend on the number of cores."""
    from threadpoolctl import threadpool_limits

    if isinstance(inputs, Exception):
        return inputs
    try:
        with threadpool_limits(limits=1):
            return function(inputs)
    except Exception as error:
        return error
