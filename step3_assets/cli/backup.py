"""``step3 backup`` and ``step3 restore``: a checked copy of the installation, and the way back.

Belongs here: arguments and words. Does not belong here: copying and checking
(:mod:`step3_assets.storage.backup`).
"""

from pathlib import Path

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.zip|DIR",
    help="New zip file or new folder; inside an existing folder, step3_<UTC time>.",
)
@click.option("--with-dagster", is_flag=True, help="Also runs, events and schedules' state.")
def backup(out: Path, with_dagster: bool) -> None:
    """Copy the installation, as it is at one moment, with a hash of everything.

    The copy holds every table, the model registry among them, step3.toml and the search's journal.
    Runs and the UI may go on meanwhile: writers wait for the seconds that the tables take to copy.
    Left out is what can be made again: report, logs, the search's forecasts. The delivery is not
    part of it.

    Nothing is overwritten, and the name appears only when the copy is whole.

    \b
    Examples:
        step3 backup --out /backups/step3.zip
        step3 backup --out /backups                 # a new folder in it, named by the time
        step3 backup --out before_upgrade --with-dagster
    """
    from datetime import UTC, datetime

    from rich.console import Console

    from step3_assets.cli.installation import open_store
    from step3_assets.cli.progress import BarProgress
    from step3_assets.storage.backup import make_backup

    if out.is_dir():
        out = out / f"step3_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    store = open_store()
    with BarProgress(Console(stderr=True)).share("backup") as report:
        manifest = make_backup(store, out, has_dagster=with_dagster, progress=report)
    size = sum(p.stat().st_size for p in ([out] if out.is_file() else out.rglob("*")))
    click.echo(
        f"{out}: {len(manifest.tables)} tables and {len(manifest.files)} other files, "
        f"{size / 1e6:.1f} MB"
    )
    click.echo(f"back again with: step3 restore --from {out}")


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE.zip|DIR",
    help="What `step3 backup` wrote.",
)
@click.option("--yes", is_flag=True, help="Replace what the home holds; it is kept aside.")
def restore(source: Path, yes: bool) -> None:
    """Put a backup in the place of what STEP3_HOME holds.

    The backup is checked whole first: every file's SHA-256, every table's content hash. A damaged
    one is refused and nothing is touched. What it replaces is kept under STEP3_HOME/replaced, and
    nothing is replaced without --yes. Stop runs first: one that goes on would write its next months
    into the restored tables.

    \b
    Examples:
        step3 restore --from /backups/step3.zip             # onto an empty home
        step3 restore --from /backups/step3.zip --yes       # in the place of what is there
        STEP3_HOME=/tmp/look step3 restore --from DIR       # look at it beside
    """
    from rich.console import Console

    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.resources import home_folder
    from step3_assets.storage.backup import DATABASE, read_manifest, restore_backup

    home = home_folder()
    manifest = read_manifest(source)
    if (home / DATABASE).exists() and not yes:
        raise CommandFailed(
            f"{home} holds tables already: add --yes to replace them with those of "
            f"{manifest.created_utc} (they are kept under {home / 'replaced'})"
        )
    with BarProgress(Console(stderr=True)).share("restore") as report:
        manifest, kept = restore_backup(source, home, progress=report)
    click.echo(f"{home}: the tables of {manifest.created_utc}, every hash checked")
    if kept is not None:
        click.echo(f"what was there before: {kept}")
