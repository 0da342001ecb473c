"""``step3 maintain``: keep the home small.

Belongs here: arguments and printed text. Does not belong here: what is removed
(:mod:`step3_assets.defs.maintenance`).
"""

import click


@click.command()
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0),
    default=90.0,
    show_default=True,
    help="Runs and forecasts younger than this stay.",
)
def maintain(keep_days: float) -> None:
    """Forget old runs, remove unread forecasts, compact the tables.

    A run is forgotten when it ended long ago and everything it made has been made again since; the
    newest materialization of each partition and the newest result of each check stay in the UI. The
    search's forecasts can be made again. The tables are rewritten without the space that replaced
    rows have left, compared with the old file, and put in its place.

    Runs and the UI may go on meanwhile: they wait for the seconds that the tables take. The
    schedule weekly_maintenance does the same on Sundays, once you turn it on in the UI.

    \b
    Examples:
        step3 maintain
        step3 maintain --keep-days 365
    """
    from rich.console import Console

    from step3_assets.cli.installation import dagster_instance, open_store
    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.maintenance import maintain as keep_small
    from step3_assets.defs.settings import load_settings

    open_store()
    settings = load_settings()
    console = Console(stderr=True)
    with dagster_instance(settings) as instance, BarProgress(console).share("maintain") as report:
        done = keep_small(settings, instance, keep_days, report)
    click.echo(f"before: {done.before}")
    click.echo(f"after:  {done.after}")
    click.echo(f"{done.n_runs} runs forgotten, {done.n_forecasts} forecasts removed")
    for problem in done.problems:
        click.echo(f"not done: {problem}", err=True)
