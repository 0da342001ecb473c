"""Reading a whole delivery: every file is read and checked, and two canonical tables result.

Belongs here: the order of the steps, the columns that ingest adds, the dataset version. Does not
belong here: single rules, or what is stored already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import Table
from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS
from step3_assets.domain.core.adjustments import format_adjustments
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.hashing import frame_hash, text_hash
from step3_assets.domain.core.months import month_of
from step3_assets.domain.delivery.consistency import symbol_problems
from step3_assets.domain.delivery.files import DeliveryFiles, find_files, read_json_object
from step3_assets.domain.delivery.problems import DeliveryError, Problem
from step3_assets.domain.delivery.rules import (
    future_problems,
    is_pending,
    pair_problems,
    sheet_problems,
)
from step3_assets.domain.delivery.sheet import Sheet, read_sheet
from step3_assets.domain.delivery.side_files import (
    baseline_problems,
    file_hashes,
    manifest_problems,
    meta_problems,
    read_declared,
)

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Delivery:
    """A validated delivery.

    Parameters
    ----------
    folder : Path
    events, bars : DataFrame
        Canonical ``events`` and ``bar_features`` of all symbols, sorted by key.
    symbols : tuple of str
        Upper case, sorted.
    dataset_version : str
        16 hex digits over the canonical rows of both tables. Equal content has an equal version,
        however the files were written.
    meta : dict of str to dict
        The meta files by name.
    published_baseline : dict or None
        The mock baseline's published summary, if delivered.
    is_synthetic : bool
        A meta file has ``"synthetic": true``.
    first_month, last_month : date
        UTC months of the first and the last bar.
    ignored_files : tuple of str
        Files in the delivery's folders that were not read.
    has_manifest : bool
        ``manifest.json`` names the SHA-256 of every file, and all agree. Without it, damage in
        transit cannot be detected.
    """

    folder: Path
    events: pd.DataFrame = field(repr=False)
    bars: pd.DataFrame = field(repr=False)
    symbols: tuple[str, ...]
    dataset_version: str
    meta: dict[str, dict] = field(repr=False)
    published_baseline: dict | None = field(repr=False)
    is_synthetic: bool
    first_month: date
    last_month: date
    ignored_files: tuple[str, ...] = ()
    has_manifest: bool = False


def read_delivery(
    folder: Path, *, progress: Progress | None = None, now: datetime | None = None
) -> Delivery:
    """Read and validate a delivery.

    Parameters
    ----------
    folder : Path
        Holds ``events/`` and ``bar_features/``; ``meta/``, ``selection/``, ``adjustments/`` and
        ``manifest.json`` are optional.
    progress : callable, optional
        Called with the stage's text and the fraction done, from 0 to 1.
    now : datetime, optional
        The current time, with a zone: no bar may start after it. The system clock by default.

    Returns
    -------
    Delivery

    Raises
    ------
    DeliveryError
        One error with all problems, naming file, column and rows. Also raised when a file changed
        while the delivery was read, because a mixture of two deliveries is not a delivery.
    """
    report = progress or (lambda _stage, _fraction: None)
    report("finding files", 0.0)
    files, problems = find_files(folder)
    before = file_hashes(files)
    try:
        delivery = _read(files, problems, before, now or datetime.now(UTC), report)
    except DeliveryError:
        _refuse_changed(files, before)
        raise
    _refuse_changed(files, before)
    report("done", 1.0)
    return delivery


def _read(
    files: DeliveryFiles,
    problems: list[Problem],
    hashes: Mapping[str, str],
    now: datetime,
    report: Progress,
) -> Delivery:
    folder = files.folder
    if not problems:
        problems += manifest_problems(files, hashes)
        if problems:
            raise DeliveryError(folder, problems)
    meta, baseline = _read_meta(files, problems)
    declared = read_declared(files, meta, problems)
    pairs = _read_pairs(files, problems, now, report)
    if not problems and not any(events.n_rows for events, _ in pairs.values()):
        problems.append(
            Problem(
                next(events.file for events, _ in pairs.values()),
                "",
                (),
                "holds no rows, and neither does any other file of events",
            )
        )
    if not problems:
        report("checking rows against bars", 0.7)
        problems += symbol_problems(pairs, declared)
    if problems:
        raise DeliveryError(folder, problems)
    report("typing rows", 0.75)
    with_events = [_events_of(*pair) for pair in pairs.values() if pair[0].n_rows]
    events = canonical_frame(pd.concat(with_events), EVENTS)
    bars = canonical_frame(pd.concat([_bars_of(bars) for _, bars in pairs.values()]), BAR_FEATURES)
    report("hashing events", 0.85)
    hashed = [frame_hash(events, EVENTS, exclude=EVENTS.positions)]
    report("hashing bar_features", 0.9)
    hashed.append(frame_hash(bars, BAR_FEATURES, exclude=BAR_FEATURES.positions))
    hashed += [
        f"{symbol}: {format_adjustments(of_symbol.adjustments)}"
        for symbol, of_symbol in sorted(declared.items())
        if of_symbol.adjustments
    ]
    return Delivery(
        folder=folder,
        events=events,
        bars=bars,
        symbols=tuple(sorted(files.events)),
        dataset_version=text_hash(" ".join(hashed))[:16],
        meta=meta,
        published_baseline=baseline,
        is_synthetic=any(content.get("synthetic") is True for content in meta.values()),
        first_month=min(bars["month"]),
        last_month=max(bars["month"]),
        ignored_files=files.ignored,
        has_manifest=files.manifest is not None,
    )


def _refuse_changed(files: DeliveryFiles, before: Mapping[str, str]) -> None:
    """Refuse a delivery if any of its files has changed since reading began."""
    again, _ = find_files(files.folder)
    after = file_hashes(again)
    changed = sorted({name for name, _ in before.items() ^ after.items()})
    if changed:
        message = "changed while the delivery was read; wait until it is complete and start again"
        raise DeliveryError(files.folder, [Problem(name, "", (), message) for name in changed])


def _read_meta(
    files: DeliveryFiles, problems: list[Problem]
) -> tuple[dict[str, dict], dict | None]:
    meta, baseline = {}, None
    for path in files.meta:
        name = files.name_of(path)
        meta[path.name], found = read_json_object(path, name)
        problems += found or meta_problems(meta[path.name], name)
    if files.baseline is not None:
        name = files.name_of(files.baseline)
        baseline, found = read_json_object(files.baseline, name)
        problems += found or baseline_problems(baseline, name)
    return meta, baseline


def _read_pairs(
    files: DeliveryFiles, problems: list[Problem], now: datetime, report: Progress
) -> dict[str, tuple[Sheet, Sheet]]:
    """Events and bars of each symbol that has both; problems of each are added to the list."""
    symbols = sorted(files.events.keys() | files.bars.keys())
    pairs = {}
    for place, symbol in enumerate(symbols):
        done = 0.7 * place / len(symbols)
        events = _read_checked(files, files.events.get(symbol), symbol, EVENTS, problems)
        report(f"read events of {symbol}", done + 0.35 / len(symbols))
        bars = _read_checked(files, files.bars.get(symbol), symbol, BAR_FEATURES, problems)
        report(f"read bars of {symbol}", done + 0.7 / len(symbols))
        if bars is not None:
            problems += future_problems(bars, now)
        if events is not None and bars is not None:
            problems += pair_problems(events, bars)
            pairs[symbol] = events, bars
    return pairs


def _read_checked(
    files: DeliveryFiles, path: Path | None, symbol: str, table: Table, problems: list[Problem]
) -> Sheet | None:
    if path is None:
        return None
    sheet, found = read_sheet(path, files.name_of(path), symbol, table)
    problems += found
    if sheet is not None:
        problems += sheet_problems(sheet)
    return sheet


def _events_of(events: Sheet, bars: Sheet) -> pd.DataFrame:
    """The events with the columns that ingest adds, from the bars of the same symbol."""
    frame = events.frame
    maturity = np.where(frame["truncated_horizon"] == 1, "provisional", "final")
    ends = _bar_ends(bars.frame).iloc[frame["t_idx"].to_numpy()].reset_index(drop=True)
    return frame.assign(
        month=month_of(frame["decision_time_utc"]),
        cross_symbol=str(events.partner).upper(),
        decision_instant_utc=ends,
        maturity=np.where(is_pending(frame), "pending", maturity),
    )


def _bars_of(bars: Sheet) -> pd.DataFrame:
    """The bars with the columns that ingest adds."""
    return bars.frame.assign(
        month=month_of(bars.frame["date"]),
        bar_idx=np.arange(bars.n_rows),
        bar_end_utc=_bar_ends(bars.frame),
    )


def _bar_ends(bars: pd.DataFrame) -> pd.Series:
    return bars["date"] + pd.to_timedelta(bars["expected_bar_seconds"], unit="s").dt.as_unit("us")
