"""A synthetic world: simulating it, and writing it to disk.

Belongs here: the order of the steps, the random streams, the files. Does not belong here: the laws
of the market.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.domain.core.adjustments import real_moves
from step3_assets.domain.step2.build import BuildOptions, Step2Delivery, build_with
from step3_assets.domain.step2.write import write_delivery
from step3_assets.domain.worlds.clock import read_clock
from step3_assets.domain.worlds.config import WorldConfig
from step3_assets.domain.worlds.edge import drift_law
from step3_assets.domain.worlds.oracle import World, expected_returns
from step3_assets.domain.worlds.prices import simulate_history, to_bars
from step3_assets.domain.worlds.shocks import draw_history, laws_of

WORLD_FILE = "world.json"
# Share of the time that each stage takes, for progress.
_STAGES = {"prices": 0.25, "delivery": 0.05, "oracle": 0.70}


@dataclass(frozen=True)
class SyntheticWorld:
    """A simulated market and the delivery that Step 2 builds from it.

    Parameters
    ----------
    config : WorldConfig
    bars : dict of str to DataFrame
        By symbol, in the form that the builder reads.
    delivery : Step2Delivery
        Built by the Step 2 builder from those bars alone.
    oracle : dict of str to DataFrame
        True expected net return of each event; see :func:`.oracle.expected_returns`. Empty if it
        was not computed.
    """

    config: WorldConfig
    bars: dict[str, pd.DataFrame]
    delivery: Step2Delivery
    oracle: dict[str, pd.DataFrame]

    def truth(self) -> dict[str, Any]:
        """Earnings of the oracle gate, which trades where the expected net return is positive."""
        if not self.oracle:
            return {}
        net = np.concatenate([rows["expected_net"].to_numpy() for rows in self.oracle.values()])
        taken = net[net > 0]
        return {
            "n_events": len(net),
            "mean_expected_net_bps": float(net.mean() * 1e4) if len(net) else None,
            "oracle_gate_share": float(len(taken) / len(net)) if len(net) else None,
            "oracle_gate_mean_net_bps": float(taken.mean() * 1e4) if len(taken) else None,
        }


def simulate_world(
    config: WorldConfig,
    *,
    has_oracle: bool = True,
    progress: Callable[[str, float], None] | None = None,
) -> SyntheticWorld:
    """Simulate prices, build the delivery, compute the oracle.

    Parameters
    ----------
    config : WorldConfig
    has_oracle : bool
        Whether to compute the oracle. It has its own random stream, so nothing else changes.
    progress : callable, optional
        Called with the stage and the share of all work that is done.

    Returns
    -------
    SyntheticWorld
        The same bits for the same `config`.

    Raises
    ------
    ValueError
        If the span holds no session or lies outside the exchange calendar's years.
    """
    market, trades, futures = np.random.default_rng(config.seed).spawn(3)

    def report(stage: str) -> Callable[[float], None]:
        before = sum(list(_STAGES.values())[: list(_STAGES).index(stage)])

        def report_share(share: float) -> None:
            if progress is not None:
                progress(stage, before + _STAGES[stage] * share)

        return report_share

    clock = read_clock(config)
    laws, law = laws_of(config), drift_law(config)
    draws, shocks, hidden = draw_history(laws, clock, market)
    history = simulate_history(config, clock, draws, shocks, law, report("prices"))
    report("delivery")(0.0)
    bars = to_bars(config, clock, history, trades)
    delivery = build_with(bars, config.step2, BuildOptions(adjustments=real_moves(bars)))
    for meta in delivery.meta.values():
        meta["synthetic"] = True
        meta["world"] = {"seed": config.seed, "edge_bps": config.edge_bps}
    report("oracle")(0.0)
    oracle = {}
    if has_oracle:
        world = World(
            config=config, clock=clock, laws=laws, law=law, history=history, hidden=hidden
        )
        oracle = expected_returns(world, delivery.events, futures, report("oracle"))
    return SyntheticWorld(config=config, bars=bars, delivery=delivery, oracle=oracle)


def require_world_folder(out_dir: Path) -> None:
    """Raise FileExistsError if `out_dir` holds anything that is not a world."""
    if out_dir.exists() and any(out_dir.iterdir()) and not (out_dir / WORLD_FILE).exists():
        raise FileExistsError(
            f"{out_dir} is not empty and holds no {WORLD_FILE}: choose another folder"
        )


def write_world(world: SyntheticWorld, out_dir: Path) -> None:
    """Write a world: all of it, or nothing.

    Writes ``bars/``, ``step2_out/`` (a complete delivery), ``oracle/`` (outside the delivery, so
    that the platform never reads it) and ``world.json``. A world in `out_dir` is replaced.

    Raises
    ------
    FileExistsError
        If `out_dir` holds anything that is not a world.
    """
    require_world_folder(out_dir)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir.parent, prefix=f".{out_dir.name}.") as scratch:
        new = Path(scratch) / "new"
        for name, frames in (("bars", world.bars), ("oracle", world.oracle)):
            (new / name).mkdir(parents=True)
            for symbol, frame in frames.items():
                suffix = "1h_rth" if name == "bars" else name
                frame.to_parquet(new / name / f"{symbol.lower()}_{suffix}.parquet", index=False)
        write_delivery(world.delivery, new / "step2_out")
        facts = {"synthetic": True, **world.truth(), "config": world.config.model_dump(mode="json")}
        (new / WORLD_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        if out_dir.exists():
            out_dir.rename(Path(scratch) / "old")
        shutil.move(new, out_dir)
