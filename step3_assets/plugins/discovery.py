"""Discovery: the records that the files of a plugin folder declare.

Belongs here: finding and ordering records. Does not belong here: what a record means.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def discovered(folder: ModuleType, record: type) -> tuple[Any, ...]:
    """Every record of class `record` in the folder's modules, ordered by ``place``, then ``name``.

    Raises
    ------
    ValueError
        If a file declares none, or two records share a name.
    """
    found: dict[str, Any] = {}
    for module in iter_modules(folder.__path__):
        path = f"{folder.__name__}.{module.name}"
        here = [value for value in vars(import_module(path)).values() if isinstance(value, record)]
        if not here:
            raise ValueError(f"plugins: {path} declares no {record.__name__}")
        for value in here:
            if found.setdefault(value.name, value) is not value:
                raise ValueError(f"plugins: {record.__name__} {value.name} is declared twice")
    return tuple(sorted(found.values(), key=lambda value: (value.place, value.name)))
