"""The verb that makes a synthetic world.

Belongs here: its arguments, progress and final message. Does not belong here: how the market
behaves (:mod:`step3_assets.domain.worlds`).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import EDGE_BPS, SEED, WORLD_YEARS


@dataclass(frozen=True)
class WorldRequest:
    """What the command line asked for.

    Parameters
    ----------
    years : float
        Length of the bars.
    edge_bps : float
        What the oracle gate's trades earn, about, net of costs; 0 for the null world.
    seed : int
    symbols : str
        Tickers, separated by commas.
    end : datetime
        Last date of the bars, New York.
    has_oracle : bool
        Whether the true expected net return of each event is computed.
    out_dir : Path
        Folder of the world.
    """

    years: float
    edge_bps: float
    seed: int
    symbols: str
    end: datetime
    has_oracle: bool
    out_dir: Path


@click.command()
@click.option(
    "--years",
    type=WORLD_YEARS,
    default=10.0,
    show_default=True,
    help="Years of bars, up to --end.",
)
@click.option(
    "--edge-bps",
    type=EDGE_BPS,
    default=0.0,
    show_default=True,
    help="Approximate net return per trade of the oracle, in basis points; 0 makes a null world.",
)
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="The same seed gives the same bits."
)
@click.option(
    "--symbols", default="QQQ,SPY", show_default=True, metavar="A,B", help="Two or more tickers."
)
@click.option(
    "--end",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2023-12-29",
    show_default=True,
    help="Last date of the bars, in New York.",
)
@click.option(
    "--oracle/--no-oracle",
    "has_oracle",
    default=True,
    show_default=True,
    help="Also compute the true expected net return of each event (takes most of the time).",
)
@click.option(
    "--out",
    "out_dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the world. A world in it is replaced; any other content is refused.",
)
def simulate(**given: Any) -> None:
    """Simulate a market whose edge is known, and its Step 2 delivery.

    Hourly bars of correlated symbols on the real exchange calendar, with stochastic volatility,
    overnight gaps and fat tails. With an edge, the hours after a candidate drift by a non-linear
    pattern of signals that are known at the decision. Without an edge, no event has a positive
    expectation. Writes bars/, step2_out/ (a complete delivery, marked synthetic), oracle/ (the true
    expectation of each event, which the platform never reads) and world.json.

    \b
    Examples:
        step3 simulate --edge-bps 10 --seed 7 --out world
        step3 run --delivery world/step2_out
        step3 simulate --years 8 --symbols DIA,IWM,QQQ,SPY --out null_world
    """
    from pydantic import ValidationError
    from rich.console import Console

    from step3_assets.cli.progress import BarProgress
    from step3_assets.domain.worlds import (
        WorldConfig,
        require_world_folder,
        simulate_world,
        write_world,
    )

    asked = WorldRequest(**given)
    try:
        require_world_folder(asked.out_dir)
        config = WorldConfig(
            years=asked.years,
            edge_bps=asked.edge_bps,
            seed=asked.seed,
            symbols=tuple(name.strip() for name in asked.symbols.split(",")),
            end=asked.end.date(),
        )
        with BarProgress(Console(stderr=True)).share("simulating the world") as report:
            world = simulate_world(config, has_oracle=asked.has_oracle, progress=report)
            write_world(world, asked.out_dir)
    except ValidationError as error:
        problems = "; ".join(
            f"{e['loc'][0] if e['loc'] else ''}: {e['msg']}" for e in error.errors()
        )
        raise CommandFailed(problems) from error
    except (ValueError, FileExistsError) as error:
        raise CommandFailed(str(error)) from error
    truth = world.truth()
    n_bars = sum(len(frame) for frame in world.bars.values())
    click.echo(f"SYNTHETIC world: {', '.join(config.symbols)}, {config.start} to {config.end}")
    click.echo(f"{n_bars:>9,} bars, {sum(map(len, world.delivery.events.values())):,} events")
    if truth and truth["oracle_gate_mean_net_bps"] is not None:
        click.echo(
            f"Oracle:   {truth['oracle_gate_share']:.0%} of events have a positive expectation: "
            f"{truth['oracle_gate_mean_net_bps']:.1f} bps net on average; all events "
            f"{truth['mean_expected_net_bps']:.1f} bps"
        )
    click.echo(f"World:    {asked.out_dir}")
    click.echo(f"Next:     step3 run --delivery {asked.out_dir / 'step2_out'}")
