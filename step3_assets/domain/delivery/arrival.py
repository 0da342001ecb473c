"""A delivery that is arriving: what lies in the folder, whether it has settled, its fingerprint.

Belongs here: looking at files without reading their rows. Does not belong here: what the rows say
(:mod:`step3_assets.domain.delivery.read`), or what is asked for because of them.

Size and times of a file only tell that it must be hashed again; the fingerprint is of its bytes. So
a file that is copied over itself is no new delivery, and one that was changed and changed back has
the fingerprint that it had.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.delivery.files import DeliveryFiles, find_files
from step3_assets.domain.delivery.problems import Problem
from step3_assets.domain.delivery.sheet import READ_ERRORS

SETTLE_S = 2.0
"""A file written less than this many seconds ago may still be growing."""
PARTIAL_S = 60.0
"""When only some of the Parquet files are new, the others get this long to follow."""
PATIENCE_S = 600.0
"""What lies there unfinished and untouched for this long is judged as it is."""
FAR_AHEAD_S = 3600.0
"""A file whose time is further in the future than this comes from a wrong clock: it is old."""
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class FileMark:
    """One file: size, modification and change time in ns, and the SHA-256 of its bytes."""

    stamp: tuple[int, int, int]
    sha256: str = ""


@dataclass(frozen=True)
class Waiting:
    """Why a delivery is not judged yet, and since when it has lain there like this.

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
class Arrival:
    """What lies in the folder.

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
    judged: str,
    waiting: Waiting | None,
    now: float,
) -> Arrival:
    """Look at a delivery's folder; hash what is new in it once it has settled.

    Parameters
    ----------
    folder : Path
    known : mapping of str to FileMark
        Files as they were hashed last; empty at first.
    judged : str
        Fingerprint of the delivery that was judged last; empty at first.
    waiting : Waiting or None
        What the last look waited for.
    now : float
        Seconds since 1970.

    Returns
    -------
    Arrival
        Waiting while a new file is younger than two seconds, has no complete Parquet footer or
        misses its pair, or (for a minute) while other files are still those of the delivery
        before. After ten minutes without a change it is no longer waited for; a clock that was set
        back starts them anew.
    """
    files, problems = find_files(folder)
    paths = _paths(files)
    stamps = {name: stamp for name, path in paths.items() if (stamp := _stamp(path)) is not None}
    is_same = stamps == {name: mark.stamp for name, mark in known.items()}
    if is_same and fingerprint(known, problems) == judged:
        return Arrival(known, judged, None)
    digest = text_hash(repr((sorted(stamps.items()), [str(p) for p in problems])))
    is_of_another_clock = waiting is not None and waiting.since > now
    if waiting is None or waiting.stamps != digest or is_of_another_clock:
        waiting = Waiting("", digest, now)
    is_tired = now - waiting.since >= PATIENCE_S
    reason = "" if is_tired else _unsettled(files, paths, stamps, problems, known, now)
    if not reason:
        marks = {name: _hashed(paths[name], known.get(name), stamps[name]) for name in stamps}
        if {name: _stamp(paths[name]) for name in stamps} == stamps:
            return Arrival(marks, fingerprint(marks, problems), None)
        reason = "a file changed while it was hashed"
    return Arrival(known, "", Waiting(reason, digest, waiting.since))


def is_still(folder: Path, arrival: Arrival) -> bool:
    """Whether the folder holds, byte for byte, what it held when it was looked at."""
    files, problems = find_files(folder)
    marks = {name: FileMark((0, 0, 0), _sha256(path)) for name, path in _paths(files).items()}
    is_readable = all(mark.sha256 != UNREADABLE for mark in marks.values())
    return is_readable and fingerprint(marks, problems) == arrival.fingerprint


def fingerprint(files: Mapping[str, FileMark], problems: list[Problem]) -> str:
    """Digest of names and bytes, and of what is wrong with names or missing."""
    content = sorted((name, mark.sha256) for name, mark in files.items())
    return text_hash(repr((content, [str(p) for p in problems])))


def _paths(files: DeliveryFiles) -> dict[str, Path]:
    found = [*files.events.values(), *files.bars.values(), *files.meta]
    if files.baseline is not None:
        found.append(files.baseline)
    return {files.name_of(path): path for path in found}


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
    """Why the delivery cannot be judged yet; empty when it can."""
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
            return f"new files have come, {rest} may follow ({age:.0f} of {PARTIAL_S:.0f} s)"
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
    return FileMark(stamp, _sha256(path))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return UNREADABLE
