"""The verb that turns a folder of bars into a Step 2 delivery.

Belongs here: its arguments, progress and final message. Does not belong here: any definition of
a column (:mod:`step3_assets.domain.step2`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from step3_assets.cli.failures import CommandFailed

if TYPE_CHECKING:
    import pandas as pd

    from step3_assets.domain.step2.build import SymbolDelivery


@dataclass(frozen=True)
class BuildRequest:
    """What the command line asked for.

    Parameters
    ----------
    bars_dir, out_dir : Path
        Where the bars are, and where the delivery goes.
    as_of : str or None
        Only bars that had ended at this time; None for all bars.
    symbols : str or None
        Symbols to build, separated by commas; None for all.
    partners : tuple of str
        ``A=B``: A takes its cross features from B.
    pending : bool
        Also emit the candidates of the last two bars.
    knobs_file : Path or None
        None for the standard knobs.
    """

    bars_dir: Path
    out_dir: Path
    as_of: str | None
    symbols: str | None
    partners: tuple[str, ...]
    pending: bool
    knobs_file: Path | None

    def wanted_symbols(self) -> list[str] | None:
        """Tickers in capitals; None for all."""
        return [name.strip().upper() for name in self.symbols.split(",")] if self.symbols else None


@click.command("build-step2")
@click.option(
    "--bars",
    "bars_dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with one parquet file of bars per symbol: SYMBOL_*.parquet or SYMBOL.parquet.",
)
@click.option(
    "--out",
    "out_dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the delivery. It is created, or all its files are replaced in one step.",
)
@click.option(
    "--as-of",
    metavar="TIME",
    help="Use only the bars that had ended at this time. UTC unless the text names a zone; a date "
    "alone means midnight. [default: all bars]",
)
@click.option(
    "--symbols",
    metavar="A,B",
    help="Build only these; the others still serve as partners. [default: all]",
)
@click.option(
    "--partner",
    "partners",
    multiple=True,
    metavar="A=B",
    help="Take A's cross features from B. May be repeated. [default: its partner in the delivery "
    "that --out holds, else the one in the knobs: QQQ and SPY for each other, SPY for any other]",
)
@click.option(
    "--pending/--no-pending",
    default=False,
    show_default=True,
    help="Also emit the candidates of the last two bars, which have no outcome yet.",
)
@click.option(
    "--knobs",
    "knobs_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON of knobs to build with, or a delivery's meta file. [default: the standard knobs]",
)
def build_step2(**given: Any) -> None:
    """Build a Step 2 delivery from bars: signals, candidates, costs and labels.

    Bars are hourly bars of the regular session. Column date is the START of the bar in UTC; open,
    high, low, close and volume are needed too. Wrong bars stop the build with one message and leave
    the output unchanged: unsorted or repeated bars, dates without a zone, impossible prices,
    another bar length, unadjusted splits. Gaps, and single bars outside the exchange calendar, are
    accepted and listed in meta/. Splits are read from BARS/adjustments/SYMBOL.csv
    (date,factor,kind).

    \b
    Examples:
        step3 build-step2 --bars bars --out step2_out
        step3 build-step2 --bars bars --out live --as-of 2023-06-30T20:00 --pending
        step3 build-step2 --bars bars --out step2_out --partner IWM=SPY --partner QQQ=SPY
    """
    from step3_assets.domain.step2.bars import (
        BarsError,
        find_bar_files,
        read_adjustments,
        read_bars,
    )
    from step3_assets.domain.step2.build import BuildError, BuildOptions, count_steps, iter_delivery
    from step3_assets.domain.step2.knobs import KnobsError, Step2Config, read_config
    from step3_assets.domain.step2.write import chosen_partners, write_symbols

    asked, summaries = BuildRequest(**given), []
    try:
        config = read_config(asked.knobs_file) if asked.knobs_file else Step2Config()
        files = find_bar_files(asked.bars_dir)
        wanted = asked.wanted_symbols()
        with _one_bar(len(files) + count_steps(len(wanted or files))) as report:
            options = BuildOptions(
                partners={**chosen_partners(asked.out_dir), **_pairs(asked.partners)},
                as_of=_instant(asked.as_of),
                emit_pending=asked.pending,
                symbols=wanted,
                adjustments=read_adjustments(asked.bars_dir, files),
            )
            bars = read_bars(
                asked.bars_dir,
                progress=report,
                max_off_calendar_frac=config.max_off_calendar_frac,
                is_cut=asked.as_of is not None,
            )
            delivery = iter_delivery(bars, config, options, report)
            write_symbols(_noting(delivery, summaries), asked.out_dir)
    except (BarsError, BuildError, KnobsError, FileExistsError) as error:
        raise CommandFailed(str(error)) from error
    _print_summary(summaries, asked.out_dir)


@contextmanager
def _one_bar(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar, labelled with the current step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("  {task.description:<34}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("starting", total=total)

        def report(line: str) -> None:
            is_first = bars.tasks[0].description == "starting"
            bars.update(task, advance=0 if is_first else 1, description=line)

        yield report
        bars.update(task, completed=total, description="delivery in place")


def _noting(delivery: Iterable[SymbolDelivery], summaries: list[dict]) -> Iterator[SymbolDelivery]:
    """Pass each symbol on and keep its metadata for the final message."""
    for one in delivery:
        summaries.append(one.meta)
        yield one


def _pairs(partners: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in partners:
        symbol, sign, other = text.upper().partition("=")
        if not (symbol and sign and other):
            raise CommandFailed(f"--partner {text}: expected A=B")
        if symbol in pairs:
            raise CommandFailed(f"--partner {text}: {symbol} already has a partner")
        pairs[symbol] = other
    return pairs


def _instant(text: str | None) -> pd.Timestamp | None:
    if text is None:
        return None
    import pandas as pd

    try:
        stamp = pd.Timestamp(text)
    except ValueError:
        raise CommandFailed(f"--as-of {text} is not a time; expected 2023-06-30T20:00") from None
    if pd.isna(stamp):
        raise CommandFailed(f"--as-of {text} is not a time; expected 2023-06-30T20:00")
    return stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")


def _print_summary(summaries: list[dict], out_dir: Path) -> None:
    for meta in summaries:
        events, bars = meta["events_summary"], meta["bars_summary"]
        click.echo(
            f"{meta['trade_symbol']:<6}{bars['n_bars']:>9,} bars to {bars['last_bar']}"
            f"{events['n_events']:>9,} events, {events['n_provisional']} provisional,"
            f" {events['n_pending']} pending"
        )
        for warning in meta["warnings"]:
            click.echo(f"      note: {warning}")
    click.echo(f"Delivery: {out_dir}")
    click.echo(f"Next:     step3 run --delivery {out_dir}")
