"""Several processes on one file: nothing is lost, doubled or mixed, and a kill leaves no trace."""

import logging
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock, Timeout

from step3_assets.catalogue import TABLES
from step3_assets.storage.connection import attached
from step3_assets.storage.locks import lock_path
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.storage.rows import months, rows_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills processes")

WRITERS = 4
REPLACEMENTS = 50 if "STEP3_RELIABILITY_ROUNDS" in os.environ else 20
SHARED = WRITERS  # position of the month that all writers replace
PAIR = ("scores", "reliability_bins")  # replaced together, with one tag

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def start(target, *args: object) -> BaseProcess:
    process = _context.Process(target=target, args=args)
    process.start()
    return process


def tagged(position: int, tag: int) -> dict[str, pd.DataFrame]:
    """Rows of one month for both tables; how many, and a value in each row, follow from the tag."""
    frames = {}
    for name, column in zip(PAIR, ("size_frac", "p_mean"), strict=True):
        frame = base_rows(name, position)
        frames[name] = frame.iloc[: row_count(tag)].assign(**{column: float(tag)})
    return frames


@cache
def base_rows(name: str, position: int) -> pd.DataFrame:
    frame = rows_of(TABLES[name], n_months=WRITERS + 1, per_month=24)
    return frame[frame["month"] == months(WRITERS + 1)[position]]


def row_count(tag: int) -> int:
    return 4 + tag % 20


def tag_of(scores: pd.DataFrame) -> int:
    """The one tag that a month's rows carry; fails when they are mixed, doubled or incomplete."""
    tags = scores["size_frac"].unique().tolist()
    assert len(tags) == 1, f"a mixed month: {tags}"
    assert len(scores) == row_count(int(tags[0])), f"{len(scores)} rows of tag {tags[0]}"
    assert not scores.duplicated(list(TABLES["scores"].key)).any()
    return int(tags[0])


def write_in_turn(store: Store, writer: int, waits) -> None:
    """Replace the writer's own month and the shared one alternately; reports the seconds taken."""
    seconds = []
    for turn in range(REPLACEMENTS):
        position = writer if turn % 2 == 0 else SHARED
        month = months(WRITERS + 1)[position]
        begun = time.monotonic()
        store.replace_partitions(tagged(position, writer * 1_000 + turn), [month])
        seconds.append(time.monotonic() - begun)
    waits.put(seconds)


def read_all_along(store: Store, is_done, results) -> None:
    """Read until told to stop, checking every month each time; reports reads and distinct tags."""
    seen: set[int] = set()
    reads = 0
    try:
        while not is_done.is_set() or not reads:
            for _, rows in store.read("scores").groupby("month"):
                seen.add(tag_of(rows))
            reads += 1
            time.sleep(0.002)
            if reads % 5 == 0:
                with store.transaction(PAIR) as snapshot:
                    pair = [snapshot.read(name) for name in PAIR]
                check_pair(*pair)
        results.put((reads, len(seen), ""))
    except BaseException as error:
        results.put((reads, len(seen), repr(error)))
        raise


def check_pair(scores: pd.DataFrame, bins: pd.DataFrame) -> None:
    """Both tables carry the same tag in each month."""
    of_scores = scores.groupby("month")["size_frac"].agg(["first", "size"])
    of_bins = bins.groupby("month")["p_mean"].agg(["first", "size"])
    pd.testing.assert_frame_equal(of_scores, of_bins, check_names=False)


@pytest.fixture
def store(empty_store: Store) -> Store:
    return Store(empty_store.path, lock_timeout_s=30)


