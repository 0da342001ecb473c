"""Dagster's SQLite files are opened without a flush an event; no other file is touched."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from step3_assets.defs.event_log import relax_flushes

NORMAL, FULL = 1, 2


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    relax_flushes(folder)
    return folder


def one_event(path: Path) -> int:
    """Write a row as Dagster does, a connection of its own; the file's ``synchronous``."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("PRAGMA journal_mode=WAL"))
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS events (id INTEGER)"))
        connection.execute(sa.text("INSERT INTO events VALUES (1)"))
        connection.commit()
        return connection.execute(sa.text("PRAGMA synchronous")).scalar_one()


def test_a_file_of_the_home_is_written_back_later_not_at_each_event(home: Path):
    path = home / "index.db"
    one_event(path)
    assert one_event(path) == NORMAL
    size = path.stat().st_size
    wal = path.with_name("index.db-wal")
    before = wal.stat().st_size
    assert one_event(path) == NORMAL
    assert wal.stat().st_size > before
    assert path.stat().st_size == size
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar_one() == 3


def test_other_files_are_left_alone(home: Path, tmp_path: Path):
    path = tmp_path / "elsewhere.db"
    one_event(path)
    assert one_event(path) == FULL
    assert not path.with_name("elsewhere.db-wal").exists()
