"""Speed of the trade simulation: our account and backtesting.py on the same gated trades.

Run: pip install -c constraints.txt -e '.[bench]'
     python benchmarks/simulation.py [--trades 1000 1000000] [--cells 1]

Both receive the same bars and the same candidates, some of which overlap. Both process them in time
order: they decide on each with the equity marked at its close, fill at the next open, charge half
of the round-trip cost on each side and mark every bar. Their equity must agree at every bar. Each
cell runs in its own process. Time is the processor time of one simulation, the minimum over its
runs; memory is the growth of the process's peak memory during the runs.

backtesting.py trades whole units, so its prices are divided by 1e9; the remaining difference is the
value of one such unit. Its strategy is given the next open, which a dollar order needs. An engine
over whole arrays (vectorbt) needs all sizes in advance and decides nothing, so it cannot be
compared here; it is about twice as fast, without its compilation of half a minute.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from step3_assets.config import ExecutionConfig, RiskConfig

CAPITAL_USD = 10_000.0
COST_RT = 1e-6  # dearer would eat the account over a million trades
SIZE_FRAC = 0.5  # the rival refuses an order that its fee would overdraw
WHOLE = 1e9
AGREEMENT = 1e-9
SIDES = ("ours", "ours, every rule on", "backtesting.py")
WIDE = RiskConfig(
    kill_drawdown_frac=0.99,
    session_loss_frac=0.99,
    min_holding_bars=1,
    max_turnover_per_day=1e9,
    max_turnover_per_week=1e9,
    max_turnover_per_month=1e9,
    max_symbol_frac=1e9,
)


def make_world(n_trades: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Minute bars of one symbol, and candidates of which `n_trades` can be traded.

    Every third bar decides a trade that enters at the next open and leaves two bars later, at the
    open at which the following one may enter; every ninth brings a second candidate that overlaps.
    """
    rng = np.random.default_rng(20160121)
    n_bars = 3 * n_trades + 4
    path = 50.0 * np.exp(np.cumsum(2e-5 * rng.standard_normal(2 * n_bars)))
    start = pd.date_range("2000-01-03", periods=n_bars, freq="min", tz="UTC").as_unit("us")
    bars = pd.DataFrame({"symbol": "AAA", "date": start, "open": path[::2], "close": path[1::2]})
    bars["bar_end_utc"] = start + pd.Timedelta(minutes=1)
    bars["low"] = bars[["open", "close"]].min(axis=1)
    decide = 3 * np.arange(n_trades)
    overlap = decide[::3] + 1
    at = np.concatenate([decide, overlap])
    leave = np.concatenate([decide + 3, overlap + 3])
    opens = bars["open"].to_numpy()
    frame = pd.DataFrame(
        {
            "symbol": "AAA",
            "decision_time_utc": start[at],
            "size_frac": SIZE_FRAC,
            "decision_instant_utc": start[at] + pd.Timedelta(minutes=1),
            "entry_time_utc": start[at + 1],
            "exit_time_utc": start[leave],
            "entry_open": opens[at + 1],
            "exit_open": opens[leave],
            "cost_rt": COST_RT,
            "maturity": "final",
        }
    )
    stamps = frame["decision_time_utc"].dt.tz_localize(None).to_numpy()
    months = stamps.astype("datetime64[M]")
    frame["month"] = pd.Series(months.astype("datetime64[D]").astype(object))
    return bars, frame.sort_values("decision_time_utc", ignore_index=True)


def ours(bars: pd.DataFrame, candidates: pd.DataFrame, risk: RiskConfig) -> Callable[[], tuple]:
    """Our account; the clock is laid out once, as for any number of runs."""
    from step3_assets.domain.execution.ledger import simulate
    from step3_assets.domain.execution.marking import MarkClock

    clock = MarkClock.from_bars(bars)

    def run() -> tuple[int, np.ndarray]:
        out = simulate(
            candidates,
            clock,
            start=bars["date"].iloc[0],
            end=bars["bar_end_utc"].iloc[-1],
            allocation={"AAA": 1.0},
            config=ExecutionConfig(initial_capital_usd=CAPITAL_USD),
            risk=risk,
        )
        return len(out.trades), out.equity["equity_usd"].to_numpy()

    return run


