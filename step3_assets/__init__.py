"""Step 3 of an event-driven ETF strategy: from Step 2 deliveries to believable decisions.

Belongs here: the package's version, and ``open_home``, the entrance for notebooks
(:mod:`step3_assets.notebook`). Everything else is imported by its own path.

The entrance is loaded by its name when it is asked for: every module imports this one, so an
ordinary import would let the domain reach the store.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name == "open_home":
        return import_module("step3_assets.notebook").open_home
    raise AttributeError(f"module 'step3_assets' has no attribute {name!r}")
