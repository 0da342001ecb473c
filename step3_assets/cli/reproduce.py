"""``step3 reproduce``: train a fold again and compare the models bit by bit.

Belongs here: reading the inputs of the fold, the printed table, the exit status. Does not belong
here: the comparison (:mod:`step3_assets.domain.registry.reproduction`).
"""

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
@click.argument("fold", metavar="FOLD")
def reproduce(fold: str) -> None:
    """Train FOLD (a test month, such as 2023-12) again and compare every bit.

    Builds the fold from the stored events and bars, trains its models with the current settings,
    and compares the hash of its rows and of every model with the registry and with the stored
    models. Writes nothing.

    The exit status is 0 when all are the same, 1 otherwise. Then the possible causes are listed:
    restated data, other settings, other code or libraries, or a stored model that was altered.

    \b
    Examples:
        step3 reproduce 2023-12
        step3 reproduce 2023-12 || step3 registry show 2023-12
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.cli.installation import open_store
    from step3_assets.defs.partitions import look_back
    from step3_assets.defs.registry.registry_store import current_provenance, read_registry
    from step3_assets.defs.settings import load_settings
    from step3_assets.domain.core.months import month_label, month_range, parse_month
    from step3_assets.domain.registry.reproduction import reproduce as reproduce_fold
    from step3_assets.domain.registry.stages import standing_fold

    try:
        month = parse_month(fold)
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    store = open_store()
    row = standing_fold(read_registry(store), month)
    if row is None:
        raise CommandFailed(
            f"the fold of {month_label(month)} is not registered; `step3 registry list` shows "
            "those that are, `step3 run` makes and registers them"
        )
    console = Console()
    with Console(stderr=True).status(f"training {row['model_id']} again"):
        window = month_range(look_back(month), month)
        made = reproduce_fold(
            row,
            store.read("calibrated_models", partitions=[month]),
            store.read("events", partitions=window),
            store.read("bar_features", partitions=window),
            current_provenance(store, load_settings().config),
        )
    table = Table(box=None, pad_edge=False)
    for name in ("", "artefact", "registered", "stored", "made again"):
        table.add_column(name, no_wrap=True)
    for line in made.table.to_dict("records"):
        mark = "[green]same[/]" if line["is_same"] else "[red]DIFFERS[/]"
        hashes = [line[name][:16] for name in ("recorded", "stored", "made_again")]
        table.add_row(mark, escape(line["artefact"]), *hashes)
    console.print(table)
    if made.is_same:
        console.print(f"\n[bold]{row['model_id']} is reproduced, every bit.[/]")
        return
    console.print(f"\n[bold]{row['model_id']} is not reproduced.[/]")
    for cause in made.causes:
        console.print(f"  {escape(cause)}", soft_wrap=True)
    raise SystemExit(1)
