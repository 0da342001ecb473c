"""``step3 certify --replays``: the size of the whole verdict, from many cheap verdicts.

Belongs here: progress, the table of families and the limits. Does not belong here: how a verdict
is reached (:mod:`step3_assets.domain.pipeline.null_verdicts`).
"""

from collections.abc import Sequence
from dataclasses import asdict

import click

from step3_assets.cli.failures import CommandFailed

MAX_POOLED_RATE = 0.01
MAX_POOLED_UPPER = 0.02
MAX_FAMILY_RATE = 0.05


def certify_size(
    families: Sequence[str],
    *,
    worlds: int,
    replays: int,
    years: float,
    first_seed: int,
    workers: int | None,
) -> None:
    """Evaluate decisions without skill on worlds of each family; print how many were promoted.

    Writes certification/verdicts.csv under STEP3_HOME.

    Raises
    ------
    CommandFailed
        If more than 1 % of all verdicts promote, the upper bound of that rate is above 2 %, or a
        family promotes more than 5 %.
    """
    import pandas as pd
    from rich.console import Console

    from step3_assets.cli.installation import prepare_home
    from step3_assets.cli.progress import BarProgress
    from step3_assets.domain.pipeline import null_verdicts

    settings = prepare_home()
    calls = [(name, first_seed + number) for number in range(worlds) for name in families]
    folder = settings.home / "certification"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "verdicts.csv"
    found = []
    with BarProgress(Console(stderr=True)).track("worlds", len(calls)) as advance:
        for verdicts in null_verdicts.family_verdicts(
            calls, settings.config, years=years, n_replays=replays, place=settings.place_of(workers)
        ):
            found += verdicts
            # Written after every world, so that a stopped run keeps its results.
            pd.DataFrame([asdict(v) for v in found]).to_csv(path, index=False)
            advance(1)
    rates = null_verdicts.promotion_rates(found)
    _print(rates)
    click.echo(f"Verdicts  {path}")
    problems = [
        f"{rate.family} promotes {rate.rate:.1%} of its verdicts"
        for rate in rates[:-1]
        if rate.rate > MAX_FAMILY_RATE
    ]
    pooled = rates[-1]
    if pooled.rate > MAX_POOLED_RATE or pooled.upper > MAX_POOLED_UPPER:
        problems.append(
            f"{pooled.rate:.1%} of all verdicts promote, with an upper bound of {pooled.upper:.1%}"
        )
    if problems:
        raise CommandFailed("; ".join(problems))


def _print(rates) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("family")
    for name in ("worlds", "verdicts", "promoted", "rate", "95 % upper", "by worlds"):
        table.add_column(name, justify="right")
    for rate in rates:
        table.add_row(
            rate.family,
            str(rate.n_worlds),
            str(rate.n),
            str(rate.n_promoted),
            f"{rate.rate:.2%}",
            f"{rate.upper:.2%}",
            f"{rate.worlds_upper:.1%}",
        )
    Console(width=100).print(table)