def test_four_writers_and_a_reader(store: Store) -> None:
    is_done, results = _context.Event(), _context.Queue()
    reader = start(read_all_along, store, is_done, results)
    waits = _context.Queue()
    writers = [start(write_in_turn, store, i, waits) for i in range(WRITERS)]
    seconds = sorted(s for _ in writers for s in waits.get(timeout=300))
    for writer in writers:
        writer.join(timeout=60)
    is_done.set()
    reads, n_tags, error = results.get(timeout=60)
    reader.join(timeout=60)
    assert error == ""
    assert [p.exitcode for p in (*writers, reader)] == [0] * (WRITERS + 1)
    assert reads > 5
    assert n_tags > WRITERS
    assert len(seconds) == WRITERS * REPLACEMENTS
    assert seconds[-1] < store.lock_timeout_s
    shown = ", ".join(f"{seconds[int(len(seconds) * q)]:.3f}" for q in (0.5, 0.95))
    print(
        f"{len(seconds)} replacements beside {reads} reads: median, 95th percentile {shown} s, "
        f"longest {seconds[-1]:.2f} s"
    )

    stored = store.read("scores")
    last = {month: tag_of(rows) for month, rows in stored.groupby("month")}
    own = months(WRITERS + 1)[:WRITERS]
    assert [last[m] for m in own] == [w * 1_000 + REPLACEMENTS - 2 for w in range(WRITERS)]
    assert last[months(WRITERS + 1)[SHARED]] % 1_000 == REPLACEMENTS - 1
    check_pair(stored, store.read("reliability_bins"))


def test_the_checks_of_this_file_can_fail() -> None:
    """A mixed, a doubled and a short month are what the reader above would have reported."""
    old, new = (tagged(0, tag)["scores"] for tag in (3, 5))
    with pytest.raises(AssertionError, match="mixed"):
        tag_of(pd.concat([old, new]))
    with pytest.raises(AssertionError, match="14 rows"):
        tag_of(pd.concat([old, old]))
    with pytest.raises(AssertionError, match="6 rows"):
        tag_of(old.iloc[:-1])
    with pytest.raises(AssertionError):
        check_pair(old, tagged(0, 5)["reliability_bins"])


def increment(store: Store, times: int) -> None:
    """Read a counter and write it back one higher, as one step."""
    frame = tagged(0, 0)["scores"]
    month = months(1)
    for _ in range(times):
        with store.transaction(["scores"]) as transaction:
            stored = transaction.read("scores", partitions=month)
            count = 0.0 if stored.empty else stored["ev_ml"].iloc[0]
            transaction.replace_partitions({"scores": frame.assign(ev_ml=count + 1)}, month)


def test_a_transaction_lets_nobody_in_between(store: Store) -> None:
    workers = [start(increment, store, 10) for _ in range(3)]
    for worker in workers:
        worker.join(timeout=60)
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert store.read("scores")["ev_ml"].unique().tolist() == [30.0]


def make_tables(path: Path) -> None:
    Store(path, lock_timeout_s=30).ensure_tables()


def test_processes_that_make_the_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "step3.duckdb"
    makers = [start(make_tables, path) for _ in range(4)]
    for maker in makers:
        maker.join(timeout=60)
    assert [m.exitcode for m in makers] == [0] * 4
    assert list(Store(path).table_hashes()) == list(TABLES)


def replace_forever(store: Store, started) -> None:
    """Replace two months and two tables at once, with another tag each time, until killed."""
    for tag in range(1_000_000):
        one, two = tagged(0, tag), tagged(1, tag)
        both = {name: pd.concat([one[name], two[name]]) for name in PAIR}
        store.replace_partitions(both, months(2))
        started.set()


def test_a_killed_writer_leaves_whole_months_and_no_lock(store: Store) -> None:
    chance = random.Random(7)
    impatient = Store(store.path, lock_timeout_s=5)
    for _ in range(6):
        started = _context.Event()
        writer = start(replace_forever, store, started)
        assert started.wait(timeout=60)
        time.sleep(chance.uniform(0.0, 0.08))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(timeout=60)
        assert writer.exitcode == -signal.SIGKILL
        scores, bins = (impatient.read(name) for name in PAIR)
        tags = {tag_of(rows) for _, rows in scores.groupby("month")}
        assert len(tags) == 1
        assert scores["month"].nunique() == 2
        check_pair(scores, bins)
        impatient.replace_partitions(tagged(2, 9), [months(3)[2]])
        impatient.replace_partitions(
            {n: f.iloc[:0] for n, f in tagged(2, 9).items()}, [months(3)[2]]
        )


