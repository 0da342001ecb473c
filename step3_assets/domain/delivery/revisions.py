"""Revisions: what a new delivery changes in the stored rows.

Belongs here: the comparison row by row and the reason of each change. Does not belong here: writing
the revisions.

Rows are compared by their content. Row numbers are left out, and so are differences that come only
from adding in another order: a bar that is filled in changes the last digits of every rolling sum
after it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import Column, KnownAt, Table
from step3_assets.catalogue.delivery import REVISIONS
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.hashing import row_hashes

CHANGES = ("matured", "restated", "withdrawn", "new")

ROUNDING = 1e-9
"""Relative difference up to which two numbers count as equal; numbers below 0.001 are compared as
if they were 0.001."""

_MATURITY_ORDER = {"pending": 0, "provisional": 1, "final": 2}


def find_revisions(
    stored: pd.DataFrame,
    delivered: pd.DataFrame,
    table: Table,
    *,
    stored_version: str,
    new_version: str,
) -> pd.DataFrame:
    """Stored rows that the delivery replaces or no longer holds.

    Parameters
    ----------
    stored, delivered : DataFrame
        Rows of ``table`` over the same months.
    table : Table
        ``events`` or ``bar_features``.
    stored_version, new_version : str
        Dataset versions that brought the stored and the delivered rows.

    Returns
    -------
    DataFrame
        Rows of ``revisions``, one per old row version, sorted by its key. ``matured``: only the
        outcome changed, of an event that was not final (or of a bar where it was null).
        ``restated``: anything else changed. ``withdrawn``: the row is gone. New rows are not
        listed, nor are rows whose row numbers moved or whose values differ only by rounding.

    Raises
    ------
    ValueError
        If a frame does not have the table's columns and types.
    """
    old, new = canonical_frame(stored, table), canonical_frame(delivered, table)
    stamp = next(name for name in table.key if name != "symbol")
    changed = _compare(old, new, table)
    was = changed.was
    revisions = pd.DataFrame(
        {
            "month": was["month"],
            "table_name": table.name,
            "symbol": was["symbol"],
            "stamp_utc": was[stamp],
            "row_hash": changed.row_hash,
            "reason": changed.reason,
            "dataset_version": stored_version,
            "superseded_by": new_version,
            "payload": [_as_json(row) for row in was.to_dict("records")],
        }
    )
    return canonical_frame(revisions, REVISIONS)


def count_revisions(stored: pd.DataFrame, delivered: pd.DataFrame, table: Table) -> pd.DataFrame:
    """How many rows a delivery changes, by month and reason.

    Parameters
    ----------
    stored, delivered : DataFrame
        As for :func:`find_revisions`.

    Returns
    -------
    DataFrame of int, index month, columns matured, restated, withdrawn, new
        Only months in which something changes; ``new`` are rows that were not stored before.
    """
    old, new = canonical_frame(stored, table), canonical_frame(delivered, table)
    changed = _compare(old, new, table)
    known, arriving = (pd.MultiIndex.from_frame(f[list(table.key)]) for f in (old, new))
    new_months = new.loc[~arriving.isin(known), "month"]
    months = pd.concat([changed.was["month"], new_months], ignore_index=True)
    reasons = pd.Series([*changed.reason, *["new"] * len(new_months)], dtype=object)
    counts = pd.crosstab(months, reasons) if len(months) else pd.DataFrame()
    return counts.reindex(columns=list(CHANGES), fill_value=0)


@dataclass(frozen=True)
class _Changed:
    """Stored rows that changed or are gone, with their hashes and reasons."""

    was: pd.DataFrame
    row_hash: np.ndarray
    reason: np.ndarray


def _compare(old: pd.DataFrame, new: pd.DataFrame, table: Table) -> _Changed:
    place = pd.MultiIndex.from_frame(new[list(table.key)]).get_indexer(
        pd.MultiIndex.from_frame(old[list(table.key)])
    )
    old_hashes, new_hashes = (
        row_hashes(frame, table, exclude=table.positions).to_numpy() for frame in (old, new)
    )
    is_gone = place < 0
    is_changed = is_gone.copy()
    is_changed[~is_gone] = old_hashes[~is_gone] != new_hashes[place[~is_gone]]
    was = old.loc[is_changed].reset_index(drop=True)
    now = new.reindex(place[is_changed]).reset_index(drop=True)
    is_gone, hashes = is_gone[is_changed], row_hashes(was, table).to_numpy()
    is_real = is_gone | ~_is_same(was, now, [c for c in table.columns if not c.is_position])
    was, now = (frame.loc[is_real].reset_index(drop=True) for frame in (was, now))
    return _Changed(
        was=was,
        row_hash=hashes[is_real],
        reason=_reasons(was, now, is_gone[is_real], table),
    )


def _is_same(was: pd.DataFrame, now: pd.DataFrame, columns: Iterable[Column]) -> np.ndarray:
    """Whether each row has the same values in these columns, up to rounding."""
    is_same = np.ones(len(was), dtype=bool)
    for column in columns:
        before, after = was[column.name], now[column.name]
        is_equal = (before == after) | (before.isna() & after.isna())
        if column.dtype == "DOUBLE":
            tolerance = ROUNDING * np.maximum(before.abs(), 1e-3)
            is_equal |= (before - after).abs() <= tolerance
        is_same &= is_equal.to_numpy(dtype=bool)
    return is_same


def _reasons(was: pd.DataFrame, now: pd.DataFrame, is_gone: np.ndarray, table: Table) -> np.ndarray:
    """Reason of each changed row; ``now`` is null where the row is gone."""
    known = [c for c in table.columns if c.known_at is not KnownAt.OUTCOME and not c.is_position]
    is_known_same = _is_same(was, now, known)
    if "maturity" in table.by_name:
        before, after = (frame["maturity"].map(_MATURITY_ORDER) for frame in (was, now))
        may_mature = ((before < 2) & (after >= before)).to_numpy()
    else:
        looks_ahead = [c.name for c in table.columns if c.known_at is KnownAt.OUTCOME]
        may_mature = was[looks_ahead].isna().all(axis=1).to_numpy()
    changed = np.where(is_known_same & may_mature, "matured", "restated")
    return np.where(is_gone, "withdrawn", changed).astype(object)


def _as_json(row: dict[Any, Any]) -> str:
    """A row as JSON: stamps and dates in ISO form, nulls as null, doubles to the last bit."""
    return json.dumps({str(k): _plain(v) for k, v in row.items()}, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