def public(bars: pd.DataFrame, candidates: pd.DataFrame) -> Callable[[], tuple]:
    """The same decisions as a backtesting.py strategy."""
    from backtesting import Backtest, Strategy  # type: ignore[import-not-found]
    from backtesting import backtesting as engine  # type: ignore[import-not-found]

    # Its progress bar draws a line each second, also where nobody looks.
    engine._tqdm = lambda iterable, **_: iterable
    opens = bars["open"].to_numpy()
    place = pd.Index(bars["date"])
    entries: list[list[int]] = [[] for _ in range(len(bars))]
    decided = place.get_indexer(pd.DatetimeIndex(candidates["decision_time_utc"]))
    leaves = place.get_indexer(pd.DatetimeIndex(candidates["exit_time_utc"]))
    for at, leave in zip(decided.tolist(), leaves.tolist(), strict=True):
        entries[at].append(leave)
    next_open = [*(opens[1:] / WHOLE).tolist(), float("nan")]
    data = bars[["open", "close", "low"]].rename(columns=str.capitalize) / WHOLE
    data["High"] = data[["Open", "Close"]].max(axis=1)
    data.index = pd.DatetimeIndex(bars["date"]).tz_localize(None)

    class Gated(Strategy):
        """One position at a time; leaves where the label says, sizes on marked equity."""

        def init(self):
            self.at = 0  # next() is first called at the second bar
            self.leave = -1

        def next(self):
            self.at += 1
            if self.position and self.leave == self.at + 1:
                self.position.close()
                self.leave = -1
            for leave in entries[self.at]:
                if self.leave < 0:
                    self.buy(size=round(SIZE_FRAC * self.equity / next_open[self.at]))
                    self.leave = leave

    def fee(size: float, price: float) -> float:
        return abs(size) * price * COST_RT / 2.0

    def run() -> tuple[int, np.ndarray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stats = Backtest(data, Gated, cash=CAPITAL_USD, commission=fee).run()
        return int(stats["# Trades"]), stats["_equity_curve"]["Equity"].to_numpy()

    return run


def cell(side: str, n_trades: int) -> None:
    """One side at one size; writes its figures as JSON."""
    bars, candidates = make_world(n_trades)
    # The rival's strategy is first asked at its second bar: nobody decides before.
    candidates = candidates[candidates["decision_time_utc"] > bars["date"].iloc[0]]
    candidates = candidates.reset_index(drop=True)
    if side == "backtesting.py":
        run = public(bars, candidates)
    else:
        run = ours(bars, candidates, RiskConfig.off() if side == "ours" else WIDE)
    n_runs = 5 if n_trades <= 10_000 else 1
    if n_runs > 1:
        run()  # imports and caches
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = []
    for _ in range(n_runs):
        begin = time.process_time()
        traded, equity = run()
        took.append(time.process_time() - begin)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    np.save(sys.stdout.buffer, equity[: len(bars)])
    figures = {"traded": traded, "seconds": min(took), "grown_mb": grown / 1024}
    print(json.dumps(figures), file=sys.stderr)


def measure(side: str, n_trades: int) -> tuple[dict[str, float], np.ndarray]:
    """Run a cell in a process of its own."""
    import io

    command = [sys.executable, "-W", "ignore", __file__, "--cell", side, str(n_trades)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    figures = json.loads(done.stderr.decode().strip().splitlines()[-1])
    return figures, np.load(io.BytesIO(done.stdout))


def main() -> None:
    """Every side at every size, side by side."""
    parser = argparse.ArgumentParser(description="Simulated trades a second.")
    parser.add_argument("--trades", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--cell", nargs=2, metavar=("SIDE", "TRADES"))
    arguments = parser.parse_args()
    if arguments.cell:
        cell(arguments.cell[0], int(arguments.cell[1]))
        return
    print(f"{'':22} {'trades':>10} {'seconds':>9} {'trades/s':>10} {'memory':>9} {'equity':>9}")
    failed = False
    for n_trades in arguments.trades:
        reference: np.ndarray | None = None
        speed = {}
        for side in SIDES:
            figures, equity = measure(side, n_trades)
            reference = equity if reference is None else reference
            apart = float(np.max(np.abs(equity - reference) / reference))
            failed |= apart > AGREEMENT
            speed[side] = figures["traded"] / figures["seconds"]
            print(
                f"{side:22} {figures['traded']:10,.0f} {figures['seconds']:9.3f} "
                f"{speed[side]:10,.0f} {figures['grown_mb']:6,.0f} MB {apart:9.1e}"
            )
        ratios = (speed[side] / speed["backtesting.py"] for side in SIDES[:2])
        told = " and ".join(f"{ratio:.1f}" for ratio in ratios)
        print(f"  {told} times as fast as backtesting.py")
    if failed:
        raise SystemExit(f"the equity curves differ by more than {AGREEMENT:g}")


if __name__ == "__main__":
    main()
