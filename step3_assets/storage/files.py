"""Replacing files that other processes may be reading.

Belongs here: replacing a whole file. Does not belong here: its content, or who may write it.
"""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees either the old file or the new one.

    The content is written to a hidden draft in the same folder, flushed to the disk and renamed. If
    the process is killed, the old file stays, and at worst the draft, which nothing reads. Only the
    owner may read the file, like every file of a home.
    """
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # so that the new name survives a power cut
    finally:
        os.close(folder)
