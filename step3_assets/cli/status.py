"""Verbs that look: what is stored, and the report.

Belongs here: reading the store and printing. Nothing here changes a table but ``report``, which
materializes the report's asset.
"""

from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import dagster as dg

    from step3_assets.defs.resources import Settings

SHOWN_RUNS = 5


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
    from step3_assets.defs.resources import load_settings
    from step3_assets.domain.core.months import month_label
    from step3_assets.storage.maintenance import sizes

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
    size = sizes(settings.database, settings.dagster_home, settings.search_dir, settings.report_dir)
    console.print(f"on disk   {size.text} (step3 maintain)", markup=False, soft_wrap=True)
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
    for name, description in TABLES.items():
        counts = store.count_by_partition(name) if description.partition else {}
        rows = sum(counts.values()) if description.partition else len(store.read(name))
        months = sorted(counts)
        label = description.partition_dates.label
        span = [str(len(months)), label(months[0]), label(months[-1])] if months else []
        cells = [name, f"{rows:,}", *(span or ["", "", ""])]
        table.add_row(*cells, *([store.table_hash(name)[:16]] if hashes else []))
    console.print(table)
    if text := verdict_in_force(store, settings.config):
        console.print(f"\n[bold]{escape(text)}[/]", soft_wrap=True)
        console.print(
            f"report    {settings.report_dir / 'step3_report.html'}", markup=False, soft_wrap=True
        )


def _automation(settings: "Settings") -> list[str]:
    """The last message of the delivery sensor, every failed tick, and every run that failed since.

    Dagster opens its own files for writing even to read them. Where they are read-only, the line
    says so, and the rest of the status is shown all the same.
    """
    from step3_assets.cli.failures import disk_trouble
    from step3_assets.cli.installation import dagster_instance
    from step3_assets.defs.automation_ticks import last_ticks
    from step3_assets.defs.failed_runs import standing_failures

    if not (settings.dagster_home / "schedules").is_dir():
        return []
    try:
        with dagster_instance(settings) as instance:
            message, ticks = _sensor_message(instance), last_ticks(instance)
            runs = standing_failures(instance)
    except Exception as error:
        if trouble := disk_trouble(error):
            return [f"sensor    not known: {trouble}"]
        raise
    failed = [_failure(tick.name, "last tick", tick.at, tick.error) for tick in ticks if tick.error]
    for run in runs[:SHOWN_RUNS]:
        months = f" {run.months}" if run.months else ""
        failed.append(_failure(f"{run.job}{months}", f"run {run.run_id[:8]}", run.at, run.error))
    if len(runs) > SHOWN_RUNS:
        failed.append(f"FAILED    {len(runs) - SHOWN_RUNS} more runs; `step3 ui` lists them")
    return [*([f"sensor    {message}"] if message else []), *failed]


def _failure(name: str, what: str, at: datetime, error: str) -> str:
    from step3_assets.defs.notifier import one_line

    return f"FAILED    {name}: {what} {at:%Y-%m-%d %H:%M} UTC: {one_line(error)}"


def _sensor_message(instance: "dg.DagsterInstance") -> str:
    """What the delivery sensor reported last; empty where it has never run."""
    from step3_assets.defs.delivery.plan import read_cursor
    from step3_assets.defs.delivery.sensor import SENSOR

    states = [s for s in instance.all_instigator_state() if s.name == SENSOR]
    if not states:
        return ""
    cursor = read_cursor(getattr(states[0].instigator_data, "cursor", None))
    report = (
        f"{cursor.message_at}: {cursor.message}" if cursor.message else "has read no delivery yet"
    )
    waits = f"; waiting: {cursor.waiting.reason}" if cursor.waiting else ""
    return f"{'on' if states[0].is_running else 'off'}; {report}{waits}"


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
