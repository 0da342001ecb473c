"""``step3 certify``: run the platform on synthetic worlds whose true edge is known.

Belongs here: which worlds, progress, power and size. Does not belong here: how a world is
evaluated (:mod:`step3_assets.domain.pipeline.certification`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import EDGE_BPS, SEED, WORLD_YEARS

if TYPE_CHECKING:
    import pandas as pd

    from step3_assets.domain.pipeline.certification import Certificate
    from step3_assets.domain.worlds import WorldConfig

# Pass marks. A later change may raise the demand, never lower it.
MIN_POWER = 0.5
MAX_SIZE = 0.05
FAMILY_NAMES = (
    "no_edge",
    "bull",
    "volatility_premium",
    "dead_edge",
    "one_symbol",
    "eight_symbols",
)
"""Those of :mod:`step3_assets.domain.pipeline.null_families`, which help must not import."""


@dataclass(frozen=True)
class CertifyRequest:
    """What the command line asked for.

    Parameters
    ----------
    planted, null : int
        Worlds with a planted edge, and without any.
    edge_bps : float
        What the oracle earns per trade on a planted world, about.
    years : float
        Years of bars of each world.
    n_months : int or None
        Last test months only; None for all.
    first_seed : int
        Seed of the first world of each kind.
    replays : int
        Decisions without skill that are evaluated on each null world; 0 runs the platform instead.
    families : tuple of str
        Families of null worlds for `replays`; none given means all.
    has_families : bool
        Plant every family of edges, not only the first.
    workers : int or None
        Worlds run at the same time; None for one on each core.
    """

    planted: int
    null: int
    edge_bps: float
    years: float
    n_months: int | None
    first_seed: int
    replays: int
    families: tuple[str, ...]
    has_families: bool
    workers: int | None


@click.command()
@click.option(
    "--planted",
    type=click.IntRange(0, 10_000),
    default=10,
    show_default=True,
    help="Worlds with a planted edge.",
)
@click.option(
    "--null",
    "null",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    help="Worlds without an edge.",
)
@click.option(
    "--edge-bps",
    type=EDGE_BPS,
    default=10.0,
    show_default=True,
    help="Approximate net return per trade of the oracle, in basis points.",
)
@click.option(
    "--years",
    type=WORLD_YEARS,
    default=6.0,
    show_default=True,
    help="Years of bars in each world; the first 3 are only trained on.",
)
@click.option(
    "--months",
    "n_months",
    type=click.IntRange(1),
    help="Test only the last N months of each world. [default: all]",
)
@click.option(
    "--first-seed",
    type=SEED,
    default=1000,
    show_default=True,
    help="Seed of the first world; the others follow it.",
)
@click.option(
    "--replays",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Measure only the size of the verdict: evaluate N sets of decisions without skill on each "
    "null world.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    type=click.Choice(list(FAMILY_NAMES)),
    help="With --replays: only null worlds of this family. May be repeated. [default: all]",
)
@click.option(
    "--families",
    "has_families",
    is_flag=True,
    help="Plant every family of edges, each in --planted worlds, and compare the families.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Worlds to run at the same time. [default: one per core]",
)
def certify(**given: Any) -> None:
    """Run the platform on many synthetic worlds and print its power and its size.

    Power is measured on worlds with a planted edge: the share of the oracle gate's total expected
    net return that the platform's out-of-sample decisions capture, compared with the share of the
    mock baseline. Size is measured on worlds without an edge (null worlds): how often one of them
    is promoted. Settings come from step3.toml. Writes certification/worlds.csv under STEP3_HOME.
    Exit status 1 if power is below 50 % or not above the mock baseline's, or if more than 1 null
    world in 20 is promoted.

    \b
    Examples:
        step3 certify                                   # 30 worlds: 40 minutes on 2 busy cores
        step3 certify --planted 2 --null 2 --months 12  # a quick look
        step3 certify --planted 0 --null 40             # size alone
        step3 certify --null 8 --replays 20             # 1,000 cheap null verdicts: a night
        step3 certify --families --planted 4 --null 4   # capture by kind of edge

    With --replays N, each family of null worlds gets --null worlds. Models are trained once per
    world, and N sets of decisions that do not look at outcomes are evaluated on it. Exit status 1
    if more than 1 % of all verdicts promote, if the exact upper bound of that rate is above 2 %, or
    if a family promotes more than 5 %.
    """
    asked = CertifyRequest(**given)
    if asked.replays:
        _certify_size(asked)
    else:
        _certify_power_and_size(asked)


def _certify_size(asked: CertifyRequest) -> None:
    """Measure only the size of the verdict, on decisions without skill."""
    from step3_assets.cli.certify_size import certify_size

    if not asked.null:
        raise CommandFailed("--null 0 asks for no world; --replays needs at least one")
    certify_size(
        asked.families or FAMILY_NAMES,
        worlds=asked.null,
        replays=asked.replays,
        years=asked.years,
        first_seed=asked.first_seed,
        workers=asked.workers,
    )


def _certify_power_and_size(asked: CertifyRequest) -> None:
    """Run the whole platform on each world; print and store what it found."""
    from rich.console import Console

    from step3_assets.cli.installation import prepare_home
    from step3_assets.cli.progress import BarProgress
    from step3_assets.domain.pipeline import certification

    if asked.planted + asked.null == 0:
        raise CommandFailed("--planted 0 --null 0 asks for no world")
    settings = prepare_home()
    worlds = _worlds_of(asked)
    outcomes = []
    with BarProgress(Console(stderr=True)).track("worlds", len(worlds)) as advance:
        for outcome in certification.certify(
            worlds, settings.config, place=settings.place_of(asked.workers), n_months=asked.n_months
        ):
            outcomes.append(outcome)
            advance(1)
    folder = settings.home / "certification"
    folder.mkdir(parents=True, exist_ok=True)
    frame = certification.to_frame(outcomes)
    frame.to_csv(folder / "worlds.csv", index=False)
    _print(frame)
    if asked.has_families and asked.planted:
        _print_families(certification.capture_by_family(outcomes))
    certificate = certification.summarise(outcomes)
    problems = _print_power_and_size(certificate)
    click.echo(f"Worlds    {folder / 'worlds.csv'}")
    if problems:
        raise CommandFailed("; ".join(problems))


def _worlds_of(asked: CertifyRequest) -> list[WorldConfig]:
    """The planted worlds, of one family or each, then the null worlds."""
    from step3_assets.domain.worlds import WorldConfig
    from step3_assets.domain.worlds.families import FAMILIES

    base, *others = FAMILIES
    planted = (base, *others) if asked.has_families else (base,)
    kinds = [(asked.edge_bps, asked.planted, family) for family in planted]
    return [
        WorldConfig(years=asked.years, edge_bps=edge, seed=asked.first_seed + number, family=family)
        for edge, count, family in (*kinds, (0.0, asked.null, base))
        for number in range(count)
    ]


def _print(frame: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("seed", "edge", "months", "oracle net", "captured", "mock", "trades", "Calmar"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in frame.to_dict("records"):
        is_planted = row["edge_bps"] > 0
        table.add_row(
            str(row["seed"]),
            f"{row['edge_bps']:g}",
            str(row["n_months"]),
            f"{row['oracle_net_bps']:.1f} bps" if is_planted else "",
            f"{row['capture']:.0%}" if is_planted else "",
            f"{row['mock_capture']:.0%}" if is_planted else "",
            str(row["n_trades"]),
            f"{row['calmar']:.2f}",
            "PROMOTE" if row["is_promoted"] else f"nothing: {row['failed_criteria']}",
        )
    Console(width=140).print(table)


def _print_families(families: pd.DataFrame) -> None:
    """Print one line per family, the pooled share, and the worst family."""
    for row in families.to_dict("records"):
        click.echo(
            f"{row['family']:12}{row['capture']:>6.0%} +- {row['error']:.0%} of the oracle; "
            f"mock baseline {row['mock_capture']:.0%}; {row['n_promoted']} of {row['n_worlds']} "
            "promoted"
        )
    each = [row for row in families.to_dict("records") if row["family"] != "pooled"]
    worst = min(each, key=lambda row: row["capture"])
    click.echo(f"Worst     {worst['family']}: {worst['capture']:.0%}")


def _print_power_and_size(certificate: Certificate) -> list[str]:
    """Print power and size; return the demands that they do not meet."""
    problems = []
    if certificate.n_planted:
        click.echo(
            f"Power     {certificate.power:.0%} of the oracle captured "
            f"(95 % interval {certificate.power_low:.0%} to {certificate.power_high:.0%} over "
            f"{certificate.n_planted} worlds); mock baseline {certificate.mock_power:.0%}; "
            f"{certificate.n_promoted_planted} of {certificate.n_planted} promoted"
        )
        if not certificate.power >= MIN_POWER:
            problems.append(f"power {certificate.power:.0%} is below {MIN_POWER:.0%}")
        if not certificate.power > certificate.mock_power:
            problems.append("the mock baseline captures as much")
    if certificate.n_null:
        click.echo(
            f"Size      {certificate.n_promoted_null} of {certificate.n_null} null worlds promoted"
        )
        if certificate.n_promoted_null > MAX_SIZE * certificate.n_null:
            problems.append(f"{certificate.n_promoted_null} null worlds were promoted")
    return problems
