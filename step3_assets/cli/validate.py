"""``step3 validate``: the definitions load, name no unknown asset, and use nothing deprecated.

Belongs here: ``dagster definitions validate``, and further checks that it does not make.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
def validate() -> None:
    """Load every definition in a temporary home; fail on any deprecation warning."""
    from step3_assets.cli.installation import DAGSTER_YAML
    from step3_assets.cli.ui import WORKSPACE_YAML

    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "dagster.yaml").write_text(DAGSTER_YAML)
        workspace = Path(home) / "workspace.yaml"
        workspace.write_text(WORKSPACE_YAML)
        environment = {
            **os.environ,
            "DAGSTER_HOME": home,
            "STEP3_HOME": home,
            "PYTHONWARNINGS": "default",
        }
        command = [
            sys.executable, "-m", "dagster", "definitions", "validate",
            "-w", str(workspace),
        ]  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    click.echo(output.strip())
    if done.returncode != 0:
        raise CommandFailed("the definitions do not load")
    if warned := deprecations(output):
        raise CommandFailed("the definitions use something deprecated:\n" + "\n".join(warned))


def deprecations(output: str) -> list[str]:
    """Lines that warn of something deprecated or superseded in the definitions.

    Dagster marks its own ``definitions validate`` as superseded; that line is left out.
    """
    words = ("DeprecationWarning", "SupersessionWarning", "FutureWarning")
    return [
        line
        for line in output.splitlines()
        if any(word in line for word in words) and "definitions_validate_command" not in line
    ]
