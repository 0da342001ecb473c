"""Speed of the Step 2 builder, compared with an implementation that works one row at a time.

Prints (1) the time of both on the same bars, after checking that they give the same delivery, and
(2) the time and peak memory of a million bars, as many symbols and as one symbol.

    python benchmarks/step2_builder.py [--bars DIR] [--bar-count N]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from step2_row_at_a_time import build_row_at_a_time

from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.step2.bars import check_all, read_bars
from step3_assets.domain.step2.build import build_delivery, iter_delivery
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.write import write_symbols

WANTED_RATIO, WANTED_SECONDS = 5.0, 20.0


def main() -> int:
    """Run both parts; the exit status is 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=Path, help="bars to compare on [default: made up]")
    parser.add_argument("--bar-count", type=int, default=1_000_000, help="bars of the second part")
    arguments = parser.parse_args()
    bars = read_bars(arguments.bars) if arguments.bars else check_all(two_symbols())
    passed = compare(bars)
    n_symbols = max(1, arguments.bar_count // len(grid()))
    passed &= measure("symbols over the exchange's sessions", arguments.bar_count, n_symbols)
    passed &= measure("symbol round the clock", arguments.bar_count, 1)
    return 0 if passed else 1


def compare(bars: dict[str, pd.DataFrame]) -> bool:
    """Time the builder and the row-at-a-time reference on the same bars; their results agree."""
    config = Step2Config()
    fast, fast_seconds = timed(lambda: build_delivery(bars, config), repeats=5)
    slow, slow_seconds = timed(lambda: build_row_at_a_time(bars, config), repeats=1)
    n_events = 0
    for symbol, features in fast.bar_features.items():
        assert_same(slow[symbol][0], features)
        assert_same(slow[symbol][1], fast.events[symbol])
        n_events += len(fast.events[symbol])
    ratio = slow_seconds / fast_seconds
    n_bars = sum(map(len, bars.values()))
    print(f"{n_bars:,} bars of {len(bars)} symbols, {n_events:,} events: the same delivery")
    print(f"  row at a time  {slow_seconds:8.2f} s CPU")
    print(f"  builder        {fast_seconds:8.2f} s CPU")
    print(f"  ratio          {ratio:8.1f}   (wanted: at least {WANTED_RATIO:.0f})")
    return ratio >= WANTED_RATIO


def measure(what: str, n_bars: int, n_symbols: int) -> bool:
    """Check, build and write in a fresh process, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        wall, cpu, before, peak = pool.apply(build_many, (n_bars, n_symbols))
    print(f"{n_bars:,} bars: {n_symbols} {what}, checked, built and written")
    print(f"  wall           {wall:8.2f} s   (wanted: under {WANTED_SECONDS:.0f} at a million)")
    print(f"  CPU            {cpu:8.2f} s")
    print(f"  peak memory    {peak:8.0f} MB  ({before:.0f} MB before, the bars among it)")
    return wall < WANTED_SECONDS


def build_many(n_bars: int, n_symbols: int) -> tuple[float, float, float, float]:
    """Wall and CPU seconds, memory before and peak memory (MB) of one streamed build."""
    if n_symbols == 1:
        stamps = pd.date_range("1960-01-04 14:00", periods=n_bars, freq="h", tz="UTC")
        bars = {"S0": made_up(pd.DatetimeIndex(stamps), 0)}
    else:
        per_symbol = n_bars // n_symbols
        stamps = pd.DatetimeIndex(grid()["date"])[:per_symbol]
        bars = {f"S{seed}": made_up(stamps, seed) for seed in range(n_symbols)}
    before = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        write_symbols(iter_delivery(bars, Step2Config()), Path(folder) / "step2_out")
    return time.perf_counter() - wall, time.process_time() - cpu, before, peak_mb()


def grid() -> pd.DataFrame:
    """Ten years of bars."""
    return session_bars(date(2014, 1, 2), date(2023, 12, 29))


def two_symbols() -> dict[str, pd.DataFrame]:
    """Two symbols over ten years; one misses a session, as real data does."""
    stamps = pd.DatetimeIndex(grid()["date"])
    holed = stamps[stamps.normalize() != pd.Timestamp("2018-09-17", tz="UTC")]
    return {"SPY": made_up(stamps, 1), "QQQ": made_up(holed, 2)}


def made_up(stamps: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """A random walk with changing volatility that is pulled back to 100."""
    rng = np.random.default_rng(seed)
    n_bars = len(stamps)
    scale = 0.003 * np.exp(0.7 * np.sin(np.arange(n_bars) / 700))
    steps = rng.standard_normal(n_bars) * scale
    walk = np.cumsum(steps)
    walk -= pd.Series(walk).ewm(span=5000).mean().to_numpy()
    close = 100 * np.exp(walk)
    opens = np.append(100.0, close[:-1]) * np.exp(rng.standard_normal(n_bars) * scale / 4)
    wick = 1 + np.abs(rng.standard_normal((2, n_bars))) * scale / 2
    return pd.DataFrame(
        {
            "date": stamps.as_unit("us"),
            "open": opens,
            "high": np.maximum(opens, close) * wick[0],
            "low": np.minimum(opens, close) / wick[1],
            "close": close,
            "volume": np.round(rng.lognormal(13, 0.6, n_bars)),
            "average": close,
            "barCount": rng.integers(100, 9999, n_bars),
        }
    )


def assert_same(slow: pd.DataFrame, fast: pd.DataFrame) -> None:
    """Raise unless the tables agree: floats to 1e-9, all else exactly."""
    if list(slow.columns) != list(fast.columns) or len(slow) != len(fast):
        raise AssertionError(f"columns or rows differ: {slow.shape} and {fast.shape}")
    for name in fast:
        pd.testing.assert_series_equal(
            slow[name], fast[name], check_dtype=False, rtol=1e-9, atol=1e-12
        )


def timed(call, repeats: int):
    """The result, and the least CPU seconds of some repeats."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        best = min(best, time.process_time() - start)
    return result, best


def peak_mb() -> float:
    """Peak resident memory of this process.

    The kernel's own mark starts afresh with the program; the resource module's, which is taken
    where there is no such mark, begins with the parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
