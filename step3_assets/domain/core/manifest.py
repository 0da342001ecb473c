"""The manifest of a delivery: the SHA-256 of each of its files.

Belongs here: writing and reading the file ``manifest.json``. Does not belong here: which files a
delivery has, or what follows from a difference.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

MANIFEST_FILE = "manifest.json"
MANIFEST_VERSION = 1
UNREADABLE = "unreadable"
"""Stands for the digest of a file that cannot be read."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 10_000_000


class ManifestError(ValueError):
    """A manifest that cannot be used; the message says why."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_or_unreadable(path: Path) -> str:
    """SHA-256 of a file's bytes, or :data:`UNREADABLE`."""
    try:
        return file_sha256(path)
    except OSError:
        return UNREADABLE


def write_manifest(folder: Path, names: Iterable[Path]) -> Path:
    """Write the manifest of these files, given as paths inside the folder."""
    files = {name.as_posix(): file_sha256(folder / name) for name in sorted(names)}
    path = folder / MANIFEST_FILE
    content = {"manifest_version": MANIFEST_VERSION, "sha256": files}
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return path


def read_manifest(path: Path) -> dict[str, str]:
    """SHA-256 by path inside the delivery.

    Raises
    ------
    ManifestError
        If the file is not a manifest.
    OSError
        If it cannot be read.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ManifestError("is larger than any manifest")
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=without_doubles)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"is not valid JSON: {error}") from error
    version = content.get("manifest_version") if isinstance(content, dict) else None
    if not isinstance(content, dict) or type(version) is not int or version != MANIFEST_VERSION:
        raise ManifestError(f"expected an object with manifest_version {MANIFEST_VERSION}")
    files = content.get("sha256")
    if not isinstance(files, dict) or not all(
        isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in files.values()
    ):
        raise ManifestError("expected sha256, an object of file names and 64 hex digits each")
    return files


def without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; raises ValueError if a name appears twice, because one would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice in one object")
    return found
