"""Resources: where this installation lives, how it is set, and how it shows progress.

Belongs here: the only reading of the environment and of ``step3.toml``. Does not belong here:
anything computed from data.
"""

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field, ValidationError

from step3_assets.config import ComputeConfig, FreshnessConfig, Frozen, NotifyConfig, Step3Config
from step3_assets.domain.core.parallel import Place
from step3_assets.storage.store import Store

SETTINGS_FILE = "step3.toml"
REGISTRY_FILE = "step3_model_registry.json"
DEFAULT_FIRST_MONTH = date(2016, 2, 1)


class SettingsError(ValueError):
    """``step3.toml`` or the environment cannot be used; the message says which key and why."""


class SettingsFile(Frozen):
    """The keys of ``step3.toml``; a key that is not here is refused."""

    delivery: str | None = Field(default=None, description="Folder of the Step 2 delivery.")
    workers: int | None = Field(default=None, ge=1, le=256, description="Processes for training.")
    notify: NotifyConfig = NotifyConfig()
    freshness: FreshnessConfig = FreshnessConfig()
    compute: ComputeConfig = ComputeConfig()
    config: Step3Config = Step3Config()


@dataclass(frozen=True)
class Settings:
    """What one installation is set to.

    Attributes
    ----------
    home : Path
        Everything a run writes lies under it (``STEP3_HOME``).
    delivery : Path or None
        Folder of the Step 2 delivery (``STEP3_DELIVERY`` or ``delivery`` in ``step3.toml``).
    workers : int
        Processes that train months side by side.
    config : Step3Config
    notify : NotifyConfig
    freshness : FreshnessConfig
    compute : ComputeConfig
        Where the heavy work runs.
    """

    home: Path
    delivery: Path | None
    workers: int
    config: Step3Config
    notify: NotifyConfig = field(default_factory=NotifyConfig)
    freshness: FreshnessConfig = field(default_factory=FreshnessConfig)
    compute: ComputeConfig = field(default_factory=ComputeConfig)

    @property
    def place(self) -> Place:
        """Where months, trials and worlds are computed."""
        return self.place_of(None)

    def place_of(self, workers: int | None) -> Place:
        """As :attr:`place`, with the number of processes that a person asked for."""
        return Place(workers or self.workers, self.compute)

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.home / "step3.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Runs, events and schedules."""
        return self.home / "dagster"

    @property
    def search_dir(self) -> Path:
        """Optuna's journal and the cache of inner forecasts."""
        return self.home / "search"

    @property
    def registry_file(self) -> Path:
        """The model registry as JSON."""
        return self.home / REGISTRY_FILE

    @property
    def report_dir(self) -> Path:
        """The report and its plots."""
        return self.home / "report"


def home_folder() -> Path:
    """``STEP3_HOME``, or ``data`` in the current folder."""
    text = os.environ.get("STEP3_HOME")
    return Path(text).resolve() if text else (Path.cwd() / "data").resolve()


def load_settings(home: Path | None = None) -> Settings:
    """Read ``step3.toml`` under the home and the environment over it.

    Raises
    ------
    SettingsError
        If the file is no TOML, or holds an unknown key or a value out of range.
    """
    home = home or home_folder()
    path = home / SETTINGS_FILE
    try:
        raw = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
        parsed = SettingsFile.model_validate(raw)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 at byte {error.start}") from None
    except ValidationError as error:
        raise SettingsError(f"{path}: {refused_keys(error)}") from None
    delivery = os.environ.get("STEP3_DELIVERY") or parsed.delivery
    return Settings(
        home=home,
        delivery=(home / delivery).resolve() if delivery else None,
        workers=parsed.workers or max(1, os.cpu_count() or 1),
        config=parsed.config,
        notify=parsed.notify,
        freshness=parsed.freshness,
        compute=parsed.compute,
    )


def refused_keys(error: ValidationError) -> str:
    """Each refused key of ``step3.toml`` and why; a value only where it is a number or a flag.

    Texts are never repeated: one may be a secret, under whichever key a person wrote it.

    Examples
    --------
    >>> try:
    ...     SettingsFile.model_validate({"workers": 0, "notify": {"webhook": {"url": "a:b@c"}}})
    ... except ValidationError as error:
    ...     print(refused_keys(error))
    2 keys are refused:
      workers: Input should be greater than or equal to 1 (it is 0)
      notify.webhook: url carries a user or a query: put it in a variable, name it url_env
    """
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        key = ".".join(str(part) for part in problem["loc"])
        value = problem["input"]
        is_shown = isinstance(value, bool | int | float) and not key.startswith("notify")
        shown = f" (it is {value})" if is_shown else ""
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{key}: {message}{shown}" if key else f"{message}{shown}")
    if len(lines) == 1:
        return lines[0]
    return "\n  ".join([f"{len(lines)} keys are refused:", *lines])


def secret(variable: str) -> str:
    """A secret from the environment.

    Raises
    ------
    SettingsError
        If the variable is not set; the message names it and never a value.
    """
    value = os.environ.get(variable)
    if not value:
        raise SettingsError(f"the environment variable {variable} is not set")
    return value


class ProgressResource:
    """Shows how far a long step is; this base only counts.

    The command line puts a bar in its place; in the UI the run's log carries the lines.
    """

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Yield a function that advances the step by a number of units."""
        log = dg.get_dagster_logger("step3")
        done, shown = 0, 0

        def advance(count: int = 1) -> None:
            nonlocal done, shown
            done += count
            if total >= 10 and done * 4 // total > shown:
                shown = done * 4 // total
                log.info(f"{label}: {done} of {total}")

        yield advance

    @contextmanager
    def whole(self, label: str) -> Iterator[None]:
        """As :meth:`track`, for work that is done in one piece."""
        with self.track(label, 1) as advance:
            yield
            advance(1)

    @contextmanager
    def share(self, label: str) -> Iterator[Callable[[str, float], None]]:
        """As :meth:`track`, for work that reports its stage and the share done, 0 to 1."""
        with self.track(label, 100) as advance:
            done = 0

            def report(_stage: str, share: float) -> None:
                nonlocal done
                step = int(share * 100) - done
                if step > 0:
                    advance(step)
                    done += step

            yield report
            report("done", 1.0)

    @contextmanager
    def track_best(self, label: str, total: int) -> Iterator[Callable[[int, float], None]]:
        """As :meth:`track`, for a search; `advance` also takes the best value so far."""
        log = dg.get_dagster_logger("step3")
        done = 0

        def advance(count: int, best: float) -> None:
            nonlocal done
            done += count
            if count:
                log.info(f"{label}: {done} of {total}, best {best:.3f}")

        yield advance


class PlatformResource(dg.ConfigurableResource):
    """One installation: its home folder, from which settings and store follow."""

    home: str
    workers: int | None = None
    accept_withdrawal: bool = False  # of the delivery ingested next: what it no longer holds goes

    def settings(self) -> Settings:
        """Read the settings afresh, so that a change needs no restart."""
        settings = load_settings(Path(self.home))
        return replace(settings, workers=self.workers) if self.workers else settings

    def store(self) -> Store:
        """Open the store, its tables created."""
        store = Store(self.settings().database)
        store.ensure_tables()
        return store
