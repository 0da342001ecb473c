"""Speed and safety of the store: month replacements compared with the simplest way of doing them.

Run: python benchmarks/store.py [--months 59] [--rows 6000] [--repeats 3]

The rival, which is the simplest way, registers the pandas frame and opens the file once for the
delete and once for the insert, each committed separately, with no validation. Both use the same
file format and the same rows in the same run. It prints:

1. one replacement per month, and all months at once: rows a second for both, and the ratio;
2. reading 37 months of events and of bars, as one fold does: milliseconds for both;
3. four processes, each replacing a month: how many replacements each of the two completed.
"""

import argparse
import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.column import Column, Table
from step3_assets.domain.core.months import add_months
from step3_assets.storage.store import Store

WORKERS, TURNS = 4, 20
FIRST = date(2016, 1, 1)


def main() -> None:
    """Print the three comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=59)
    parser.add_argument("--rows", type=int, default=6_000, help="rows of one month")
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many counts")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # DuckDB's way to pandas 3
    with tempfile.TemporaryDirectory() as folder:
        compare_replacing(Path(folder), options.months, options.rows, options.repeats)
        compare_reading(Path(folder), options.repeats)
        compare_processes(Path(folder))


def compare_replacing(folder: Path, n_months: int, n_rows: int, repeats: int) -> None:
    """Replace months of ``fold_members`` that are there already."""
    table = TABLES["fold_members"]
    months = [add_months(FIRST, i) for i in range(n_months)]
    frame = made_up(table, months, n_rows)
    by_month = {month: frame[frame["month"] == month] for month in months}
    store, rival = new_stores(folder, "replace")
    store.replace_partitions({table.name: frame}, months)
    store_rival(rival, table, frame, months)

    def each_month() -> None:
        for month, rows in by_month.items():
            store.replace_partitions({table.name: rows}, [month])

    def rival_each_month() -> None:
        for month, rows in by_month.items():
            store_rival(rival, table, rows, [month])

    print(f"replacing {n_months} months x {n_rows} rows of {table.name}, rows a second")
    print(f"{'':24s}{'store':>12s}{'rival':>12s}{'ratio':>8s}")
    for label, ours, theirs in (
        ("a month at a time", each_month, rival_each_month),
        (
            "all months at once",
            lambda: store.replace_partitions({table.name: frame}, months),
            lambda: store_rival(rival, table, frame, months),
        ),
    ):
        speeds = [len(frame) / best_of(repeats, work) for work in (ours, theirs)]
        print(f"{label:24s}{speeds[0]:12,.0f}{speeds[1]:12,.0f}{speeds[0] / speeds[1]:8.2f}")
    print(f"{'file, MB':24s}{store.size_bytes() / 1e6:12.1f}{rival.stat().st_size / 1e6:12.1f}\n")


def compare_reading(folder: Path, repeats: int) -> None:
    """Read the 37 months that one fold looks at."""
    months = [add_months(FIRST, i) for i in range(96)]
    store, rival = new_stores(folder, "read")
    print("reading 37 of 96 months, milliseconds")
    print(f"{'':24s}{'store':>12s}{'rival':>12s}{'ratio':>8s}")
    for name, n_rows in (("events", 167), ("bar_features", 292)):
        table = TABLES[name]
        frame = made_up(table, months, n_rows)
        store.replace_partitions({name: frame}, months)
        store_rival(rival, table, frame, months)

        def ours(name: str = name) -> None:
            store.read(name, partitions=months[:37])

        def theirs(table: Table = table) -> None:
            with duckdb.connect(str(rival), read_only=True) as connection:
                connection.execute(
                    f"SELECT * FROM {table.name} WHERE month < ? ORDER BY {', '.join(table.key)}",
                    [months[37]],
                ).df()

        spans = [best_of(5 * repeats, work) * 1e3 for work in (ours, theirs)]
        print(f"{name:24s}{spans[0]:12.1f}{spans[1]:12.1f}{spans[1] / spans[0]:8.2f}")
    print()


def compare_processes(folder: Path) -> None:
    """Let four processes replace a month each at the same time."""
    paths = [s.path if isinstance(s, Store) else s for s in new_stores(folder, "many")]
    context = multiprocessing.get_context("spawn")
    print(f"{WORKERS} processes x {TURNS} replacements of 500 rows")
    for label, path, work in (
        ("store", paths[0], work_with_store),
        ("rival", paths[1], work_with_rival),
    ):
        results, barrier = context.Queue(), context.Barrier(WORKERS)
        workers = [
            context.Process(target=work, args=(path, i, barrier, results)) for i in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        found = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
        waits = np.concatenate([spans for _, spans in found])
        total = sum(n for n, _ in found)
        elapsed = max(spans.sum() for _, spans in found)
        print(
            f"{label:24s}{total:4d} of {WORKERS * TURNS} done, {total / elapsed:6.1f} a second, "
            f"p95 {np.quantile(waits, 0.95) * 1e3:7.1f} ms, longest {waits.max() * 1e3:7.1f} ms"
        )


def work_with_store(path: Path, position: int, barrier, results) -> None:
    """Replace one month again and again; report how often and how long each took."""
    table, month = TABLES["fold_members"], add_months(FIRST, position)
    store, frame = Store(path), made_up(TABLES["fold_members"], [month], 500)
    _run_turns(lambda: store.replace_partitions({table.name: frame}, [month]), barrier, results)


def work_with_rival(path: Path, position: int, barrier, results) -> None:
    """The same, the plain way."""
    table, month = TABLES["fold_members"], add_months(FIRST, position)
    frame = made_up(table, [month], 500)
    _run_turns(lambda: store_rival(path, table, frame, [month]), barrier, results)


def _run_turns(work: Callable[[], None], barrier, results) -> None:
    done, spans = 0, []
    barrier.wait()
    for _ in range(TURNS):
        start = time.perf_counter()
        try:
            work()
            done += 1
        except duckdb.IOException:  # locked by another process
            pass
        spans.append(time.perf_counter() - start)
    results.put((done, np.array(spans)))


def store_rival(path: Path, table: Table, frame: pd.DataFrame, months: list[date]) -> None:
    """The plain way: delete, commit, insert from pandas, commit; the file opened for each."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"DELETE FROM {table.name} WHERE month IN (SELECT unnest(?))", [months])
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", frame)
        connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM frame")


