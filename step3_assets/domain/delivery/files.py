"""Which files of a folder make up a delivery.

Belongs here: names, places and JSON. Does not belong here: the content of Parquet files.

``events/{symbol}_events.parquet`` and ``bar_features/{symbol}_bar_features.parquet``, lower case,
one pair per symbol; ``meta/*.json``, ``adjustments/*.csv``, ``manifest.json`` and the published
baseline where present. Hidden files, symbolic links and anything that is not a plain file (a
folder, a named pipe) are never read; they and all other files are listed as ignored.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from step3_assets.domain.core.adjustments import ADJUSTMENTS_FOLDER
from step3_assets.domain.core.delivery_layout import TABLE_SUFFIXES, TICKER, table_file
from step3_assets.domain.core.manifest import MANIFEST_FILE, without_doubles
from step3_assets.domain.delivery.problems import Problem

MOST_JSON_BYTES = 50_000_000
_JSON_KINDS = {
    list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false",
    type(None): "null",
}  # fmt: skip
BASELINE_FILE = "selection/dual_portfolio_ml/dual_symbol_portfolio_summary.json"


@dataclass(frozen=True)
class DeliveryFiles:
    """The files of a delivery.

    Parameters
    ----------
    folder : Path
    events, bars : dict of str to Path
        By symbol, upper case, sorted.
    meta : tuple of Path
    baseline : Path or None
    adjustments : dict of str to Path
        By symbol, upper case.
    manifest : Path or None
    ignored : tuple of str
        Other files, which are not read, as paths inside the delivery.
    """

    folder: Path
    events: dict[str, Path]
    bars: dict[str, Path]
    meta: tuple[Path, ...]
    baseline: Path | None
    ignored: tuple[str, ...]
    adjustments: dict[str, Path] = field(default_factory=dict)
    manifest: Path | None = None

    @property
    def paths(self) -> dict[str, Path]:
        """Every file that is read, by its name inside the delivery."""
        found = [*self.events.values(), *self.bars.values(), *self.meta, *self.adjustments.values()]
        found += [path for path in (self.baseline, self.manifest) if path is not None]
        return {self.name_of(path): path for path in found}

    def name_of(self, path: Path) -> str:
        """Path inside the delivery, with ``/``."""
        return path.relative_to(self.folder).as_posix()


def find_files(folder: Path) -> tuple[DeliveryFiles, list[Problem]]:
    """Files of the delivery, and every problem with names and missing files."""
    try:
        return _find_files(folder)
    except OSError as error:
        place = Path(error.filename).name if error.filename else "."
        problem = Problem(place, "", (), f"cannot be opened: {error.strerror or error}")
        return DeliveryFiles(folder, {}, {}, (), None, ()), [problem]


def _find_files(folder: Path) -> tuple[DeliveryFiles, list[Problem]]:
    problems: list[Problem] = []
    ignored: list[str] = []
    if not folder.is_dir():
        problems.append(Problem(".", "", (), "there is no such folder"))
        return DeliveryFiles(folder, {}, {}, (), None, ()), problems
    events = _tables(folder, "events", problems, ignored)
    bars = _tables(folder, "bar_features", problems, ignored)
    if not problems:
        problems += _unpaired(events, bars)
    meta = []
    for path in _regular_files(folder, "meta", ignored):
        if path.suffix == ".json":
            meta.append(path)
        else:
            ignored.append(f"meta/{path.name}")
    adjustments = {}
    for path in _regular_files(folder, ADJUSTMENTS_FOLDER, ignored):
        symbol = path.stem.upper()
        if path.suffix == ".csv" and symbol in adjustments:
            message = f"{symbol} has another file, {adjustments[symbol].name}; keep one"
            problems.append(Problem(f"{ADJUSTMENTS_FOLDER}/{path.name}", "", (), message))
        elif path.suffix == ".csv":
            adjustments[symbol] = path
        else:
            ignored.append(f"{ADJUSTMENTS_FOLDER}/{path.name}")
    files = DeliveryFiles(
        folder=folder,
        events=events,
        bars=bars,
        meta=tuple(meta),
        baseline=_plain_file(folder, BASELINE_FILE, ignored),
        adjustments=adjustments,
        manifest=_plain_file(folder, MANIFEST_FILE, ignored),
        ignored=tuple(sorted(ignored)),
    )
    if MANIFEST_FILE in ignored:
        kind = _kind_of(folder / MANIFEST_FILE).removeprefix(", ")
        message = f"is {kind}; the hashes of a delivery must be in a plain file"
        problems.append(Problem(MANIFEST_FILE, "", (), message))
    return files, problems


def read_json_object(path: Path, name: str) -> tuple[dict, list[Problem]]:
    """A JSON file that holds one object, or the problem with it.

    Parameters
    ----------
    path : Path
    name : str
        Name of the file in the problem.
    """
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            return {}, [Problem(name, "", (), f"is larger than {MOST_JSON_BYTES:,} bytes")]
        # NaN and Infinity are not valid JSON, but Python writes them.
        parsed = json.loads(
            path.read_bytes(), parse_constant=lambda _name: None, object_pairs_hook=without_doubles
        )
        json.dumps(parsed, sort_keys=True)
    except OSError as error:
        return {}, [Problem(name, "", (), f"cannot be read: {error.strerror or error}")]
    except (ValueError, RecursionError) as error:
        return {}, [Problem(name, "", (), f"is not valid JSON: {error}")]
    if not isinstance(parsed, dict):
        kind = _JSON_KINDS[type(parsed)]
        return {}, [Problem(name, "", (), f"holds {kind}; expected a JSON object")]
    return parsed, []


def _tables(
    folder: Path, part: str, problems: list[Problem], ignored: list[str]
) -> dict[str, Path]:
    """Parquet files of one part by symbol; bad names and a missing or empty part are problems."""
    if (folder / part).is_symlink():
        message = "is a symbolic link; links are not followed"
        problems.append(Problem(f"{part}/", "", (), message))
        return {}
    if not (folder / part).is_dir():
        problems.append(Problem(f"{part}/", "", (), "the folder is missing"))
        return {}
    suffix = TABLE_SUFFIXES[part]
    found: dict[str, Path] = {}
    has_bad_name = False
    for path in _regular_files(folder, part, ignored):
        stem = path.name.removesuffix(suffix)
        if stem == path.name:
            ignored.append(f"{part}/{path.name}")
        elif stem == stem.lower() and TICKER.fullmatch(stem.upper()) and stem.isascii():
            found[stem.upper()] = path
        else:
            has_bad_name = True
            message = f"{stem!r} is not a plain ticker in lower case, as in qqq{suffix}"
            problems.append(Problem(f"{part}/{path.name}", "", (), message))
    if not found and not has_bad_name:
        ignored_here = [name for name in ignored if name.startswith(f"{part}/")]
        shown = "; ".join(f"{name}{_kind_of(folder / name)}" for name in ignored_here[:5])
        hint = f" (ignored: {shown})" if ignored_here else ""
        problems.append(Problem(f"{part}/", "", (), f"holds no *{suffix} file{hint}"))
    return dict(sorted(found.items()))


def _plain_file(folder: Path, name: str, ignored: list[str]) -> Path | None:
    """The file of that name, unless it or a folder above it is a link, or it is not a file."""
    path = folder / name
    parts = [folder.joinpath(*Path(name).parts[: i + 1]) for i in range(len(Path(name).parts))]
    link = next((part for part in parts if part.is_symlink()), None)
    if link is not None:
        ignored.append(link.relative_to(folder).as_posix())
        return None
    if not path.is_file():
        if path.exists():
            ignored.append(name)
        return None
    return path


def _kind_of(path: Path) -> str:
    """What an ignored path is, if that is why it is ignored."""
    if path.is_symlink():
        return ", a symbolic link"
    if path.is_dir():
        return ", a folder"
    if path.exists() and not path.is_file():
        return ", a named pipe, socket or device"
    return ""


def _regular_files(folder: Path, part: str, ignored: list[str]) -> list[Path]:
    """Files of a part by name; links, folders and hidden files are added to `ignored`."""
    if (folder / part).is_symlink() or not (folder / part).is_dir():
        return []
    regular = []
    for path in sorted((folder / part).iterdir()):
        if path.name.startswith(".") or path.is_symlink() or not path.is_file():
            ignored.append(f"{part}/{path.name}")
        else:
            regular.append(path)
    return regular


def _unpaired(events: dict[str, Path], bars: dict[str, Path]) -> list[Problem]:
    """Symbols that have only one of their two files."""
    problems = []
    for symbol in sorted(events.keys() ^ bars.keys()):
        present, absent = table_file("events", symbol), table_file("bar_features", symbol)
        if symbol in bars:
            present, absent = absent, present
        message = f"the file is missing, though {present} exists"
        problems.append(Problem(absent, "", (), message))
    return problems
