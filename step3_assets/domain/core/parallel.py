"""Months side by side: the same bits whether in this process or in several.

Belongs here: running one function over many months and handing results back in order, an error in
place of a result. Does not belong here: what the function does.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, TypeVar, cast

Result = TypeVar("Result")


def run_months(
    compute: Callable[..., Result],
    tasks: Iterable[tuple[date, tuple[Any, ...] | Exception]],
    workers: int,
) -> Iterator[tuple[date, Result | Exception]]:
    """Call ``compute(*arguments)`` for each month.

    Parameters
    ----------
    compute : callable
        A top-level function: another process imports it by name.
    tasks : iterable of (month, arguments)
        Drawn as workers become free, so that not all slices are held at once. An exception in the
        arguments' place is handed on as the month's result.
    workers : int
        Processes; 1 computes in this one.

    Yields
    ------
    month, result or exception
        In the order of the tasks.
    """
    if workers <= 1:
        for month, arguments in tasks:
            yield _run_one(compute, month, arguments)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=f"{2 * workers}")
    calls = (delayed(_run_one)(compute, month, arguments) for month, arguments in tasks)
    yield from cast(Iterator[tuple[date, Result | Exception]], pool(calls))


def _run_one(
    compute: Callable[..., Result], month: date, arguments: tuple[Any, ...] | Exception
) -> tuple[date, Result | Exception]:
    from threadpoolctl import threadpool_limits

    if isinstance(arguments, Exception):
        return month, arguments
    try:
        with threadpool_limits(limits=1):  # one thread: the same bits on any machine size
            return month, compute(*arguments)
    except Exception as error:
        return month, error
