"""The home folder of an installation: creating it, setting its delivery, opening its instance.

Belongs here: the home folder's files. Does not belong here: what the settings mean
(:mod:`step3_assets.defs.settings`).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from step3_assets.cli.failures import CommandFailed
from step3_assets.defs.settings import SETTINGS_FILE, Settings, load_settings

if TYPE_CHECKING:
    import dagster as dg

    from step3_assets.storage.store import Store

PRIVATE = 0o077  # permissions of anyone but the owner
# A verb prints to its own terminal. Capturing that for the UI takes two more processes a step,
# which print a traceback on Ctrl-C.
NO_COMPUTE_LOGS = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
DAGSTER_YAML = """\
# Written once by step3; edit freely.
telemetry:
  enabled: false
nux:
  enabled: false
event_log_storage:
  module: step3_assets.defs.event_log
  class: OpenEventLog
  config:
    home:
      env: DAGSTER_HOME
run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 4
    dequeue_interval_seconds: 1
run_monitoring:
  enabled: true
  poll_interval_seconds: 20
run_retries:
  enabled: false
sensors:
  use_threads: true
  num_workers: 2
schedules:
  use_threads: true
  num_workers: 2
"""


def prepare_home() -> Settings:
    """Create the home where it is missing, its owner's alone, and read the settings."""
    settings = load_settings()
    os.umask(PRIVATE)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    make_private(settings.home)
    config = settings.dagster_home / "dagster.yaml"
    if not config.exists():
        config.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["STEP3_HOME"] = str(settings.home)
    return load_settings()


def make_private(home: Path) -> None:
    """Make the home readable by its owner only: folders 0700, files 0600.

    A link is left as it is, and so is what belongs to somebody else.
    """
    for folder, folders, files in os.walk(home, topdown=False):
        for name in (*folders, *files):
            _close_to_others(Path(folder, name))
    _close_to_others(home)


def _close_to_others(path: Path) -> None:
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & PRIVATE:
            path.chmod(stat.S_IMODE(mode) & ~PRIVATE)


def _note_delivery(path: Path, delivery: Path) -> None:
    import tomlkit

    document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
    if document.get("delivery") == str(delivery):
        return
    document["delivery"] = str(delivery)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(tomlkit.dumps(document), "utf-8")
    partial.replace(path)


def remember_delivery(settings: Settings, delivery: Path) -> None:
    """Write an accepted delivery to ``step3.toml``; later verbs of this process use it too.

    The environment takes precedence over the file, so the variable is updated where it is set.
    """
    _note_delivery(settings.home / SETTINGS_FILE, delivery.resolve())
    if os.environ.get("STEP3_DELIVERY"):
        os.environ["STEP3_DELIVERY"] = str(delivery.resolve())


@contextmanager
def dagster_instance(settings: Settings) -> "Iterator[dg.DagsterInstance]":
    """The installation's Dagster instance; its storage is created under a lock, once.

    Without the lock, several processes that start on a new home would make one another crash. Runs
    whose process was killed are closed as failed first.
    """
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    from step3_assets.cli.dead_runs import close_dead_runs

    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)  # which dagster.yaml names
    with FileLock(settings.dagster_home / ".created.lock", timeout=120):
        reference = InstanceRef.from_dir(str(settings.dagster_home), overrides=NO_COMPUTE_LOGS)
        instance = dg.DagsterInstance.from_ref(reference)
        instance.get_runs_count()
    with instance:
        close_dead_runs(instance)
        yield instance


def open_store() -> "Store":
    """The installation's store.

    Raises
    ------
    CommandFailed
        If nothing was ever stored here.
    """
    from step3_assets.storage.store import Store

    settings = load_settings()
    if not settings.database.exists():
        raise CommandFailed(
            f"nothing is stored under {settings.home} yet: "
            "`step3 demo` or `step3 run --delivery DIR`"
        )
    store = Store(settings.database)
    store.ensure_tables()
    return store
