"""Which code made a model: the package's version, a hash of its sources, and its libraries.

Belongs here: reading the package's sources and the versions of its numerical libraries. Does not
belong here: recording them.
"""

import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from step3_assets import __version__

NUMERICAL_LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy")
_PACKAGE = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=1)
def code_version() -> str:
    """Version and the first 12 hex digits of a SHA-256 over the sources that affect a model.

    These are all files under ``catalogue/``, ``config/``, ``domain/`` and ``plugins/``; the
    command line, the asset definitions and the storage layer cannot change a model's bits.
    """
    digest = hashlib.sha256()
    folders = (_PACKAGE / name for name in ("catalogue", "config", "domain", "plugins"))
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def library_versions() -> dict[str, str]:
    """Versions of the numerical libraries that a model's bits depend on, by name."""
    return {name: version(name) for name in NUMERICAL_LIBRARIES}
