"""Writing a delivery to disk: all of its files, or none.

Belongs here: arrow types, checksums, and the order in which files are put in place so that a reader
never sees a half-written one. Does not belong here: the content.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from step3_assets.domain.core.adjustments import ADJUSTMENTS_FOLDER, format_adjustments
from step3_assets.domain.core.delivery_layout import TABLE_SUFFIXES, table_file
from step3_assets.domain.core.manifest import write_manifest
from step3_assets.domain.step2.build import Step2Delivery, SymbolDelivery
from step3_assets.domain.step2.layout import BAR_FEATURES_SCHEMA, events_schema

_META = "_step2_config.json"


def write_delivery(delivery: Step2Delivery, out_dir: Path) -> list[Path]:
    """Write a delivery to `out_dir`; see `write_symbols`."""
    return write_symbols(
        (
            SymbolDelivery(
                symbol=symbol,
                events=events,
                bar_features=delivery.bar_features[symbol],
                meta=delivery.meta[symbol],
                adjustments=delivery.adjustments.get(symbol, ()),
            )
            for symbol, events in delivery.events.items()
        ),
        out_dir,
    )


def write_symbols(symbols: Iterable[SymbolDelivery], out_dir: Path) -> list[Path]:
    """Write symbols as they are built, then put all files in place.

    Files are written to a hidden folder beside `out_dir`. When the last symbol is done, the
    folder becomes `out_dir`. If that exists already, each file replaces the one of its name, the
    manifest last; until then the ingest refuses the mixture. If anything fails before that,
    `out_dir` stays as it was. Parquet pages carry checksums.

    Parameters
    ----------
    symbols : iterable of SymbolDelivery
    out_dir : Path
        Created if absent. Other files in it (``selection/``) are left alone.

    Returns
    -------
    list of Path
        The files written, in their final place.

    Raises
    ------
    FileExistsError
        If `out_dir` holds files of a symbol that is not written now, because two builds must not
        mix.
    """
    out_dir = Path(out_dir).absolute()
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        written = [path for built in symbols for path in _write_symbol(built, staging)]
        names = sorted((path.relative_to(staging) for path in written), key=_meta_last)
        _refuse_other_builds(out_dir, names)
        names.append(write_manifest(staging, names).relative_to(staging))
        _move(staging, out_dir, names)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [out_dir / name for name in names]


def chosen_partners(out_dir: Path) -> dict[str, str | None]:
    """The partner that each symbol of a delivery was built with; empty for a missing folder.

    A delivery that is built again keeps them, so that a new symbol does not change the rows of the
    others.
    """
    found: dict[str, str | None] = {}
    for path in sorted((out_dir / "meta").glob(f"*{_META}")):
        try:
            meta = json.loads(path.read_bytes())
            symbol, partner = meta["trade_symbol"], meta["knobs"]["cross_symbol"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # not written by this builder
        if isinstance(symbol, str) and (partner is None or isinstance(partner, str)):
            found[symbol] = partner
    return found


def _write_symbol(built: SymbolDelivery, folder: Path) -> list[Path]:
    stem = built.symbol.lower()
    partner = built.meta["knobs"]["cross_symbol"]
    tables = {
        "bar_features": (built.bar_features, BAR_FEATURES_SCHEMA),
        "events": (built.events, events_schema(partner)),
    }
    paths = []
    for name, (frame, schema) in tables.items():
        path = folder / table_file(name, built.symbol)
        path.parent.mkdir(exist_ok=True)
        pq.write_table(_table(frame, schema), path, write_page_checksum=True)
        paths.append(path)
    path = folder / "meta" / f"{stem}{_META}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(built.meta, indent=2, allow_nan=False) + "\n")
    paths.append(path)
    if built.adjustments:
        path = folder / ADJUSTMENTS_FOLDER / f"{stem}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(format_adjustments(built.adjustments))
        paths.append(path)
    return paths


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    if list(frame.columns) != schema.names:
        raise ValueError(f"columns {list(frame.columns)} are not those of the layout")
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


def _meta_last(name: Path) -> tuple[bool, Path]:
    return name.parts[0] == "meta", name


def _refuse_other_builds(out_dir: Path, names: list[Path]) -> None:
    found = {
        path.relative_to(out_dir)
        for folder, suffix in TABLE_SUFFIXES.items()
        for path in (out_dir / folder).glob(f"*{suffix}")
    }
    of_other_builds = sorted(str(name) for name in found - set(names))
    if of_other_builds:
        raise FileExistsError(
            f"{out_dir} holds another build's files: {', '.join(of_other_builds)}; "
            "choose another folder, build those symbols too, or remove them"
        )


def _move(staging: Path, out_dir: Path, names: list[Path]) -> None:
    if not out_dir.exists():
        os.replace(staging, out_dir)
        return
    for path in (out_dir / ADJUSTMENTS_FOLDER).glob("*.csv"):
        if path.relative_to(out_dir) not in names:
            path.unlink()  # of an earlier build of these symbols
    for name in names:
        (out_dir / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / name, out_dir / name)
