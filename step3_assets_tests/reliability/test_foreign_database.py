"""A database file that a newer program wrote, or nobody: refused, named, left alone."""

from pathlib import Path

import pytest

from step3_assets.storage.store import Store, StoreError

MAIN_HEADER = 4_096  # DuckDB's first block: checksum, "DUCK", version of the storage, flags


def test_a_newer_duckdbs_file_is_refused_as_such_and_left_alone(empty_store: Store) -> None:
    content = bytearray(empty_store.path.read_bytes())
    assert content[8:12] == b"DUCK"
    content[12:20] = (999).to_bytes(8, "little")
    empty_store.path.write_bytes(content)
    for call in (
        lambda: empty_store.read("events"),
        empty_store.ensure_tables,
        empty_store.table_hashes,
        lambda: empty_store.replace_all({}),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        message = str(caught.value)
        assert message.count(str(empty_store.path)) == 1
        assert "storage version 999" in message
        assert "a newer DuckDB wrote it" in message
    assert empty_store.path.read_bytes() == content


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\0" * 8_000, b"PAR1" * 3_000])
def test_another_programs_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"s\.duckdb: cannot be opened for reading"):
        Store(path).ensure_tables()
    assert path.read_bytes() == content
