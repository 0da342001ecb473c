"""One function over many tasks: the same bits whether in this process or in several.

Belongs here: running a function over many tasks, by month or by any other key, and returning the
results in order, with the exception in place of a result that failed. Does not belong here: what
the function does.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, TypeVar, cast

Result = TypeVar("Result")


def run_in_order(
    compute: Callable[..., Result],
    tasks: Iterable[tuple[date, tuple[Any, ...] | Exception]],
    workers: int,
) -> Iterator[tuple[date, Result | Exception]]:
    """Call ``compute(*arguments)`` for each task.

    Parameters
    ----------
    compute : callable
        A top-level function: another process imports it by name.
    tasks : iterable of (key, arguments)
        The key is a month, a week or any date. Drawn as workers become free, so that not all
        slices are held at once. An exception in place of the arguments is returned as the result.
    workers : int
        Processes; 1 computes in this one.

    Yields
    ------
    key, result or exception
        In the order of the tasks.
    """
    if workers <= 1:
        for key, arguments in tasks:
            yield _run_one(compute, key, arguments)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=f"{2 * workers}")
    calls = (delayed(_run_one)(compute, key, arguments) for key, arguments in tasks)
    yield from cast(Iterator[tuple[date, Result | Exception]], pool(calls))


def _run_one(
    compute: Callable[..., Result], key: date, arguments: tuple[Any, ...] | Exception
) -> tuple[date, Result | Exception]:
    from threadpoolctl import threadpool_limits

    if isinstance(arguments, Exception):
        return key, arguments
    try:
        with threadpool_limits(limits=1):  # one thread: the same bits on any machine size
            return key, compute(*arguments)
    except Exception as error:
        return key, error
