"""Files of a delivery besides its tables: manifest, meta files, adjustments, published baseline.

Belongs here: reading and checking them. Does not belong here: the tables
(:mod:`step3_assets.domain.delivery.sheet`), or which files are read
(:mod:`step3_assets.domain.delivery.files`).
"""

import math
from collections.abc import Mapping
from typing import Any

from step3_assets.domain.core.adjustments import AdjustmentsError, parse_adjustments
from step3_assets.domain.core.bar_grid import MAX_OFF_CALENDAR_FRAC
from step3_assets.domain.core.manifest import (
    UNREADABLE,
    ManifestError,
    read_manifest,
    sha256_or_unreadable,
)
from step3_assets.domain.core.months import parse_month
from step3_assets.domain.delivery.consistency import Declared
from step3_assets.domain.delivery.files import DeliveryFiles
from step3_assets.domain.delivery.problems import Problem

SHOWN_MONTHS = 6


def file_hashes(files: DeliveryFiles) -> dict[str, str]:
    """SHA-256 of every file that is read, by its name inside the delivery."""
    return {name: sha256_or_unreadable(path) for name, path in files.paths.items()}


def manifest_problems(files: DeliveryFiles, hashes: Mapping[str, str]) -> list[Problem]:
    """Every difference from the manifest; none if the delivery has no manifest.

    The published baseline need not be in the manifest, because another tool writes it.
    """
    if files.manifest is None:
        return []
    manifest = files.name_of(files.manifest)
    try:
        listed = read_manifest(files.manifest)
    except ManifestError as error:
        return [Problem(manifest, "", (), str(error))]
    except OSError as error:
        return [Problem(manifest, "", (), f"cannot be read: {error.strerror or error}")]
    may_be_absent = {manifest}
    if files.baseline is not None:
        may_be_absent.add(files.name_of(files.baseline))
    problems = []
    for name in sorted(listed.keys() | (hashes.keys() - may_be_absent)):
        if name not in hashes:
            message = f"is named in {manifest} but does not exist"
        elif name not in listed:
            message = f"is not named in {manifest}; write the manifest again"
        elif hashes[name] == UNREADABLE:
            message = "cannot be read"
        elif hashes[name] != listed[name]:
            message = (
                f"is not the file that {manifest} names: its SHA-256 is {hashes[name][:12]}..., "
                f"expected {listed[name][:12]}...; copy the delivery again"
            )
        else:
            continue
        problems.append(Problem(name, "", (), message))
    return problems


def meta_problems(content: Mapping[str, Any], name: str) -> list[Problem]:
    """Every problem in the parts of a meta file that the platform reads."""
    problems = []
    synthetic = content.get("synthetic")
    if synthetic is not None and not isinstance(synthetic, bool):
        message = f"synthetic is {_shown(synthetic)}; expected true or false"
        problems.append(Problem(name, "", (), message))
    knobs = content.get("knobs")
    if knobs is not None and not isinstance(knobs, dict):
        problems.append(Problem(name, "", (), f"knobs is {_shown(knobs)}; expected an object"))
    limit = knobs.get("max_off_calendar_frac", 0.0) if isinstance(knobs, dict) else 0.0
    if not _is_share(limit):
        message = f"max_off_calendar_frac is {_shown(limit)}; expected a number from 0 to 1"
        problems.append(Problem(name, "", (), message))
    symbol = content.get("trade_symbol")
    if symbol is not None and not isinstance(symbol, str):
        message = f"trade_symbol is {_shown(symbol)}; expected a ticker"
        problems.append(Problem(name, "", (), message))
    return problems


def baseline_problems(content: Mapping[str, Any], name: str) -> list[Problem]:
    """Every problem in the monthly table of the published baseline."""
    rows = content.get("monthly_table")
    if not isinstance(rows, list) or not rows:
        message = f"monthly_table is {_shown(rows)}; expected a list of months"
        return [Problem(name, "", (), message)]
    months, wrong = [], []
    for place, row in enumerate(rows):
        try:
            months.append(parse_month(str(row["month_end"])[:10]))
            equity, pnl, trades = (_number(row[key]) for key in ("equity", "pnl", "trades"))
            if not (equity > 0 and equity - pnl > 0 and trades >= 0):
                wrong.append(place)
        except (KeyError, TypeError, ValueError, OverflowError):
            wrong.append(place)
    if wrong:
        shown = ", ".join(map(str, wrong[:SHOWN_MONTHS]))
        message = (
            f"monthly_table: entry {shown} (of {len(wrong)} at fault) is not a month of an equity "
            "curve; expected month_end, equity > 0, pnl and trades"
        )
        return [Problem(name, "", (), message)]
    if len(set(months)) != len(months):
        return [Problem(name, "", (), "monthly_table: a month appears more than once")]
    return []


def read_declared(
    files: DeliveryFiles, meta: Mapping[str, Any], problems: list[Problem]
) -> dict[str, Declared]:
    """What the delivery declares about each symbol's bars; problems are added to the list."""
    found = {}
    for symbol, path in files.adjustments.items():
        name = files.name_of(path)
        if symbol not in files.bars:
            problems.append(Problem(name, "", (), f"there are no bars of {symbol}"))
            continue
        try:
            found[symbol] = Declared(parse_adjustments(path.read_bytes()))
        except AdjustmentsError as error:
            problems.append(Problem(name, "", (), str(error)))
        except OSError as error:
            problems.append(Problem(name, "", (), f"cannot be read: {error.strerror or error}"))
    limits = {}
    for content in meta.values():
        knobs, symbol = content.get("knobs"), content.get("trade_symbol")
        limit = knobs.get("max_off_calendar_frac") if isinstance(knobs, dict) else None
        if isinstance(symbol, str) and limit is not None and _is_share(limit):
            limits[symbol.upper()] = max(float(limit), MAX_OFF_CALENDAR_FRAC)
    return {
        symbol: Declared(
            found[symbol].adjustments if symbol in found else (),
            limits.get(symbol, MAX_OFF_CALENDAR_FRAC),
        )
        for symbol in files.bars
    }


def _is_share(value: object) -> bool:
    try:
        return 0.0 <= _number(value) <= 1.0
    except (ValueError, OverflowError):
        return False


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
