"""Step 3 of an event-driven ETF strategy: from Step 2 deliveries to believable decisions.

Belongs here: the package's version and :func:`open_home`, the entrance for notebooks, which is
imported when it is asked for. Everything else is imported by its own path.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from step3_assets.notebook import open_home

__version__ = "0.2.0"
__all__ = ["__version__", "open_home"]


def __getattr__(name: str) -> Any:
    if name == "open_home":
        from step3_assets.notebook import open_home

        return open_home
    raise AttributeError(f"module 'step3_assets' has no attribute {name!r}")
