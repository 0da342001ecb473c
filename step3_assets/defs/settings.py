"""What this installation is set to: its home, ``step3.toml``, the environment.

Belongs here: the only reading of the environment and of ``step3.toml``. Does not belong here: what
a setting means (:mod:`step3_assets.config`), Dagster: ``step3 status`` reads settings without it.
"""

import os
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from step3_assets.config import ComputeConfig, FreshnessConfig, Frozen, NotifyConfig, Step3Config
from step3_assets.domain.core.parallel import Place

if TYPE_CHECKING:
    from step3_assets.storage.maintenance import Sizes

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

    @property
    def sizes(self) -> "Sizes":
        """What the parts of the home weigh."""
        from step3_assets.storage.maintenance import sizes

        return sizes(self.database, self.dagster_home, self.search_dir, self.report_dir)


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
      notify.webhook: url holds a user or a query: put it in a variable, name it url_env
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
