"""Files beside the store that others read while they are being replaced.

Belongs here: replacing a file whole. Does not belong here: what is in it, or who may write it.
"""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write beside, flush to the disk, rename: a reader sees the old file or the new one, whole.

    A kill leaves the old file, and at worst a hidden draft beside it that nobody reads. Like every
    file of a home it is its owner's alone.
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
        os.fsync(folder)  # the new name too outlives a power cut
    finally:
        os.close(folder)
