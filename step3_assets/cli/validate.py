"""``step3 validate``: the definitions load, name no unknown asset, and warn of nothing deprecated.

Belongs here: what ``dagster definitions validate`` does, plus what it misses.
"""

import os
import subprocess
import sys
import tempfile

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
def validate() -> None:
    """Load every definition in a throw-away home; fail on any deprecation warning."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "DAGSTER_HOME": home,
            "STEP3_HOME": home,
            "PYTHONWARNINGS": "error::DeprecationWarning:step3_assets",
        }
        command = [
            sys.executable, "-m", "dagster", "definitions", "validate",
            "-w", "workspace.yaml",
        ]  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    click.echo(output.strip())
    if done.returncode != 0:
        raise CommandFailed("the definitions do not load")
    if "Deprecat" in output or "Superseded" in output:
        raise CommandFailed("the definitions use something deprecated; see the lines above")
