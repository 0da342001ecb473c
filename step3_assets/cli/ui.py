"""``step3 ui``: the Dagster web server and daemon on this installation, on loopback.

Belongs here: starting and stopping the servers. Does not belong here: which requests reach the web
server (:mod:`step3_assets.cli.loopback_guard`).
"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.loopback_guard import is_loopback
from step3_assets.cli.values import PORT

if TYPE_CHECKING:
    from step3_assets.defs.settings import Settings

# The code location has the same name here as in the repository's own workspace.yaml, so that runs
# and schedules belong to the same one however the UI was started.
WORKSPACE_YAML = """\
# Written by `step3 ui` each time it starts.
load_from:
  - python_module:
      module_name: step3_assets.definitions
      location_name: step3_assets
"""


@click.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port to listen on.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Anyone who can reach it can launch runs: keep it on loopback.",
)
@click.option(
    "--read-only",
    is_flag=True,
    help="Read only: nobody can launch a run or change a sensor or schedule; no daemon.",
)
@click.option(
    "--delivery",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the Step 2 delivery; remembered in step3.toml once it is accepted.",
)
def ui(port: int, host: str, read_only: bool, delivery: Path | None) -> None:
    """Open the Dagster UI: the asset graph, runs, checks, plots, backfills.

    Starts the web server and the daemon, and stops both on Ctrl-C. In the UI, click an asset to
    materialize a month, or start a backfill over a range of months.

    \b
    Examples:
        step3 ui
        step3 ui --read-only --port 3001     # a second one, for people who only look
    """
    from filelock import FileLock, Timeout

    from step3_assets.cli.installation import dagster_instance, prepare_home
    from step3_assets.storage.backup import UI_LOCK

    if read_only and delivery is not None:
        raise CommandFailed("--read-only changes nothing: leave --delivery out")
    settings = prepare_home()
    with dagster_instance(settings):
        pass
    with socket.socket() as probe:
        if probe.connect_ex((host, port)) == 0:
            raise CommandFailed(f"port {port} is taken; choose another with --port")
    if not is_loopback(host):
        click.echo(
            f"{host} is not the loopback address, and there is no password: anyone who reaches "
            "it can "
            + (
                "read everything"
                if read_only
                else "launch runs (--read-only keeps them to looking)"
            ),
            err=True,
        )
    servers = FileLock(settings.home / UI_LOCK)
    if not read_only:
        try:
            servers.acquire(timeout=0)
        except Timeout as error:
            raise CommandFailed(
                f"`step3 ui` runs on {settings.home} already, with its daemon; a second one may "
                "only look: step3 ui --read-only --port N"
            ) from error
    try:
        if delivery is not None:
            _accept(settings, delivery)
        _serve(settings, host, port, read_only)
    finally:
        servers.release()


def _accept(settings: "Settings", folder: Path) -> None:
    """Remember a delivery, as ``step3 run`` does: once the door has accepted it."""
    from rich.console import Console

    from step3_assets.cli.door import Given, refuse_invalid, refuse_too_short
    from step3_assets.cli.installation import remember_delivery
    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.partitions import partitions_for
    from step3_assets.domain.delivery import probe_months

    given = Given(folder).settings(settings)
    assert given.delivery is not None
    refuse_invalid(given.delivery, given.database, BarProgress(Console(stderr=True)), False)
    first, last, _ = probe_months(given.delivery)
    refuse_too_short(first, last, partitions_for(given).first_test_month)
    remember_delivery(settings, given.delivery)


def server_command(workspace: Path, host: str, port: int, read_only: bool) -> list[str]:
    """The guarded command: web server and daemon, or a read-only web server alone."""
    part = ["webserver", "--read-only"] if read_only else ["dev"]
    return [
        sys.executable, "-m", "step3_assets.cli.guarded_servers", *part,
        "--workspace", str(workspace),
        "--host", host, "--port", str(port), "--log-level", "warning",
    ]  # fmt: skip


def _serve(settings: "Settings", host: str, port: int, read_only: bool) -> None:
    workspace = settings.dagster_home / "workspace.yaml"
    workspace.write_text(WORKSPACE_YAML, "utf-8")
    command = server_command(workspace, host, port, read_only)
    environment = {
        **os.environ,
        "PYTHONWARNINGS": "ignore",
        "DAGSTER_HOME": str(settings.dagster_home),
        "STEP3_HOME": str(settings.home),
    }
    click.echo(f"http://{host}:{port}  (ready in about 20 s; Ctrl-C stops it)")
    log = settings.dagster_home / ("ui_read_only.log" if read_only else "ui.log")
    click.echo(f"servers and runs write to {log}")
    status = _supervise(command, environment, log)
    if not log.exists():
        raise CommandFailed(
            f"{settings.dagster_home} was deleted while the servers used it: they are stopped. No "
            "table is lost, the history of runs is; start `step3 ui` again"
        )
    if status:
        raise CommandFailed(f"the servers stopped with status {status}:\n{_last_lines(log)}")


def _last_lines(log: Path, count: int = 15) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-count:])


def _supervise(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run the servers; pass an interrupt or a termination on to them as an interrupt.

    The servers are also stopped when their log file is gone, which means that the folder of their
    history was deleted: they would continue with deleted files and lose everything they record.
    (Checking the folder itself is not enough: a server recreates parts of it at once.)

    The handlers are set before the child starts: a background job of a shell ignores interrupts,
    and a child would inherit that and never stop.
    """
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.Popen(
            command,
            env=environment,
            start_new_session=True,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    while child.poll() is None:
        try:
            child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            if stopping or not log.exists():
                os.killpg(child.pid, signal.SIGINT)
                return _wait_or_kill(child)
    return 0 if stopping else child.returncode


def _wait_or_kill(child: subprocess.Popen) -> int:
    try:
        child.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
    return 0
