"""A file that is replaced while it is read: the reader sees the old or the new file."""

import os
import threading
from pathlib import Path

import pytest

from step3_assets.storage import files
from step3_assets.storage.files import replace_file

SIZE = 300_000


def test_a_concurrent_reader_never_sees_half_a_file(tmp_path: Path):
    path = tmp_path / "registry.json"
    replace_file(path, b"0" * SIZE)
    seen: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        replace_file(path, str(turn % 10).encode() * SIZE)
    done.set()
    reader.join()
    assert len(seen) > 5
    assert all(len(text) == SIZE and len(set(text)) == 1 for text in seen)


def test_the_plain_way_is_caught_by_the_same_reader(tmp_path: Path):
    """Written in place, in two halves: a reader in between sees a mixture."""
    path = tmp_path / "registry.json"
    path.write_bytes(b"0" * SIZE)
    with path.open("r+b") as file:
        file.write(b"1" * (SIZE // 2))
        file.flush()
        assert len(set(path.read_bytes())) == 2


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "registry.json"
    replace_file(path, b"old")

    def full_disk(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["registry.json"]
