"""Settings of plugins: numbers that a person may set, declared by the plugin that reads them.

Belongs here: the record of a setting, its search bounds, combining the settings of plugins.
Does not belong here: a setting of any plugin, reading values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Bounds:
    """Closed range of a searched setting, with the reason for it."""

    low: float
    high: float
    reason: str
    is_log: bool = False


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes
    ----------
    kind : type
        Of the value.
    field : FieldInfo
        Default, limits and reason, as pydantic takes them.
    searched : Bounds, optional
        Where the nested search may choose the value.
    """

    kind: Any
    field: Any
    searched: Bounds | None = None

    @property
    def default(self) -> Any:
        """Value without configuration."""
        assert isinstance(self.field, FieldInfo)
        return self.field.default


class SettingValues(Protocol):
    """Values of settings by their names; the configuration in use."""

    def __getattr__(self, name: str, /) -> Any:
        """Value of one setting."""
        ...


def together(declared: Iterable[Mapping[str, Setting]]) -> dict[str, Setting]:
    """Settings of several plugins under their names, in the order of first mention.

    Raises
    ------
    ValueError
        If two plugins declare different settings under one name.
    """
    found: dict[str, Setting] = {}
    for settings in declared:
        for name, setting in settings.items():
            if found.setdefault(name, setting) is not setting:
                raise ValueError(f"plugins: setting {name} is declared twice")
    return found
