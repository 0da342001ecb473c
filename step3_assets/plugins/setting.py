"""Settings of plugins: values that a user may set, declared by the plugin that reads them.

Belongs here: the record of a setting, its search bounds, combining the settings of plugins.
Does not belong here: a setting of any plugin, reading values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Bounds:
    """Closed range that the search may choose a setting from, with the reason for it."""

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
        Type of the value.
    field : FieldInfo
        Default, limits and reason, as a pydantic field.
    searched : Bounds, optional
        Range of the nested search; None if the setting is not searched.
    """

    kind: Any
    field: Any
    searched: Bounds | None = None

    @property
    def default(self) -> Any:
        """Value if the configuration does not set it."""
        assert isinstance(self.field, FieldInfo)
        return self.field.default


class SettingValues(Protocol):
    """Values of settings by name, such as the configuration in use."""

    def __getattr__(self, name: str, /) -> Any:
        """Value of one setting."""
        ...


def together(declared: Iterable[Mapping[str, Setting]]) -> dict[str, Setting]:
    """Settings of several plugins by name, in the order in which they first occur.

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
