"""``step3 status`` and ``step3 report``: what is stored, and the report.

Belongs here: reading the store and printing. Only ``report`` changes a table: it materializes the
report's asset.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from step3_assets.defs.settings import Settings

SHOWN_RUNS = 5
ERROR_LENGTH = 400


@click.command()
@click.option("--hashes", is_flag=True, help="Also each table's content hash, shortened.")
def status(hashes: bool) -> None:
    """Show what is stored: the delivery in force, each table's months and rows, the verdict."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.catalogue import TABLES
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import verdict_in_force
    from step3_assets.defs.settings import load_settings
    from step3_assets.domain.core.months import month_label

    settings, store = load_settings(), open_store()
    console = Console()
    console.print(f"home      {settings.home}", markup=False, soft_wrap=True)
    console.print(f"delivery  {settings.delivery or 'none set'}", markup=False, soft_wrap=True)
    datasets = store.read("datasets")
    if len(datasets):
        row = datasets.sort_values("position").iloc[-1]
        kind = "SYNTHETIC" if row["is_synthetic"] else "delivered"
        console.print(
            f"dataset   {row['dataset_version']} ({kind}; {row['symbols']}; "
            f"{month_label(row['first_month'])} to {month_label(row['last_month'])})"
        )
    console.print(f"on disk   {settings.sizes.text} (step3 maintain)", markup=False, soft_wrap=True)
    for line in _automation(settings):
        console.print(line, soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False)
    columns = [
        "table",
        "rows",
        "partitions",
        "first",
        "last",
        *(["content hash"] if hashes else []),
    ]
    for column in columns:
        table.add_column(column, justify="right" if column in ("rows", "partitions") else "left")
    stored = store.row_counts()
    for name, description in TABLES.items():
        counts = {part: n for part, n in stored.get(name, {}).items() if n}
        months = sorted(part for part in counts if part is not None)
        label = description.partition_dates.label
        span = [str(len(months)), label(months[0]), label(months[-1])] if months else []
        cells = [name, f"{sum(counts.values()):,}", *(span or ["", "", ""])]
        table.add_row(*cells, *([store.table_hash(name)[:16]] if hashes else []))
    console.print(table)
    if text := verdict_in_force(store, settings.config):
        console.print(f"\n[bold]{escape(text)}[/]", soft_wrap=True)
        console.print(
            f"report    {settings.report_dir / 'step3_report.html'}", markup=False, soft_wrap=True
        )


def _automation(settings: "Settings") -> list[str]:
    """The last message of the delivery sensor, every failed tick, and every run that failed since.

    Where Dagster's files cannot be read, the line says so, and the rest of the status is shown all
    the same.
    """
    from step3_assets.defs.run_log import RunLogError, failed_ticks, standing_failures

    folder = settings.dagster_home
    if not (folder / "schedules").is_dir():
        return []
    lines = []
    try:
        lines += [f"sensor    {text}" for text in _sensor_message(folder)]
        ticks, runs = failed_ticks(folder), standing_failures(folder)
    except RunLogError as error:
        return [*lines, f"sensor    not known: {error}"]
    lines += [_failure(tick.name, "last tick", tick.at, tick.error) for tick in ticks]
    for run in runs[:SHOWN_RUNS]:
        months = f" {run.months}" if run.months else ""
        lines.append(_failure(f"{run.job}{months}", f"run {run.run_id[:8]}", run.at, run.error))
    if len(runs) > SHOWN_RUNS:
        lines.append(f"FAILED    {len(runs) - SHOWN_RUNS} more runs; `step3 ui` lists them")
    return lines


def _failure(name: str, what: str, at: datetime, error: str) -> str:
    text = " ".join(error.split())
    text = text if len(text) <= ERROR_LENGTH else f"{text[:ERROR_LENGTH]} ..."
    return f"FAILED    {name}: {what} {at:%Y-%m-%d %H:%M} UTC: {text}"


def _sensor_message(folder: Path) -> list[str]:
    """What the delivery sensor reported last; nothing where it has never been on."""
    from step3_assets.defs.run_log import delivery_sensor

    sensor = delivery_sensor(folder)
    if sensor is None:
        return []
    report = (
        f"{sensor.message_at}: {sensor.message}" if sensor.message else "has read no delivery yet"
    )
    waits = f"; waiting: {sensor.waiting}" if sensor.waiting else ""
    return [f"{'on' if sensor.is_on else 'off'}; {report}{waits}"]


@click.command()
def report() -> None:
    """Write the report again from what is stored, and print where it is.

    Nothing is computed again: `step3 run` does that for what has changed.
    """
    from step3_assets.cli.installation import open_store
    from step3_assets.cli.running import launch, print_verdict
    from step3_assets.cli.steps import Step

    open_store()
    launch([Step("results", "whole", ["step3_report"])])
    print_verdict()
