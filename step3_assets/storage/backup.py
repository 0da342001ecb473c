"""Backups: copying an installation with checksums, and restoring the copy.

Belongs here: which files belong to an installation, copying a consistent snapshot of them,
verifying a copy by its hashes, restoring it. Does not belong here: the command line
(``step3 backup``).

A backup is a folder, or a zip of that folder::

    manifest.json          content hash of every table, SHA-256 of every other file
    step3.duckdb           every table
    step3.toml             settings, if there are any
    search/optuna.journal  the search's trials
    dagster/...            the Dagster home, if requested

The search's cached forecasts, the report and log files are left out because they can be recreated.
"""

import datetime as dt
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from filelock import FileLock, Timeout

from step3_assets.catalogue import SCHEMA_NUMBER, SCHEMA_VERSION
from step3_assets.storage.connection import copied
from step3_assets.storage.errors import StoreError
from step3_assets.storage.locks import Deadline, writer_lock
from step3_assets.storage.migrate import changed_since, opened
from step3_assets.storage.store import Store

Progress = Callable[[str, float], None]

MANIFEST = "manifest.json"
DATABASE = "step3.duckdb"
SETTINGS = "step3.toml"
JOURNAL = "search/optuna.journal"
DAGSTER = "dagster"
UI_LOCK = ".ui.lock"
"""Lock file that ``step3 ui`` holds while its servers run."""

