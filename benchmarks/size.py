"""Size and power of the gate's permutation test and of the EV slope, on many worlds.

Run as ``python -m benchmarks.size [--worlds 110] [--first-seed 20000] [--workers 2] [--folder F]``.
It prints as Markdown how often each test rejects at 1, 5 and 10 % without an edge, with the
standard error over worlds, and how often it finds a planted edge. ``docs/statistics.md`` contains
the result. One world in all four settings takes 3.5 s. With ``--folder``, each world is stored
there as soon as it is done: a run that was stopped continues, and a run with 0 worlds prints the
stored results. Worlds and gates are those of :mod:`benchmarks.null_events`; seeds start at 20,000,
above all seeds that were used to design the tests.
"""

import argparse
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.null_events import NullWorld, blind_gates, make_events, one_position_each
from step3_assets.domain.statistics.ev_slope import ev_slope
from step3_assets.domain.statistics.permutation import gate_null

LEVELS = (0.01, 0.05, 0.10)
FORECASTS = (
    "iid", "ar_1d", "ar_5d", "ar_20d", "shared_5d", "shared_20d", "vol", "ret_5d", "ret_1d", "hour",
)  # fmt: skip
N_PERMUTATIONS = 2000


@dataclass(frozen=True)
class Setting:
    """One kind of null world.

    Parameters
    ----------
    name : str
    n_symbols : int
    years : float
    """

    name: str
    n_symbols: int
    years: float


SETTINGS = (
    Setting("1 symbol, 5 years", 1, 5.0),
    Setting("2 symbols, correlation 0.9, 5 years", 2, 5.0),
    Setting("8 symbols, correlation 0.9, 5 years", 8, 5.0),
    Setting("2 symbols, correlation 0.9, 2 years", 2, 2.0),
)
POWER_EDGES = (5.0, 10.0, 20.0)
POWER_YEARS = (3.0, 5.0, 8.0)


def gate_p_values(events: pd.DataFrame, seed: int) -> Iterable[tuple[str, float]]:
    """Name and p value of each outcome-blind gate of one world."""
    for name, traded in blind_gates(events):
        yield name, gate_p_value(events, traded, seed)


def gate_p_value(events: pd.DataFrame, traded: np.ndarray, seed: int) -> float:
    """The product's p value."""
    rows = events[["symbol", "decision_time_utc", "net_bps"]].assign(is_traded=traded)
    return gate_null(rows, n_permutations=N_PERMUTATIONS, level=0.9, seed=seed).p_value


def slope_rejections(events: pd.DataFrame) -> Iterable[tuple[str, dict[float, bool]]]:
    """Whether the lower bound of each forecast's slope lies above 0, by one-sided level."""
    for name in FORECASTS:
        for sign in (1.0, -1.0):
            rows = events[["decision_time_utc", "net_logret"]].assign(ev_final=sign * events[name])
            yield (
                f"{'-' if sign < 0 else ''}{name}",
                {a: ev_slope(rows, 1.0 - 2.0 * a).lo > 0.0 for a in LEVELS},
            )


def null_world(setting: Setting, seed: int) -> list[dict]:
    """Rejections of one world."""
    events = make_events(
        NullWorld(seed=seed, n_symbols=setting.n_symbols, correlation=0.9, years=setting.years)
    )
    base = {"setting": setting.name, "seed": seed}
    rows = [
        {**base, "test": "gate permutation", "of": name, **{f"{a:g}": p <= a for a in LEVELS}}
        for name, p in gate_p_values(events, seed)
    ]
    rows += [
        {**base, "test": "EV slope", "of": name, **{f"{a:g}": hit for a, hit in hits.items()}}
        for name, hits in slope_rejections(events)
    ]
    return rows


def planted_world(edge_bps: float, years: float, seed: int) -> dict:
    """Whether both tests find an edge that the gate and the forecast follow."""
    events = make_events(NullWorld(seed=seed, years=years, edge_bps=edge_bps))
    traded = one_position_each(events, events["signal"].to_numpy() > 0.43)
    rows = events[["decision_time_utc", "net_logret"]].assign(ev_final=events["signal"])
    return {
        "edge_bps": edge_bps,
        "years": years,
        "gate permutation": gate_p_value(events, traded, seed) <= 0.05,
        "EV slope": ev_slope(rows, 0.90).lo > 0.0,
    }


