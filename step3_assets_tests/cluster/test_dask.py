"""Tasks on a real Dask cluster: the same results, in order, whatever the cluster goes through."""

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import step3_assets
from step3_assets.cli.main import cli
from step3_assets.config.compute import ComputeConfig, TlsConfig
from step3_assets.domain.core.cluster import ClusterError
from step3_assets.domain.core.parallel import Place, run_in_order
from step3_assets.domain.search.epoch_search import Workplace, search_epoch
from step3_assets_tests.cluster.dask_cluster import DaskCluster
from step3_assets_tests.domain.search.search_frames import SMALL, searched_market, small_epoch

pytest.importorskip("distributed")


@dataclass(frozen=True)
class Draw:
    number: int
    rows: np.ndarray
    seconds: float


def draw(inputs: Draw) -> tuple[int, float]:
    """A task whose result shows every bit of its input."""
    time.sleep(inputs.seconds)
    if inputs.number == 7:
        raise ValueError("seven")
    normal = np.random.default_rng(inputs.number).normal(size=50)
    return inputs.number, float(normal @ inputs.rows)


def tasks(count: int, seconds: float = 0.0):
    rows = np.linspace(0, 1, 50)
    for number in range(count):
        if number == 3:
            yield number, KeyError("no such month")
        else:
            yield number, Draw(number=number, rows=rows, seconds=seconds)


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
    """The cluster, both of its workers running: a test may have ended one."""
    for name in ("a", "b"):
        if name in cluster.processes and cluster.processes[name].poll() is not None:
            cluster.start_worker(name)
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
            for name in ("a", "b"):  # a worker ends some time after its scheduler
                cluster.restart_worker(name)
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


@pytest.fixture
def other_code(tmp_path) -> dict[str, str]:
    """An environment whose step3_assets differs by one comment."""
    copied = tmp_path / "other"
    shutil.copytree(Path(step3_assets.__file__).parent, copied / "step3_assets")
    with (copied / "step3_assets" / "domain" / "__init__.py").open("a") as source:
        source.write("# edited\n")
    return {"PYTHONPATH": f"{copied}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_a_worker_with_other_code_is_refused_by_name(tmp_path, other_code):
    with DaskCluster(tmp_path) as cluster:
        cluster.start_scheduler()
        cluster.start_worker("edited", other_code)
        with pytest.raises(ClusterError, match=r"worker tcp://\S+ runs other .*step3_assets .* in"):
            list(run_in_order(draw, tasks(2), place(cluster)))


def test_a_worker_that_joins_later_with_other_code_is_refused_too(tmp_path, other_code):
    with DaskCluster(tmp_path) as cluster:
        cluster.start_scheduler()
        cluster.start_worker("right")
        results = run_in_order(draw, tasks(400, 0.05), place(cluster))
        next(results)
        cluster.start_worker("edited", other_code)
        with pytest.raises(ClusterError, match="runs other software"):
            list(results)


def test_without_any_worker_the_run_gives_up_and_says_so(tmp_path):
    with DaskCluster(tmp_path) as cluster:
        cluster.start_scheduler()
        with pytest.raises(ClusterError, match="no cluster within 2 s: it has no workers"):
            list(run_in_order(draw, tasks(2), place(cluster, patience_s=2)))


def test_certificates_let_in_and_keep_out(tmp_path):
    made = CliRunner().invoke(cli, ["cluster", "certs", "--out", str(tmp_path / "certs")])
    assert made.exit_code == 0, made.output
    ca, cert, key = (tmp_path / "certs" / name for name in ("ca.pem", "node.pem", "node.key"))
    assert key.stat().st_mode & 0o077 == 0
    tls = TlsConfig(ca_file=str(ca), cert_file=str(cert), key_file=str(key))
    with DaskCluster(tmp_path, tls=(ca, cert, key)) as cluster:
        cluster.start_scheduler()
        cluster.start_worker("a")
        inside = ComputeConfig(backend="dask", address=cluster.address, tls=tls)
        here = seen(run_in_order(draw, tasks(5), 1))
        assert seen(run_in_order(draw, tasks(5), Place(compute=inside))) == here
        bare = ComputeConfig(
            backend="dask", address=cluster.address.replace("tls", "tcp"), patience_s=2
        )
        with pytest.raises(ClusterError, match="no cluster within"):
            list(run_in_order(draw, tasks(2), Place(compute=bare)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "dask"}, "needs the scheduler's address"),
        ({"backend": "dask", "address": "tcp://10.1.2.3:8786"}, "is another machine"),
        ({"backend": "dask", "address": "tls://10.1.2.3:8786"}, "go together"),
    ],
)
def test_settings_that_cannot_be_safe_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ComputeConfig.model_validate(settings)


def test_an_epochs_search_equals_the_one_in_this_process(cluster, tmp_path):
    """Forecasts are written by the driver alone: a worker need not see the folder."""
    events, bars = searched_market()
    found, files = {}, {}
    for name, where in (("here", 1), ("cluster", place(cluster))):
        workplace = Workplace(tmp_path / name, where)
        found[name] = search_epoch(events, bars, small_epoch(), SMALL, workplace)
        files[name] = {f.name: f.read_bytes() for f in (tmp_path / name).rglob("*.parquet")}
    for table in ("tuned_params", "trials"):
        pd.testing.assert_frame_equal(
            getattr(found["cluster"], table), getattr(found["here"], table)
        )
    assert files["cluster"] == files["here"] != {}