FORMAT = 1
REPLACED = "replaced"
_LEFT_OUT_OF_DAGSTER = ("storage", ".telemetry", "logs")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup.

    Attributes
    ----------
    created_utc : str
        ISO 8601.
    schema_version : str
        Schema version of the program that wrote the backup.
    tables : dict of str to str
        Content hash of each table: :func:`step3_assets.domain.core.hashing.frame_hash`.
    files : dict of str to str
        SHA-256 of every other file, by path inside the backup, with ``/``.
    format : int
    database_sha256 : str
        SHA-256 of the database file. A later program needs it to verify tables whose columns have
        changed since. Empty in backups from programs that did not record it.
    """

    created_utc: str
    schema_version: str
    tables: dict[str, str]
    files: dict[str, str]
    format: int = FORMAT
    database_sha256: str = ""

    @property
    def schema_number(self) -> int:
        """The number of the schema version; 0 if there is none."""
        number = self.schema_version.split("-")[0]
        return int(number) if number.isdecimal() else 0


def make_backup(
    store: Store, out: Path, *, has_dagster: bool = False, progress: Progress | None = None
) -> Manifest:
    """Copy a consistent snapshot of the installation that ``store`` belongs to.

    Writers wait while the tables and the files beside them are copied; readers continue. The copy
    is then hashed and renamed to its final name when it is complete.

    Parameters
    ----------
    store : Store
        The store in the installation's home folder.
    out : Path
        New folder, or new file when the name ends in ``.zip``.
    has_dagster : bool
        Also copy the Dagster home: runs, events, the state of schedules.

    Raises
    ------
    StoreError
        If ``out`` exists or cannot be written, or the store cannot be read.
    """
    report = progress or (lambda _stage, _share: None)
    out = out.absolute()
    if out.exists():
        raise StoreError(f"{out}: exists already; a backup never overwrites")
    home = store.path.parent
    with _as_store_error(out), _draft_beside(out) as draft:
        report("copying the tables", 0.0)
        with (
            opened(
                store.path, is_writer=False, timeout_s=store.lock_timeout_s, log=_log
            ) as connection,
            copied(connection, draft / DATABASE),
        ):
            for name in _files_beside(home):
                _copy(home / name, draft / name)
        if has_dagster:
            report("copying the Dagster home", 0.4)
            _copy_dagster(home / DAGSTER, draft / DAGSTER)
        report("hashing the copy", 0.5)
        copy = Store(draft / DATABASE)
        tables = copy.table_hashes()
        _forget_lock(copy.path)
        manifest = Manifest(
            created_utc=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            schema_version=SCHEMA_VERSION,
            tables=tables,
            files={name: _sha256(draft / name) for name in _names_under(draft) - {DATABASE}},
            database_sha256=_sha256(draft / DATABASE),
        )
        (draft / MANIFEST).write_text(
            json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n", "utf-8"
        )
        report("writing it out", 0.9)
        _put_out(draft, out)
    report("done", 1.0)
    return manifest


def restore_backup(
    source: Path, home: Path, *, lock_timeout_s: float = 60.0, progress: Progress | None = None
) -> tuple[Manifest, Path | None]:
    """Verify the whole backup, then replace the contents of the home with it.

    Nothing is changed until every hash has been verified. Tables from an older program are
    migrated. Replaced files are kept under ``replaced/<time>``; files that are not in the backup
    are not touched. Files are replaced one by one, the database last. If the process is killed in
    between, restore again.

    Parameters
    ----------
    source : Path
        Folder or zip that :func:`make_backup` wrote.
    home : Path
        The installation's folder; created if it is missing.

    Returns
    -------
    manifest : Manifest
    kept : Path or None
        Folder of the replaced files; None if there were none.

    Raises
    ------
    StoreError
        If the source is not a backup, is damaged, or is from a newer program; if the database
        stays locked; or if the backup contains a Dagster home while ``step3 ui`` runs.
    """
    report = progress or (lambda _stage, _share: None)
    source, home = source.absolute(), home.absolute()
    with _as_store_error(home):
        home.mkdir(parents=True, exist_ok=True)
        with _draft_beside(home / "restored") as draft:
            report("checking the files", 0.0)
            manifest = _fetch(source, draft)
            report("checking the tables", 0.3)
            _check_tables(Store(draft / DATABASE), manifest, source)
            report("putting it in place", 0.9)
            with _quiet_servers(home, manifest):
                deadline = Deadline(lock_timeout_s)
                with writer_lock(home / DATABASE, deadline, _log):
                    kept = _swap(draft, home, manifest)
    report("done", 1.0)
    return manifest, kept


def read_manifest(source: Path) -> Manifest:
    """Read the manifest of a backup; it may only name files that a backup can contain.

    Raises
    ------
    StoreError
    """
    try:
        if source.is_dir():
            text = (source / MANIFEST).read_text("utf-8")
        else:
            with zipfile.ZipFile(source) as archive:
                text = archive.read(MANIFEST).decode("utf-8")
        found = json.loads(text)
        manifest = Manifest(**found)
        texts = [*manifest.tables.items(), *manifest.files.items()]
        if not all(isinstance(part, str) for pair in texts for part in pair):
            raise TypeError("hashes must be text")
    except (OSError, KeyError, TypeError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(f"{source}: is not a step3 backup: {error}") from error
    if manifest.format != FORMAT:
        raise StoreError(f"{source}: backup format {manifest.format}; this program reads {FORMAT}")
    is_older = 1 <= manifest.schema_number < SCHEMA_NUMBER
    if manifest.schema_version != SCHEMA_VERSION and not is_older:
        raise StoreError(
            f"{source}: holds schema version {manifest.schema_version}, this program reads "
            f"{SCHEMA_VERSION} and older ones: restore it with the program that wrote it"
        )
    for name in manifest.files:
        if not _is_allowed(name):
            raise StoreError(f"{source}: names a file that a backup cannot contain: {name!r}")
    return manifest


def _is_allowed(name: str) -> bool:
    """Whether a backup may contain a file of this name: a relative path inside a known folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
        return False
    return name in (SETTINGS, JOURNAL) or (len(path.parts) > 1 and path.parts[0] == DAGSTER)


def _files_beside(home: Path) -> list[str]:
    return [name for name in (SETTINGS, JOURNAL) if (home / name).is_file()]


def _copy(source: Path, target: Path) -> None:
    """Copy a file; drop an incomplete last line of a journal that is being written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if source.name == Path(JOURNAL).name:
        whole = target.read_bytes().rfind(b"\n") + 1
        os.truncate(target, whole)


def _copy_dagster(source: Path, target: Path) -> None:
    """Copy a Dagster home; SQLite files are copied by SQLite, which is safe during writes."""
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if not path.is_file() or path.is_symlink() or name.parts[0] in _LEFT_OUT_OF_DAGSTER:
            continue
        if path.name.endswith((".db-wal", ".db-shm", ".lock", ".log")):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".db":
            with sqlite3.connect(path, timeout=60) as live, sqlite3.connect(target / name) as copy:
                live.backup(copy)
            live.close()
            copy.close()
        else:
            shutil.copyfile(path, target / name)


def _fetch(source: Path, draft: Path) -> Manifest:
    """Copy the files that a backup's manifest names to ``draft``, and verify each one."""
    manifest = read_manifest(source)
    names = [DATABASE, *manifest.files]
    if source.is_dir():
        for name in names:
            if (source / name).is_symlink() or not (source / name).is_file():
                raise StoreError(f"{source}: damaged: {name} is missing")
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, draft / name)
    else:
        with zipfile.ZipFile(source) as archive:
            for name in names:
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                try:
                    with archive.open(name) as packed, (draft / name).open("wb") as unpacked:
                        shutil.copyfileobj(packed, unpacked)
                except (KeyError, zipfile.BadZipFile, EOFError, ValueError) as error:
                    raise StoreError(f"{source}: damaged: {name}: {error}") from error
    expected = dict(manifest.files)
    if manifest.database_sha256 and manifest.schema_number < SCHEMA_NUMBER:
        expected[DATABASE] = manifest.database_sha256  # migration changes its tables
    wrong = [name for name, want in expected.items() if _sha256(draft / name) != want]
    if wrong:
        raise StoreError(f"{source}: damaged: not the bytes that were saved: {', '.join(wrong)}")
    return manifest


