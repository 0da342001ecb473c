"""``step3 recalibrate``: recalibrate past weeks or the coming one.

Belongs here: which weeks, the printed tables. Does not belong here: the recalibration
(:mod:`step3_assets.domain.live`).
"""

from datetime import UTC, date, datetime

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.running import WORKERS, Order, launch
from step3_assets.cli.steps import Step
from step3_assets.cli.values import DAY, in_order

BASE_MARKS = {"champion": " champion", "calendar_month": "", "month_before": " (stands in)"}


@click.command()
@click.option(
    "--from",
    "first",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Any day of the first week [default: the first week of the tested months].",
)
@click.option(
    "--to",
    "last",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Any day of the last week [default: the week of the last bar].",
)
@WORKERS
def recalibrate(first: str | None, last: str | None, workers: int | None) -> None:
    """Refit the calibrator of each week on labels that were final before its first session.

    The base model of a week is the champion at the open of the week's first session. Before the
    first promotion there is no champion: then it is the fold of the week's month, or the fold of
    the month before if that one does not exist yet. Run `step3 run` first: it makes the raw
    probabilities of the months. A new calibrator is used in its week only if it was no worse than
    the one of the week before, on the labels that became final since. Weeks may be made in any
    order and more than once; the result is the same to the bit.

    With `method = "retrain"` in [config.recalibration] of step3.toml, every model of a week is
    trained again, which takes a few seconds per week. It is evaluated on the labels of the week
    after and used from then on if it is no worse than the models in use.

    The second table shows what recalibration has gained. It covers the calendar months whose weeks
    were all made with the configured method, and compares the walk-forward results with the same
    months decided by the models in use each week.

    In the UI, the schedule weekly_recalibration does the same before each week's first session.

    \b
    Examples:
        step3 recalibrate                                    # every week of the tested months
        step3 recalibrate --from 2023-01-02 --to 2023-12-29
        step3 recalibrate --from 2024-01-08 --to 2024-01-08  # one week
    """
    in_order(first, last)
    weeks = _weeks(first, last)
    launch([Step("recalibration", "week")], Order(workers=workers, weeks=weeks))
    _print_weeks(*weeks)
    _print_comparison()


def _weeks(first: str | None, last: str | None) -> tuple[date, date]:
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.partitions import end_of_partitions, weekly
    from step3_assets.domain.core.weeks import parse_week, week_of

    store = open_store()
    walked = store.partitions("folds")
    if not walked:
        raise CommandFailed("no test month is stored yet: run `step3 run` first")
    earliest = weekly(walked[0]).start.date()
    try:
        start = parse_week(first) if first else earliest
        end = parse_week(last) if last else week_of(_last_bar(store))
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    bars, this_week = store.partitions("bar_features"), week_of(datetime.now(UTC).date())
    known = weekly(walked[0], end_of_partitions(bars[-1]) if bars else None)
    latest = min(this_week, date.fromisoformat(str(known.get_last_partition_key())))
    if not earliest <= start <= end <= latest:
        raise CommandFailed(
            f"weeks {start} to {end} are not within {earliest}, the first of the tested months, to "
            f"{latest}, {'this one' if latest == this_week else 'the last that the data allow'}"
        )
    return start, end


def _last_bar(store) -> date:
    months = store.partitions("bar_features")
    return store.read("bar_features", partitions=months[-1:], columns=["date"])["date"].max().date()


def _print_weeks(first: date, last: date) -> None:
    from rich.console import Console
    from rich.table import Table

    from step3_assets.cli.installation import open_store

    rows = open_store().read("recalibrations")
    rows = rows[(rows["week"] >= first) & (rows["week"] <= last)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("week", "first session", "base", "new", "labels", "checked on", "Brier new"):
        table.add_column(name, justify="right")
    for name in ("Brier in force", "reason", "in force"):
        table.add_column(name, justify="right" if name.startswith("Brier") else "left")
    for row in rows.to_dict("records"):
        own = row["in_force_week"] is None
        table.add_row(
            str(row["week"]),
            str(row["first_session"]),
            f"{row['base_month']:%Y-%m}{BASE_MARKS[row['base_source']]}",
            "" if row["new_week"] is None else f"of {row['new_week']}",
            f"{row['n_labels']:,}",
            str(row["n_check"]),
            _figure(row["brier_new"]),
            _figure(row["brier_incumbent"]),
            row["reason"].replace("_", " "),
            "the fold's own" if own else f"week {row['in_force_week']}",
        )
    Console(width=140).print(table)


def _figure(value: float) -> str:
    return "" if value != value else f"{value:.4f}"


def _print_comparison() -> None:
    from rich.console import Console
    from rich.table import Table

    from step3_assets.cli.installation import open_store
    from step3_assets.domain.report.recalibration_tables import ARM_NAMES

    rows = open_store().read("recalibration_comparison").sort_values("position")
    if rows.empty:
        click.echo("\nNo calendar month has all its weeks yet, so there is nothing to compare.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = ("Brier", "ECE", "log loss", "net bps", "trades", "end equity", "Calmar")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for row in rows.to_dict("records"):
        table.add_row(
            ARM_NAMES[row["method"]][row["arm"]],
            _figure(row["brier"]),
            _figure(row["ece"]),
            _figure(row["log_loss"]),
            "" if row["n_trades"] == 0 else f"{row['net_bps_mean']:.2f}",
            str(row["n_trades"]),
            f"{row['end_equity_usd']:,.0f}",
            f"{row['calmar']:.2f}",
        )
    of = rows.iloc[0]
    click.echo(
        f"\nDoes it help? {of['first_month']:%Y-%m} to {of['last_month']:%Y-%m}, {of['n_weeks']} "
        f"weeks, {of['n_labels']:,} final labels:"
    )
    Console(width=140).print(table)
