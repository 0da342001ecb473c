"""Dagster's servers behind the guard; run with ``python -m`` and the servers' own options.

Belongs here: installing the guard, in both kinds of server process. Does not belong here: the rules
(:mod:`step3_assets.cli.loopback_guard`), the options (:mod:`step3_assets.cli.ui`).

``dev`` runs what ``dagster dev`` runs; it starts its web server as ``webserver``, which is
Dagster's web server with its application wrapped. Both replace one name in a module of Dagster,
whose version is pinned. If that name is missing, nothing is started.
"""

import sys
from collections.abc import Sequence
from typing import Any

from step3_assets.cli.loopback_guard import LoopbackGuard, Served

MAKES_APP = "create_app_from_workspace_process_context"
STARTS_PROCESS = "open_ipc_subprocess"
PLAIN = "dagster_webserver"
GUARDED = ("step3_assets.cli.guarded_servers", "webserver")


def webserver(arguments: Sequence[str]) -> None:
    """Dagster's web server behind the guard."""
    from dagster_webserver import cli

    served = served_of(arguments)
    create = getattr(cli, MAKES_APP)

    def create_guarded(*args: Any, **kwargs: Any) -> LoopbackGuard:
        return LoopbackGuard(create(*args, **kwargs), served)

    setattr(cli, MAKES_APP, create_guarded)
    cli.cli(list(arguments), auto_envvar_prefix="DAGSTER_WEBSERVER")


def dev(arguments: Sequence[str]) -> None:
    """What ``dagster dev`` runs, with the guarded web server in place of the plain one."""
    from dagster._cli import dev as dagster_dev

    start = getattr(dagster_dev, STARTS_PROCESS)

    def start_guarded(command: Sequence[str], **kwargs: Any) -> Any:
        return start(guarded(command), **kwargs)

    setattr(dagster_dev, STARTS_PROCESS, start_guarded)
    dagster_dev.dev_command(list(arguments), auto_envvar_prefix="DAGSTER_DEV")


def guarded(command: Sequence[str]) -> list[str]:
    """The command of a subprocess of ``dagster dev``, its web server guarded.

    Examples
    --------
    >>> guarded(["python", "-m", "dagster_webserver", "--port", "3000"])[2:4]
    ['step3_assets.cli.guarded_servers', 'webserver']
    """
    if list(command[1:3]) == ["-m", PLAIN]:
        return [command[0], "-m", *GUARDED, *command[3:]]
    if PLAIN in command:
        raise RuntimeError(f"the web server is started in an unknown way: {command[:4]}")
    return list(command)


def served_of(arguments: Sequence[str]) -> Served:
    """The address that a command line names.

    Examples
    --------
    >>> served_of(["--host", "127.0.0.1", "--port", "3000"])
    Served(host='127.0.0.1', port=3000)
    """
    named = {name: arguments[list(arguments).index(name) + 1] for name in ("--host", "--port")}
    return Served(named["--host"], int(named["--port"]))


if __name__ == "__main__":
    {"dev": dev, "webserver": webserver}[sys.argv[1]](sys.argv[2:])
