"""An empty store for each test, copied from one that is made once."""

import shutil
from pathlib import Path

import pytest

from step3_assets.storage.store import Store


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file with every table and no rows."""
    path = tmp_path_factory.mktemp("template") / "step3.duckdb"
    Store(path).ensure_tables()
    return path


@pytest.fixture
def empty_store(template: Path, tmp_path: Path) -> Store:
    path = tmp_path / "step3.duckdb"
    shutil.copy(template, path)
    return Store(path, lock_timeout_s=5)
