"""``step3 backup`` and ``step3 restore``: copy the installation, and restore a copy.

Belongs here: arguments and printed text. Does not belong here: copying and checking
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
@click.option(
    "--with-dagster",
    is_flag=True,
    help="Also copy the run history and the state of sensors and schedules.",
)
def backup(out: Path, with_dagster: bool) -> None:
    """Copy the whole installation at one moment, with a checksum of every file and table.

    The copy holds every table (the model registry too), step3.toml and the journal of the search.
    Runs and the UI may continue meanwhile: writers wait for the few seconds in which the tables are
    copied. The report, the logs and the forecasts of the search are left out, because they can be
    made again. The delivery is not part of the copy.

    Nothing is overwritten. The file or folder appears under its name only when it is complete.

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
    click.echo(f"restore it with: step3 restore --from {out}")


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE.zip|DIR",
    help="The file or folder that `step3 backup` wrote.",
)
@click.option(
    "--yes",
    is_flag=True,
    help="Replace the tables in STEP3_HOME; they are kept under STEP3_HOME/replaced.",
)
def restore(source: Path, yes: bool) -> None:
    """Replace the contents of STEP3_HOME by a backup.

    The whole backup is checked first: the SHA-256 of every file and the content hash of every
    table. A damaged backup is refused and nothing changes. Existing tables are replaced only with
    --yes, and are then kept under STEP3_HOME/replaced. Stop all runs first: a run that continues
    would write its next months into the restored tables.

    \b
    Examples:
        step3 restore --from /backups/step3.zip             # into an empty home
        step3 restore --from /backups/step3.zip --yes       # replace what is there
        STEP3_HOME=/tmp/look step3 restore --from DIR       # look at it in another home
    """
    from rich.console import Console

    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.settings import home_folder
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
        click.echo(f"replaced tables are kept in {kept}")