def _check_tables(copy: Store, manifest: Manifest, source: Path) -> None:
    try:
        found = copy.table_hashes()
    except StoreError as error:
        text = str(error).removeprefix(f"{copy.path}: ")
        raise StoreError(f"{source}: damaged: {DATABASE}: {text}") from error
    finally:
        _forget_lock(copy.path)
    changed = changed_since(manifest.schema_number)
    if changed and not manifest.database_sha256:
        _log.warning(
            "%s: the older program did not record the hash of its database: %s could not be "
            "verified row by row",
            source,
            ", ".join(sorted(changed)),
        )
    compared = manifest.tables.keys() if changed else found.keys() | manifest.tables.keys()
    wrong = sorted(
        name for name in compared - changed if found.get(name) != manifest.tables.get(name)
    )
    if wrong:
        raise StoreError(f"{source}: damaged: not the rows that were saved: {', '.join(wrong)}")


def _swap(draft: Path, home: Path, manifest: Manifest) -> Path | None:
    """Put the verified files in place, and keep the old ones; the database is replaced last."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S_%f")
    kept = home / REPLACED / stamp
    if any(name.startswith(f"{DAGSTER}/") for name in manifest.files):
        if (home / DAGSTER).exists():
            kept.mkdir(parents=True, exist_ok=True)
            (home / DAGSTER).replace(kept / DAGSTER)
        (draft / DAGSTER).replace(home / DAGSTER)
    plain = [n for n in manifest.files if not n.startswith(f"{DAGSTER}/")]
    for name in [*plain, DATABASE]:
        place = home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            _keep(place, kept / name)
        if name == DATABASE:
            wal = place.with_name(place.name + ".wal")
            if wal.exists():  # left by a killed writer; it belongs to the replaced file
                kept.mkdir(parents=True, exist_ok=True)
                wal.replace(kept / wal.name)
        _flush(draft / name)
        (draft / name).replace(place)
    return kept if kept.exists() else None


def _keep(place: Path, kept: Path) -> None:
    """Keep the file under a second name, so that the path exists until the new file replaces it."""
    try:
        os.link(place, kept)
    except OSError:
        shutil.copy2(place, kept)


@contextmanager
def _quiet_servers(home: Path, manifest: Manifest) -> Iterator[None]:
    """Refuse to replace the Dagster home while servers use it."""
    if not any(name.startswith(f"{DAGSTER}/") for name in manifest.files):
        yield
        return
    try:
        with FileLock(home / UI_LOCK, timeout=0):
            yield
    except Timeout as error:
        raise StoreError(
            f"{home}: `step3 ui` is running on it, and the backup contains a Dagster home: stop it"
        ) from error


@contextmanager
def _draft_beside(out: Path) -> Iterator[Path]:
    """A hidden folder on the same disk as ``out``, always removed afterwards."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _put_out(draft: Path, out: Path) -> None:
    if out.suffix != ".zip":
        for name in _names_under(draft):
            _flush(draft / name)
        draft.replace(out)
        return
    packed = draft / "packed.zip.partial"
    names = sorted(_names_under(draft))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            archive.write(draft / name, name)
    _flush(packed)
    packed.replace(out)


@contextmanager
def _as_store_error(place: Path) -> Iterator[None]:
    """Turn disk errors, such as a full or read-only disk, into one message."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{place}: {error}") from error


def _names_under(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def _forget_lock(path: Path) -> None:
    with suppress(OSError):
        path.with_name(path.name + ".lock").unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
