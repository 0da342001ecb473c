"""Content hashes of rows, tables and texts, over values instead of the bytes of files.

Belongs here: the definition of "the same content". Does not belong here: storage, or what follows
when content differs.

A row is encoded column by column in catalogue order: a null mark, then the value as little-endian
64-bit words (IEEE double, integer, days, microseconds since 1970 UTC) or, for text, the first 128
bits of its SHA-256. So the hash does not depend on the order of rows or columns, on the index, or
on which pandas or Arrow type held the value.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import Column, Table
from step3_assets.domain.core.canonical import canonical_columns

_HEX_DIGITS = 32
_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


def text_hash(text: str) -> str:
    """SHA-256 of the UTF-8 text, 64 hex digits.

    Examples
    --------
    >>> text_hash("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def frame_hash(frame: pd.DataFrame, table: Table, *, exclude: tuple[str, ...] = ()) -> str:
    """Hash of a frame's content as rows of ``table``.

    Parameters
    ----------
    frame : DataFrame, shape (n, k)
        Exactly the table's columns.
    table : Table
    exclude : tuple of str
        Columns left out of the hash.

    Returns
    -------
    str
        32 hex digits of a SHA-256 over the table's name, its columns and types, and the digests of
        its rows in sorted order. -0.0 equals 0.0 and NaN equals null; wall-clock columns are left
        out.

    Raises
    ------
    ValueError
        If columns are missing, unknown or of another type, or ``exclude`` names an unknown one.
    """
    columns = _hashed_columns(table, exclude)
    return _combined(_row_digests(frame, table, columns), table, columns)


def month_hashes(
    frame: pd.DataFrame, table: Table, months: Iterable[date], *, exclude: tuple[str, ...] = ()
) -> dict[date, str]:
    """:func:`frame_hash` of the rows of each month, every row encoded once.

    Parameters
    ----------
    frame : DataFrame
        As for :func:`frame_hash`, with a column ``month``.
    table : Table
    months : iterable of date
        A month without rows has the hash of an empty frame.
    exclude : tuple of str
        Columns left out of the hashes.
    """
    columns = _hashed_columns(table, exclude)
    digests: dict[date, list[bytes]] = {month: [] for month in months}
    for month, digest in zip(frame["month"], _row_digests(frame, table, columns), strict=True):
        if month in digests:
            digests[month].append(digest)
    return {month: _combined(rows, table, columns) for month, rows in digests.items()}


def row_digests(frame: pd.DataFrame, table: Table) -> list[bytes]:
    """SHA-256 of each row's content, in the frame's order; see :func:`row_hashes`."""
    return _row_digests(frame, table, _hashed_columns(table, ()))


def digests_hash(digests: list[bytes], table: Table) -> str:
    """:func:`frame_hash` of the rows with these digests, in any order."""
    return _combined(digests, table, _hashed_columns(table, ()))


def _combined(rows: list[bytes], table: Table, columns: Sequence[Column]) -> str:
    digest = hashlib.sha256()
    digest.update(f"{table.name}({','.join(f'{c.name} {c.dtype}' for c in columns)})".encode())
    for row in sorted(rows):
        digest.update(row)
    return digest.hexdigest()[:_HEX_DIGITS]


def row_hashes(frame: pd.DataFrame, table: Table, *, exclude: tuple[str, ...] = ()) -> pd.Series:
    """One hash per row, on the frame's own index and order.

    Parameters
    ----------
    frame : DataFrame, shape (n, k)
    table : Table
    exclude : tuple of str
        Columns left out of the hash.

    Returns
    -------
    Series of str, shape (n,)
        32 hex digits each; equal exactly when the rows' values are.

    Raises
    ------
    ValueError
        As :func:`frame_hash`.
    """
    digests = _row_digests(frame, table, _hashed_columns(table, exclude))
    texts = [d.hex()[:_HEX_DIGITS] for d in digests]
    return pd.Series(texts, index=frame.index, name="row_hash", dtype="str")


def _hashed_columns(table: Table, exclude: tuple[str, ...]) -> list[Column]:
    unknown = [name for name in exclude if name not in table.by_name]
    if unknown:
        raise ValueError(f"{table.name}: cannot exclude unknown columns {unknown}")
    return [c for c in table.columns if c.name not in exclude and not c.is_wall_clock]


def _row_digests(frame: pd.DataFrame, table: Table, columns: list[Column]) -> list[bytes]:
    """SHA-256 of each row's encoding, in the frame's order."""
    values, failed = canonical_columns(frame, table)
    if failed:
        raise ValueError(
            "; ".join(f"{table.name}.{name}: {error}" for name, error in failed.items())
        )
    if frame.empty:
        return []
    blocks = [_encode(values[c.name], c) for c in columns]
    matrix = np.ascontiguousarray(np.concatenate(blocks, axis=1))
    raw, width = matrix.tobytes(), matrix.shape[1] * 8
    sha256 = hashlib.sha256
    return [sha256(raw[i : i + width]).digest() for i in range(0, len(raw), width)]


def _encode(values: pd.Series, column: Column) -> np.ndarray:
    """64-bit words of one column, shape (n, 2) or for text (n, 3); the first word marks nulls."""
    missing = values.isna().to_numpy()
    words = np.zeros((len(values), 3 if column.dtype == "VARCHAR" else 2), dtype="<u8")
    words[:, 0] = missing
    present = ~missing
    if column.dtype == "VARCHAR":
        codes, distinct = pd.factorize(values)
        digests = b"".join(hashlib.sha256(str(t).encode()).digest()[:16] for t in distinct)
        table = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
        words[present, 1:] = table[codes[present]]
    elif column.dtype == "DATE":
        codes, distinct = pd.factorize(values)
        days = np.array([d.toordinal() - _EPOCH_ORDINAL for d in distinct], dtype="<i8")
        words[present, 1] = days[codes[present]].view("<u8")
    elif column.dtype == "TIMESTAMPTZ":
        micros = values.to_numpy(dtype="datetime64[us]").astype("<i8")
        words[present, 1] = micros.view("<u8")[present]
    elif column.dtype == "DOUBLE":
        words[present, 1] = values.to_numpy(dtype="<f8").view("<u8")[present]
    else:  # BIGINT, BOOLEAN: whole in either pandas form
        whole = values.fillna(0).astype("int64").to_numpy(dtype="<i8")
        words[present, 1] = whole.view("<u8")[present]
    return words


def bars_hash(bars: pd.DataFrame, columns: Sequence[str]) -> str:
    """Hash over some columns of bars in the order of symbol and time, 16 hex digits.

    Parameters
    ----------
    bars : DataFrame
        ``symbol``, ``date`` and `columns`.
    columns : sequence of str
        Numbers, booleans or stamps. ``symbol`` is always part of the hash; ``month`` never is,
        because it follows from ``date``.
    """
    rows = bars.sort_values(["symbol", "date"])
    digest = hashlib.sha256("".join(rows["symbol"]).encode())
    for name in columns:
        if name in ("symbol", "month"):
            continue
        values = rows[name]
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            values = values.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
        digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return digest.hexdigest()[:16]
