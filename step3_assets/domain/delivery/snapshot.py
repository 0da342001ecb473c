"""A snapshot of a delivery's folder: its files, whether they have settled, their fingerprint.

Belongs here: looking at files without reading their rows. Does not belong here: the rows
(:mod:`step3_assets.domain.delivery.read`), or which runs follow from them.

A changed size or time only means that a file must be hashed again; the fingerprint covers its
bytes. So a file that is copied over itself does not make a new delivery, and a file that was
changed and changed back has its old fingerprint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.core.manifest import UNREADABLE, sha256_or_unreadable
from step3_assets.domain.delivery.files import DeliveryFiles, find_files
from step3_assets.domain.delivery.problems import Problem
from step3_assets.domain.delivery.sheet import READ_ERRORS

SETTLE_S = 2.0
"""A file written less than this many seconds ago may still be growing."""
PARTIAL_S = 60.0
"""When only some of the Parquet files are new, the others have this long to arrive."""
PATIENCE_S = 600.0
"""An unfinished delivery that has not changed for this long is read as it is."""
FAR_AHEAD_S = 3600.0
"""A file dated further in the future than this comes from a wrong clock and counts as old."""


@dataclass(frozen=True)
class FileMark:
    """One file: size, modification and change time in ns, and the SHA-256 of its bytes."""

    stamp: tuple[int, int, int]
    sha256: str = ""


@dataclass(frozen=True)
class Waiting:
    """Why a delivery is not read yet, and since when it has been in this state.

    Parameters
    ----------
    reason : str
    stamps : str
        Digest of names, sizes and times.
    since : float
        Seconds since 1970.
    """

    reason: str
    stamps: str
    since: float


@dataclass(frozen=True)
class Snapshot:
    """The files of a folder at one moment.

    Parameters
    ----------
    files : mapping of str to FileMark
        By name inside the delivery; hashed only when ``waiting`` is ``None``.
    fingerprint : str
        64 hex digits over names and bytes; empty while waiting.
    waiting : Waiting or None
    """

    files: Mapping[str, FileMark] = field(repr=False)
    fingerprint: str
    waiting: Waiting | None


def look(
    folder: Path,
    known: Mapping[str, FileMark],
    last_read: str,
    waiting: Waiting | None,
    now: float,
) -> Snapshot:
    """Look at a delivery's folder, and hash its new files once they have settled.

    Parameters
    ----------
    folder : Path
    known : mapping of str to FileMark
        Files as they were hashed last; empty at first.
    last_read : str
        Fingerprint of the delivery that was read last; empty at first.
    waiting : Waiting or None
        The reason for waiting at the last look.
    now : float
        Seconds since 1970.

    Returns
    -------
    Snapshot
        Waiting while a new file is younger than two seconds, has no complete Parquet footer or
        lacks its pair, and for up to a minute while other files are still those of the previous
        delivery. The wait ends after ten minutes without a change; it restarts if the clock was
        set back.
    """
    files, problems = find_files(folder)
    paths = files.paths
    stamps = {name: stamp for name, path in paths.items() if (stamp := _stamp(path)) is not None}
    is_same = stamps == {name: mark.stamp for name, mark in known.items()}
    if is_same and fingerprint(known, problems) == last_read:
        return Snapshot(known, last_read, None)
    digest = text_hash(repr((sorted(stamps.items()), [str(p) for p in problems])))
    is_clock_set_back = waiting is not None and waiting.since > now
    if waiting is None or waiting.stamps != digest or is_clock_set_back:
        waiting = Waiting(reason="", stamps=digest, since=now)
    is_over = now - waiting.since >= PATIENCE_S
    reason = "" if is_over else _unsettled(files, paths, stamps, problems, known, now)
    if not reason:
        marks = {name: _hashed(paths[name], known.get(name), stamps[name]) for name in stamps}
        if {name: _stamp(paths[name]) for name in stamps} == stamps:
            return Snapshot(marks, fingerprint(marks, problems), None)
        reason = "a file changed while it was hashed"
    return Snapshot(
        files=known,
        fingerprint="",
        waiting=Waiting(reason=reason, stamps=digest, since=waiting.since),
    )


def is_still(folder: Path, snapshot: Snapshot) -> bool:
    """Whether the folder holds the same bytes as at the time of the snapshot."""
    files, problems = find_files(folder)
    marks = {
        name: FileMark(stamp=(0, 0, 0), sha256=sha256_or_unreadable(path))
        for name, path in files.paths.items()
    }
    is_readable = all(mark.sha256 != UNREADABLE for mark in marks.values())
    return is_readable and fingerprint(marks, problems) == snapshot.fingerprint


def fingerprint(files: Mapping[str, FileMark], problems: list[Problem]) -> str:
    """Digest of names and bytes, and of the problems with names and missing files."""
    content = sorted((name, mark.sha256) for name, mark in files.items())
    return text_hash(repr((content, [str(p) for p in problems])))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _unsettled(
    files: DeliveryFiles,
    paths: Mapping[str, Path],
    stamps: Mapping[str, tuple[int, int, int]],
    problems: list[Problem],
    known: Mapping[str, FileMark],
    now: float,
) -> str:
    """Why the delivery cannot be read yet; empty when it can."""
    new = {n: s for n, s in stamps.items() if n not in known or known[n].stamp != s}
    ages = {name: now - stamp[1] / 1e9 for name, stamp in new.items()}
    ages = {name: age for name, age in ages.items() if age > -FAR_AHEAD_S}
    youngest = min(ages, key=lambda name: ages[name], default="")
    if youngest and ages[youngest] < SETTLE_S:
        return f"{youngest} was written a moment ago"
    tables = {files.name_of(path) for path in (*files.events.values(), *files.bars.values())}
    for name in sorted(tables & new.keys()):
        if not _has_footer(paths[name]):
            return f"{name} has no complete Parquet footer; it may still be being written"
    if problems:
        return str(problems[0])
    new_tables = tables & new.keys() & ages.keys()
    if known and new_tables and new_tables != tables:
        age = min(ages[name] for name in new_tables)
        if age < PARTIAL_S:
            rest = ", ".join(sorted(tables - new.keys()))
            return f"new files have arrived, {rest} may follow ({age:.0f} of {PARTIAL_S:.0f} s)"
    return ""


def _has_footer(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except READ_ERRORS:
        return False
    return True


def _hashed(path: Path, known: FileMark | None, stamp: tuple[int, int, int]) -> FileMark:
    if known is not None and known.stamp == stamp:
        return known
    return FileMark(stamp=stamp, sha256=sha256_or_unreadable(path))
