"""Which files of a folder make up a delivery.

Belongs here: names, places and JSON. Does not belong here: the content of Parquet files.

``events/{symbol}_events.parquet`` and ``bar_features/{symbol}_bar_features.parquet``, lower case,
one pair per symbol; ``meta/*.json`` and the published baseline where present. Hidden files and
symbolic links are never read, and whatever else lies there is ignored and listed.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from step3_assets.domain.delivery.problems import Problem

TICKER = re.compile(r"[A-Z][A-Z0-9.]{0,9}")
EVENTS_SUFFIX = "_events.parquet"
BARS_SUFFIX = "_bar_features.parquet"
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
    ignored : tuple of str
        Files beside them that were not looked at, as paths inside the delivery.
    """

    folder: Path
    events: dict[str, Path]
    bars: dict[str, Path]
    meta: tuple[Path, ...]
    baseline: Path | None
    ignored: tuple[str, ...]

    def name_of(self, path: Path) -> str:
        """Path inside the delivery, with ``/``."""
        return path.relative_to(self.folder).as_posix()


def find_files(folder: Path) -> tuple[DeliveryFiles, list[Problem]]:
    """Files of the delivery, and what is wrong with their names or absence."""
    problems: list[Problem] = []
    ignored: list[str] = []
    if not folder.is_dir():
        problems.append(Problem(".", "", (), "there is no such folder"))
        return DeliveryFiles(folder, {}, {}, (), None, ()), problems
    events = _tables(folder, "events", EVENTS_SUFFIX, problems, ignored)
    bars = _tables(folder, "bar_features", BARS_SUFFIX, problems, ignored)
    if not problems:
        problems += _unpaired(events, bars)
    meta = []
    for path in _regular_files(folder, "meta", ignored):
        if path.suffix == ".json":
            meta.append(path)
        else:
            ignored.append(f"meta/{path.name}")
    baseline = folder / BASELINE_FILE
    has_baseline = baseline.is_file() and not baseline.is_symlink()
    files = DeliveryFiles(
        folder,
        events,
        bars,
        tuple(meta),
        baseline if has_baseline else None,
        tuple(sorted(ignored)),
    )
    return files, problems


def read_json_object(path: Path, name: str) -> tuple[dict, list[Problem]]:
    """A JSON file that holds one object, or the problem with it.

    Parameters
    ----------
    path : Path
    name : str
        What the problem calls the file.
    """
    try:
        parsed = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        return {}, [Problem(name, "", (), f"is no valid JSON: {error}")]
    if not isinstance(parsed, dict):
        kind = type(parsed).__name__
        return {}, [Problem(name, "", (), f"holds a {kind}; expected a JSON object")]
    return parsed, []


def _tables(
    folder: Path, part: str, suffix: str, problems: list[Problem], ignored: list[str]
) -> dict[str, Path]:
    """Parquet files of one part by symbol; bad names and an absent or empty part are problems."""
    if (folder / part).is_symlink():
        message = "is a symbolic link; links are not followed"
        problems.append(Problem(f"{part}/", "", (), message))
        return {}
    if not (folder / part).is_dir():
        problems.append(Problem(f"{part}/", "", (), "the folder is missing"))
        return {}
    found: dict[str, Path] = {}
    is_named_wrong = False
    for path in _regular_files(folder, part, ignored):
        stem = path.name.removesuffix(suffix)
        if stem == path.name:
            ignored.append(f"{part}/{path.name}")
        elif stem == stem.lower() and TICKER.fullmatch(stem.upper()) and stem.isascii():
            found[stem.upper()] = path
        else:
            is_named_wrong = True
            message = f"{stem!r} is no plain ticker in lower case, as in qqq{suffix}"
            problems.append(Problem(f"{part}/{path.name}", "", (), message))
    if not found and not is_named_wrong:
        passed = [name for name in ignored if name.startswith(f"{part}/")]
        hint = f" (ignored: {', '.join(passed[:5])})" if passed else ""
        problems.append(Problem(f"{part}/", "", (), f"holds no *{suffix} file{hint}"))
    return dict(sorted(found.items()))


def _regular_files(folder: Path, part: str, ignored: list[str]) -> list[Path]:
    """Files of a part in name order; links, folders and hidden files go to the ignored."""
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
    """Symbols that have one of their two files only."""
    problems = []
    for symbol in sorted(events.keys() ^ bars.keys()):
        stem = symbol.lower()
        present, absent = f"events/{stem}{EVENTS_SUFFIX}", f"bar_features/{stem}{BARS_SUFFIX}"
        if symbol in bars:
            present, absent = absent, present
        message = f"the file is missing, though {present} is there"
        problems.append(Problem(absent, "", (), message))
    return problems
