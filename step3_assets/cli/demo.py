"""``step3 demo``: run the whole platform on a synthetic delivery with a planted edge.

Belongs here: which world the demo shows, and keeping it apart from real data.
"""

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import EDGE_BPS, SEED, WORLD_YEARS

DEMO_YEARS = 6


@click.command()
@click.option(
    "--edge-bps",
    type=EDGE_BPS,
    default=20.0,
    show_default=True,
    help="Planted edge per trade, in basis points; 0 plants none.",
)
@click.option("--seed", type=SEED, default=10_007, show_default=True, help="Seed of the simulator.")
@click.option(
    "--years", type=WORLD_YEARS, default=DEMO_YEARS, show_default=True, help="Years of bars."
)
def demo(edge_bps: float, seed: int, years: float) -> None:
    """Build a synthetic delivery, run everything on it, print the verdict.

    The bars come from a simulator that plants a known edge. The true edge of each trade (the
    oracle) is written to a folder beside the delivery, which the platform never reads. The report
    says SYNTHETIC in every heading and plot.
    """
    from rich.console import Console

    from step3_assets.cli.door import Given
    from step3_assets.cli.installation import prepare_home
    from step3_assets.cli.progress import BarProgress
    from step3_assets.cli.running import Order, launch, print_verdict
    from step3_assets.cli.steps import MAIN_JOB
    from step3_assets.domain.worlds import WorldConfig, simulate_world, write_world

    settings = prepare_home()
    folder = settings.home / "delivery"
    _refuse_real_data(settings.database)
    console = Console(stderr=True)
    console.print(f"[bold]step3 demo[/] SYNTHETIC world, {years:g} years, seed {seed}")
    config = WorldConfig(years=years, edge_bps=edge_bps, seed=seed)
    progress = BarProgress(console)
    with progress.overall():
        with progress.share("simulating the world") as report:
            write_world(simulate_world(config, progress=report), folder)
        order = Order(Given(folder / "step2_out", accept_withdrawal=True), progress=progress)
        launch(MAIN_JOB, order)
    print_verdict()


def _refuse_real_data(database) -> None:
    """Refuse to mix rows of the demo with rows of a real delivery."""
    from step3_assets.storage.store import Store

    if not database.exists():
        return
    datasets = Store(database).read("datasets")
    if len(datasets) and not datasets["is_synthetic"].all():
        raise CommandFailed(
            f"{database} holds a real delivery; run the demo in another folder: "
            "STEP3_HOME=some/other/folder step3 demo"
        )
