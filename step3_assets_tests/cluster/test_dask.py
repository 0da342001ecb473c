"""Tasks on a real Dask cluster: the same results, in order, whatever the cluster goes through."""

import os
import signal
import time

import numpy as np
import pytest

from step3_assets.config.compute import ComputeConfig
from step3_assets.domain.core.parallel import Place, run_in_order
from step3_assets_tests.cluster.dask_cluster import DaskCluster

pytest.importorskip("distributed")


def draw(number: int, rows: np.ndarray, seconds: float = 0.0) -> tuple[int, float]:
    """A task whose result shows every bit of its input."""
    time.sleep(seconds)
    if number == 7:
        raise ValueError("seven")
    return number, float(np.random.default_rng(number).normal(size=50) @ rows)


def tasks(count: int, seconds: float = 0.0):
    rows = np.linspace(0, 1, 50)
    for number in range(count):
        if number == 3:
            yield number, KeyError("no such month")
        else:
            yield number, (number, rows, seconds)


def seen(results) -> list[tuple[int, str]]:
    return [(key, repr(result)) for key, result in results]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with DaskCluster(tmp_path_factory.mktemp("dask")) as made:
        made.start_scheduler()
        for name in ("a", "b"):
            made.start_worker(name)
        yield made


def place(cluster: DaskCluster, patience_s: float = 60) -> Place:
    return Place(
        compute=ComputeConfig(backend="dask", address=cluster.address, patience_s=patience_s)
    )


def test_the_same_results_in_order_with_errors_in_their_places(cluster):
    here = seen(run_in_order(draw, tasks(20), 1))
    assert seen(run_in_order(draw, tasks(20), place(cluster))) == here
    assert seen(run_in_order(draw, tasks(20), Place(workers=2))) == here


def test_tasks_are_drawn_as_the_window_frees(cluster):
    drawn = []

    def counted():
        for task in tasks(40):
            drawn.append(task[0])
            yield task

    results = run_in_order(draw, counted(), place(cluster))
    next(results)
    assert len(drawn) <= 6  # two threads, two tasks each, and the one that replaced the first
    assert len(list(results)) == 39


def test_a_worker_and_the_scheduler_die_on_the_way(cluster):
    here = seen(run_in_order(draw, tasks(24), 1))
    found = []
    for position, pair in enumerate(run_in_order(draw, tasks(24, 0.2), place(cluster))):
        found.append(pair)
        if position == 4:
            cluster.kill("a")
        if position == 8:
            cluster.start_worker("a")
        if position == 12:
            cluster.kill("scheduler")
            cluster.start_scheduler()
            for name in ("a", "b"):
                if cluster.processes[name].poll() is not None:
                    cluster.start_worker(name)
    assert seen(found) == here


def test_a_worker_that_stands_still_delays_and_changes_nothing(cluster):
    here = seen(run_in_order(draw, tasks(8), 1))
    found = []
    for position, pair in enumerate(run_in_order(draw, tasks(8, 0.1), place(cluster))):
        found.append(pair)
        if position == 2:
            os.kill(cluster.processes["b"].pid, signal.SIGSTOP)
            time.sleep(1)
            os.kill(cluster.processes["b"].pid, signal.SIGCONT)
    assert seen(found) == here
