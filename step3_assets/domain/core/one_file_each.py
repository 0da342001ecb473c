"""Records that are defined in one file each; the folder is their list.

Belongs here: reading the records of a package in order. Does not belong here: any record.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Protocol


class Named(Protocol):
    """A record with a name, equal to its file's, and a position on the page."""

    @property
    def name(self) -> str:
        """Name of the record."""
        ...

    @property
    def position(self) -> int:
        """Position on the page, from 1."""
        ...


def records_of(package: ModuleType | Any, attribute: str) -> tuple[Any, ...]:
    """The record that each module of a package defines, by position.

    Parameters
    ----------
    package : module
        Its modules are imported on every call, so that a file added to its path is found.
    attribute : str
        Name of the record in each module.

    Raises
    ------
    ValueError
        If a record is not named like its file, or two share a position.
    """
    found = dict(_records(package, attribute))
    for file_name, record in found.items():
        if record.name != file_name:
            raise ValueError(f"{package.__name__}: {record.name} is in the file {file_name}.py")
    ordered = sorted(found.values(), key=lambda record: record.position)
    if len({record.position for record in ordered}) < len(ordered):
        raise ValueError(f"{package.__name__}: two records have the same position")
    return tuple(ordered)


def _records(package: ModuleType, attribute: str) -> Iterator[tuple[str, Named]]:
    for module in iter_modules(package.__path__):
        loaded = import_module(f"{package.__name__}.{module.name}")
        yield module.name, getattr(loaded, attribute)
