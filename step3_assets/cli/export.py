"""``step3 export`` and ``step3 trades``: stored rows as a file or on the screen.

Belongs here: arguments, writing the file. Does not belong here: reading
(:mod:`step3_assets.notebook`).
"""

from pathlib import Path

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import MONTH, in_order

FROM = click.option("--from", "first", type=MONTH, metavar="YYYY-MM", help="First month.")
TO = click.option("--to", "last", type=MONTH, metavar="YYYY-MM", help="Last month.")


@click.command()
@click.argument("table")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Kind of file.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; it must not exist. [default: TABLE.csv or TABLE.parquet, here]",
)
@FROM
@TO
def export(table: str, kind: str, out: Path | None, first: str | None, last: str | None) -> None:
    """Write the rows of TABLE to a file. `step3 status` lists the tables.

    \b
    Examples:
        step3 export portfolio_trades
        step3 export scores --format parquet --from 2023-01 --to 2023-06 --out scores.parquet
    """
    in_order(first, last)
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.settings import home_folder
    from step3_assets.notebook import Home

    target = out or Path(f"{table}.{kind}")
    home = Home(home_folder(), open_store())
    if table not in home.tables:
        from difflib import get_close_matches

        close = get_close_matches(table, home.tables, n=1)
        meant = f"; did you mean {close[0]}?" if close else "; `step3 status` lists them"
        raise CommandFailed(f"there is no table {table}{meant}")
    if target.exists():
        raise CommandFailed(f"{target} exists already; name another file with --out")
    try:
        rows = home.table(table, first=first, last=last)
    except ValueError as error:
        raise CommandFailed(f"{error}: leave --from and --to out") from error
    if not target.parent.is_dir():
        raise CommandFailed(f"--out {target}: there is no folder {target.parent}")
    if kind == "csv":
        rows.to_csv(target, index=False)
    else:
        rows.to_parquet(target, index=False)
    click.echo(f"{target}: {len(rows):,} rows of {table}")


@click.command()
@click.option("--last", "count", type=click.IntRange(1), default=20, show_default=True)
@click.option("--series", default="platform", show_default=True, help="Whose ledger.")
def trades(count: int, series: str) -> None:
    """Show the newest trades; `step3 export portfolio_trades` writes all of them."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.cli.installation import open_store
    from step3_assets.defs.settings import home_folder
    from step3_assets.notebook import Home

    ledger = Home(home_folder(), open_store()).trades(series)
    if ledger.empty:
        raise CommandFailed(f"no trade of {series} is stored")
    table = Table(box=None, pad_edge=False)
    for name in ("symbol", "entry (UTC)", "exit (UTC)", "exit reason"):
        table.add_column(name)
    for name in ("notional USD", "net bps", "P&L USD"):
        table.add_column(name, justify="right")
    for row in ledger.tail(count).to_dict("records"):
        table.add_row(
            escape(str(row["symbol"])),
            f"{row['entry_time_utc']:%Y-%m-%d %H:%M}",
            f"{row['exit_time_utc']:%Y-%m-%d %H:%M}",
            escape(str(row["exit_reason"])),
            f"{row['notional_usd']:,.0f}",
            f"{row['net_bps']:.1f}",
            f"{row['pnl_usd']:,.2f}",
        )
    Console().print(table)
    click.echo(f"{min(count, len(ledger))} of {len(ledger):,} trades")