def new_stores(folder: Path, name: str) -> tuple[Store, Path]:
    """A store and a rival's file with the same empty tables."""
    store = Store(folder / f"{name}.duckdb")
    store.ensure_tables()
    rival = folder / f"{name}_rival.duckdb"
    rival.write_bytes(store.path.read_bytes())
    return store, rival


def made_up(table: Table, months: list[date], n_rows: int) -> pd.DataFrame:
    """``n_rows`` rows for each month, made from the table's description."""
    rng = np.random.default_rng(1)
    n = len(months) * n_rows
    return pd.DataFrame({c.name: _values(c, months, n, rng) for c in table.columns})


def _values(column: Column, months: list[date], n: int, rng: np.random.Generator) -> object:
    if column.dtype == "DATE":
        return np.repeat(np.array(months, dtype=object), n // len(months))
    if column.dtype == "TIMESTAMPTZ":
        return pd.date_range("2016-01-01", periods=n, freq="h", tz="UTC", unit="us")
    if column.dtype == "VARCHAR":
        return rng.choice(column.allowed or ("QQQ", "SPY"), n)
    if column.dtype == "BOOLEAN":
        return rng.random(n) < 0.5
    return rng.random(n) if column.dtype == "DOUBLE" and column.unit != "0/1" else np.ones(n, int)


def best_of(repeats: int, work: Callable[[], None]) -> float:
    """Shortest of so many runs, in seconds."""
    spans = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spans.append(time.perf_counter() - start)
    return min(spans)


if __name__ == "__main__":
    main()