def die_inside(store: Store, moment: str) -> None:
    """Get killed after the delete, after the insert, or after the commit but before closing."""
    frame = tagged(0, 8)["scores"]
    with store.transaction(["scores"]) as transaction:
        rows = frame.iloc[:0] if moment == "deleted" else frame
        transaction.replace_partitions({"scores": rows}, months(1))
        if moment == "committed":
            assert transaction._connection is not None
            transaction._connection.execute("COMMIT")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("moment", "tag"), [("deleted", 3), ("inserted", 3), ("committed", 8)])
def test_killed_at_a_given_moment(store: Store, moment: str, tag: int) -> None:
    store.replace_partitions({"scores": tagged(0, 3)["scores"]}, months(1))
    victim = start(die_inside, store, moment)
    victim.join(timeout=60)
    assert victim.exitcode == -signal.SIGKILL
    impatient = Store(store.path, lock_timeout_s=2)
    assert tag_of(impatient.read("scores")) == tag
    impatient.replace_partitions({"scores": tagged(0, 6)["scores"]}, months(1))
    assert tag_of(impatient.read("scores")) == 6


FORK = """
import os, sys, threading, time
from step3_assets.storage import connection
from step3_assets.storage.store import Store

store = Store(sys.argv[1], lock_timeout_s=5)
inside = threading.Event()

def hold():
    with store.transaction(["scores"]):
        inside.set()
        time.sleep(0.3)

holder = threading.Thread(target=hold)
holder.start()
inside.wait(20)
child = os.fork()  # waits for the transaction
if child == 0:
    assert not connection._instance.gate.locked()
    for _ in range(5):
        store.read("scores")
    os._exit(7)  # as children of multiprocessing end
for _ in range(5):
    store.read("scores")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_while_another_thread_writes(store: Store) -> None:
    """The child starts with a free gate and its own instance."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, str(store.path)],
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, "")


def hold_for_reading(store: Store, opened, leave) -> None:
    with attached(store.path, is_writer=False, timeout_s=30, log=logging.getLogger()):
        opened.set()
        leave.wait(60)


def replace_once(store: Store) -> None:
    store.replace_partitions(tagged(0, 1), months(1))


def test_a_writer_that_waits_is_not_overtaken_by_readers(store: Store) -> None:
    """One reader is in, a writer waits for it: the next reader comes after the writer."""
    opened, leave = _context.Event(), _context.Event()
    reader = start(hold_for_reading, store, opened, leave)
    assert opened.wait(60)
    impatient = Store(store.path, lock_timeout_s=0.2)
    assert impatient.read("scores").empty  # readers read side by side
    writer = start(replace_once, store)
    try:
        wait_until_locked(lock_path(store.path))
        with pytest.raises(StoreError, match="another process is writing to it"):
            impatient.read("scores")
        assert reader.is_alive()
    finally:
        leave.set()
    writer.join(timeout=60)
    reader.join(timeout=60)
    assert (writer.exitcode, reader.exitcode) == (0, 0)
    assert tag_of(store.read("scores")) == 1


def wait_until_locked(path: Path) -> None:
    """Return once another process holds the lock file; it is ours for a moment, then free."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            FileLock(path).acquire(blocking=False).lock.release()
        except Timeout:
            return
        time.sleep(0.05)
    raise AssertionError("nobody took the lock")


def test_a_thread_waits_for_another_no_longer_than_the_deadline(store: Store) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.transaction(["scores"]):
            inside.set()
            leave.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(20)
    with pytest.raises(RuntimeError, match=r"another thread of this process kept it for 0\.1 s"):
        Store(store.path, lock_timeout_s=0.1).read("scores")
    leave.set()
    holder.join(20)
    assert store.read("scores").empty
