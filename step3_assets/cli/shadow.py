"""The shadow's verbs: a live step, a replay of history, the comparison with the backtest.

Belongs here: their arguments and output. Does not belong here: what a step does
(:mod:`step3_assets.domain.shadow`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import MONTH, TEXT, in_order

if TYPE_CHECKING:
    from step3_assets.domain.shadow.parity import Parity


@click.group()
def shadow() -> None:
    """Trade new candidates on paper, and compare the result with the backtest.

    Each new candidate is scored once, by the model in force, when a delivery first contains it. The
    decision is never changed later. Fills come from the same simulation as every backtest, as soon
    as the bars show them. Rows are only ever added to the tables shadow_decisions, shadow_fills and
    shadow_positions. Column `account` separates the live account from replays of history
    (replay:FIRST..LAST).

    \b
    Examples:
        step3 shadow step        # after each ingest
        step3 shadow parity      # is the live account equal to the backtest?
        step3 shadow replay --bars bars --from 2023-01 --to 2023-06
    """


@shadow.command()
def step() -> None:
    """Let the live account process the stored delivery.

    The account begins with the month of the last bar of the first delivery. A second step with the
    same delivery changes nothing. Job `shadow` in the UI does the same.

    \b
    Examples:
        step3 train-dataset --delivery step2_out && step3 shadow step
    """
    from step3_assets.cli.installation import open_store
    from step3_assets.cli.running import launch
    from step3_assets.cli.steps import Step
    from step3_assets.defs.jobs import SHADOW
    from step3_assets.defs.settings import load_settings
    from step3_assets.defs.shadow.accounts import read_account

    store = open_store()
    launch([Step(SHADOW, "whole")])
    stored = read_account(store, load_settings().config.shadow.live_account)
    last = stored.deliveries.iloc[-1]
    click.echo(
        f"account {last['account']}, arrival {last['arrival']}: bars known until "
        f"{last['known_until_utc']:%Y-%m-%d %H:%M} UTC, {last['n_scored']} scored "
        f"({last['n_late']} after their entry), {last['n_fills']} fills and refusals, "
        f"{last['n_open']} open, equity {last['equity_usd']:,.2f} USD"
    )


@shadow.command()
@click.option(
    "--bars",
    "bars_dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the bars that the stored delivery was built from.",
)
@click.option("--from", "first", required=True, type=MONTH, metavar="YYYY-MM", help="First month.")
@click.option("--to", "last", required=True, type=MONTH, metavar="YYYY-MM", help="Last month.")
@click.option(
    "--retrain",
    is_flag=True,
    help="Train each month's models from the delivery in which its first candidates arrive: proves "
    "that the stored ones knew no more. [default: the stored models, by their hash]",
)
@click.option("--fresh", is_flag=True, help="Delete an earlier replay of these months first.")
def replay(bars_dir: Path, first: str, last: str, retrain: bool, fresh: bool) -> None:
    """Replay months of history week by week, as if live, then compare with the backtest.

    For every week, the delivery is built from the bars up to its last close, with its pending
    candidates, and validated. New candidates are scored, fills and positions are stored, each week
    in one transaction. If the command is stopped, the same command continues. At the end the shadow
    account is compared with a backtest of the same months that starts without positions: trades,
    sizes and P&L must be equal to the cent, and every difference is listed.

    The months must be trained and scored first (`step3 run --from --to`). Exit status 0 if there is
    no difference, 1 otherwise.

    \b
    Examples:
        step3 shadow replay --bars bars --from 2023-01 --to 2023-06
        step3 shadow replay --bars bars --from 2023-01 --to 2023-03 --retrain --fresh
    """
    from rich.console import Console

    from step3_assets.cli.installation import open_store
    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.settings import load_settings
    from step3_assets.defs.shadow.accounts import account_parity
    from step3_assets.defs.shadow.replay import ReplayRequest, replay_account
    from step3_assets.defs.shadow.replay import replay as play
    from step3_assets.domain.core.months import parse_month
    from step3_assets.domain.shadow.step import ShadowError
    from step3_assets.domain.step2.bars import BarsError

    in_order(first, last)
    store, settings = open_store(), load_settings()
    try:
        account = replay_account(parse_month(first), parse_month(last))
        request = ReplayRequest(account, bars_dir, is_retrained=retrain, is_fresh=fresh)
        found = play(store, settings, request, BarProgress(Console(stderr=True)))
        parity = account_parity(store, account.name, settings.config)
    except (ShadowError, BarsError, ValueError) as error:
        raise CommandFailed(str(error)) from error
    for text in found[:10]:
        click.echo(f"contradiction: {text}")
    _print_parity(account.name, parity)
    if found or not parity.is_exact:
        raise SystemExit(1)


@shadow.command()
@click.option("--account", type=TEXT, help="Account to compare. [default: the live account]")
def parity(account: str | None) -> None:
    """Compare a stored shadow account with the backtest of its months.

    Exit status 0 if every trade, size and P&L is equal to the cent, 1 otherwise.

    \b
    Examples:
        step3 shadow parity
        step3 shadow parity --account replay:2023-01..2023-06
    """
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.settings import load_settings
    from step3_assets.defs.shadow.accounts import account_parity
    from step3_assets.domain.shadow.step import ShadowError

    config = load_settings().config
    name = account or config.shadow.live_account
    try:
        found = account_parity(open_store(), name, config)
    except ShadowError as error:
        raise CommandFailed(str(error)) from error
    _print_parity(name, found)
    if not found.is_exact:
        raise SystemExit(1)


def _print_parity(name: str, parity: Parity) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    for column in (name, "shadow", "backtest"):
        table.add_column(column, justify="left" if column == name else "right")
    for row in parity.metrics.to_dict("records"):
        digits = 2 if "USD" in row["metric"] else 0
        both = (f"{row[side]:,.{digits}f}" for side in ("shadow", "backtest"))
        table.add_row(row["metric"], *both)
    console.print(table)
    for row in parity.differences.head(20).itertuples():
        console.print(f"[red]{row.difference}[/]  {escape(str(row.text))}", soft_wrap=True)
    if len(parity.differences) > 20:
        console.print(f"and {len(parity.differences) - 20} more")
    mark = "[green]parity[/]" if parity.is_exact else "[red]NO PARITY[/]"
    console.print(f"\n{mark}: {escape(parity.sentence)}", soft_wrap=True)