def size_table(rows: pd.DataFrame) -> str:
    """Rejection rates with standard errors over worlds, as Markdown."""
    lines = [
        "| test | worlds | number | tests | at 1 % | at 5 % | at 10 % | within two errors |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for (test, setting), part in rows.groupby(["test", "setting"], sort=False):
        by_world = part.groupby("seed")[[f"{a:g}" for a in LEVELS]].mean()
        rate, error = by_world.mean(), by_world.sem()
        cells = [f"{100 * r:.1f} ± {100 * e:.1f}" for r, e in zip(rate, error, strict=True)]
        fine = [abs(r - a) <= 2 * e for r, e, a in zip(rate, error, LEVELS, strict=True)]
        word = "yes" if all(fine) else "no"
        counts = f"{len(by_world)} | {len(part):,}"
        lines.append(f"| {test} | {setting} | {counts} | {' | '.join(cells)} | {word} |")
    return "\n".join(lines)


def worst_table(rows: pd.DataFrame, count: int = 6) -> str:
    """The gates and forecasts that are rejected most often at 5 %, pooled over settings."""
    pooled = rows.groupby(["test", "of"])["0.05"].agg(["mean", "size"]).reset_index()
    pooled["error"] = np.sqrt(pooled["mean"] * (1 - pooled["mean"]) / pooled["size"])
    lines = ["| test | gate or forecast | rejected at 5 % |", "|---|---|---:|"]
    for _, part in pooled.groupby("test", sort=False):
        for row in part.nlargest(count, "mean").to_dict("records"):
            rate = f"{100 * row['mean']:.1f} ± {100 * row['error']:.1f}"
            lines.append(f"| {row['test']} | `{row['of']}` | {rate} |")
    return "\n".join(lines)


def power_table(rows: pd.DataFrame) -> str:
    """Share of planted worlds that each test finds at 5 %, as Markdown."""
    lines = [
        "| edge | years | worlds | gate permutation | EV slope |",
        "|---:|---:|---:|---:|---:|",
    ]
    for (edge, years), part in rows.groupby(["edge_bps", "years"]):
        cells = []
        for test in ("gate permutation", "EV slope"):
            rate = float(part[test].mean())
            error = (rate * (1.0 - rate) / len(part)) ** 0.5
            cells.append(f"{100 * rate:.0f} ± {100 * error:.0f} %")
        lines.append(f"| {edge:g} bps | {years:g} | {len(part)} | {' | '.join(cells)} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Task:
    """One world of the study, computed once and kept as a file.

    Parameters
    ----------
    seed : int
    setting : Setting, optional
        Of a null world.
    edge_bps, years : float
        Of a planted one.
    """

    seed: int
    setting: Setting | None = None
    edge_bps: float = 0.0
    years: float = 0.0

    @property
    def name(self) -> str:
        """The stem of its file."""
        if self.setting is not None:
            return f"null-{SETTINGS.index(self.setting)}-{self.seed}"
        return f"planted-{self.edge_bps:g}-{self.years:g}-{self.seed}"

    def rows(self) -> list[dict]:
        """Rejections of the world."""
        if self.setting is not None:
            return null_world(self.setting, self.seed)
        return [planted_world(self.edge_bps, self.years, self.seed)]

    def run(self, folder: Path) -> None:
        """Compute the world, unless its file is there."""
        target = folder / f"{self.name}.csv"
        if target.exists():
            return
        beside = target.with_suffix(".part")
        pd.DataFrame(self.rows()).to_csv(beside, index=False)
        beside.replace(target)


def kept(folder: Path, kind: str) -> pd.DataFrame:
    """Every world of a kind that is there, in the order of settings and seeds."""
    paths = sorted(folder.glob(f"{kind}-*.csv"))
    return pd.concat([pd.read_csv(path) for path in paths]) if paths else pd.DataFrame()


def study(asked: argparse.Namespace, folder: Path) -> None:
    """Run the worlds that are missing and print the tables."""
    from joblib import Parallel, delayed

    seeds, start = (
        range(asked.first_seed, asked.first_seed + asked.worlds),
        time.perf_counter(),
    )
    tasks = [Task(seed, SETTINGS[s]) for seed in seeds for s in asked.settings]
    tasks += [
        Task(seed, None, edge, years)
        for seed in seeds
        for edge in POWER_EDGES
        for years in POWER_YEARS
    ]
    Parallel(n_jobs=asked.workers)(delayed(task.run)(folder) for task in tasks)
    null, planted = kept(folder, "null"), kept(folder, "planted")
    if len(null):
        print(size_table(null), worst_table(null), sep="\n\n")
    if len(planted):
        print(power_table(planted))
    print(f"\n{time.perf_counter() - start:.0f} s")


def main() -> None:
    """Read the arguments and run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=120)
    parser.add_argument("--first-seed", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--settings", type=int, nargs="*", default=list(range(len(SETTINGS))))
    parser.add_argument("--folder", type=Path, help="Where each world is kept.")
    asked = parser.parse_args()
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        study(asked, asked.folder)
        return
    with TemporaryDirectory() as scratch:
        study(asked, Path(scratch))


if __name__ == "__main__":
    main()
