"""The manifest: the content hash of each stored partition, and its settings, code and inputs.

Belongs here: the internal table ``content_hashes``, which is written in the same transaction as the
rows that it describes; comparing stored rows with it. Does not belong here: the consequence of a
difference, which inputs a table has (:mod:`step3_assets.defs.provenance`).

An entry holds the content hash of a partition and the first 32 bits of the hash of each of its
rows. The content hash shows whether anything differs; the row hashes show which rows differ.
"""

import base64
import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import pandas as pd

from step3_assets.catalogue.column import Table
from step3_assets.domain.core.hashing import digests_hash, row_digests
from step3_assets.storage.connection import CATALOGUE, quoted

TABLE = f"{CATALOGUE}.content_hashes"
COLUMNS = {
    "table_name": "VARCHAR",
    "partition": "DATE",
    "n_rows": "BIGINT",
    "content_hash": "VARCHAR",
    "row_marks": "VARCHAR",
    "config_hash": "VARCHAR",
    "code_version": "VARCHAR",
    "inputs": "VARCHAR",
}
_MARK_BYTES = 4
SHOWN_ROWS = 5


@dataclass(frozen=True)
class MadeFrom:
    """The origin of a partition: settings, code and the tables that were read.

    Parameters
    ----------
    config_hash : str
        Hash of the settings that the partition depends on.
    code_version : str
        Value of :func:`step3_assets.domain.core.code.code_version`.
    inputs : mapping of str to str
        Digest of each table that was read: see :func:`digest_of`.
    """

    config_hash: str
    code_version: str
    inputs: Mapping[str, str] = field(default_factory=dict)


MadeFromAny = MadeFrom | Mapping[dt.date, MadeFrom] | None


@dataclass(frozen=True)
class Entry:
    """One partition's row of the manifest; ``partition`` is None for a table without partitions."""

    table_name: str
    partition: dt.date | None
    n_rows: int
    content_hash: str
    row_marks: str
    made_from: MadeFrom | None = None


Manifest = Mapping[str, Mapping[dt.date | None, Entry]]
"""Entries by table and partition."""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table if it is missing."""
    columns = ", ".join(f"{name} {dtype}" for name, dtype in COLUMNS.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})")


def entries_of(
    table: Table, frame: pd.DataFrame, partitions: Sequence[dt.date], made_from: MadeFromAny = None
) -> list[Entry]:
    """Entries for rows to be stored: one for each partition, or one for the whole table."""
    digests = row_digests(frame, table)
    if table.partition is None:
        by_partition: dict[dt.date | None, list[bytes]] = {None: digests}
    else:
        by_partition = {partition: [] for partition in partitions}
        for partition, digest in zip(frame[table.partition], digests, strict=True):
            by_partition[partition].append(digest)
    entries = []
    for partition, found in by_partition.items():
        is_shared = made_from is None or isinstance(made_from, MadeFrom)
        stamp = made_from if is_shared else made_from.get(partition)  # type: ignore[arg-type]
        entries.append(
            Entry(
                table_name=table.name,
                partition=partition,
                n_rows=len(found),
                content_hash=digests_hash(found, table),
                row_marks=_marks(found),
                made_from=stamp,  # type: ignore[arg-type]
            )
        )
    return entries


def put(connection: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
    """Write the entries, replacing those of the same partitions."""
    for entry in entries:
        connection.execute(
            f"DELETE FROM {TABLE} WHERE table_name = ? AND partition IS NOT DISTINCT FROM ?",
            [entry.table_name, entry.partition],
        )
    if not entries:
        return
    rows = [
        [
            entry.table_name,
            entry.partition,
            entry.n_rows,
            entry.content_hash,
            entry.row_marks,
            *_stamp_values(entry.made_from),
        ]
        for entry in entries
    ]
    connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def forget(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Remove every entry of these tables."""
    for name in tables:
        connection.execute(f"DELETE FROM {TABLE} WHERE table_name = ?", [name])


def read(connection: duckdb.DuckDBPyConnection, tables: Iterable[str] | None = None) -> Manifest:
    """The entries of some tables, or of all."""
    where, values = "", []
    if tables is not None:
        where, values = "WHERE table_name IN (SELECT unnest(?::VARCHAR[]))", [list(tables)]
    rows = connection.execute(f"SELECT {quoted(COLUMNS)} FROM {TABLE} {where}", values).fetchall()
    found: dict[str, dict[dt.date | None, Entry]] = {}
    for name, partition, n_rows, content, marks, config_hash, code_version, inputs in rows:
        stamp = MadeFrom(config_hash, code_version, json.loads(inputs)) if config_hash else None
        found.setdefault(name, {})[partition] = Entry(
            name, partition, n_rows, content, marks, stamp
        )
    return found


def row_counts(
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, dict[dt.date | None, int]]:
    """Number of rows of each partition of each table, without reading the row hashes."""
    found: dict[str, dict[dt.date | None, int]] = {}
    rows = connection.execute(f"SELECT table_name, partition, n_rows FROM {TABLE}").fetchall()
    for name, partition, n_rows in rows:
        found.setdefault(name, {})[partition] = n_rows
    return found


def digest_of(
    manifest: Manifest, table: str, first: dt.date | None = None, last: dt.date | None = None
) -> str:
    """Digest over the content of a table's partitions from ``first`` to ``last``.

    A partition without rows adds nothing, so an empty partition equals a missing one.
    """
    lines = [
        f"{partition} {entry.content_hash}"
        for partition, entry in manifest.get(table, {}).items()
        if entry.n_rows
        and (first is None or partition is None or partition >= first)
        and (last is None or partition is None or partition <= last)
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def differences(table: Table, rows: pd.DataFrame, manifest: Manifest) -> dict[dt.date | None, str]:
    """Partitions whose stored rows do not match the manifest; empty if all match.

    Parameters
    ----------
    table : Table
    rows : DataFrame
        Every stored row of the table.
    manifest : Manifest

    Returns
    -------
    dict of date or None to str
        One sentence for each partition; the key is None for a table without partitions.
    """
    label = table.partition_dates.label
    known = manifest.get(table.name, {})
    if table.partition is None:
        parts: dict[dt.date | None, pd.DataFrame] = {None: rows}
    else:
        parts = dict(iter(rows.groupby(table.partition)))  # type: ignore[arg-type]
    problems = {}
    for partition in sorted({*parts, *known}, key=str):
        where = table.name if partition is None else f"{table.name} {label(partition)}"
        part, entry = parts.get(partition, rows.iloc[:0]), known.get(partition)
        if entry is None:
            if len(part):
                problems[partition] = f"{where}: {len(part)} rows that the manifest does not know"
            continue
        digests = row_digests(part, table)
        if digests_hash(digests, table) != entry.content_hash:
            problems[partition] = f"{where}: {_what_differs(table, part, digests, entry)}"
    return problems


def _what_differs(table: Table, part: pd.DataFrame, digests: Sequence[bytes], entry: Entry) -> str:
    """Describe the difference: keys of rows not in the manifest, and the number of missing rows."""
    left = Counter(_unmarked(entry.row_marks))
    strange = []
    for position, digest in enumerate(digests):
        mark = digest[:_MARK_BYTES]
        if left[mark] > 0:
            left[mark] -= 1
        else:
            strange.append(position)
    gone = sum(left.values())
    keys = [
        ", ".join(str(value) for value in row)
        for row in part.iloc[strange[:SHOWN_ROWS]][list(table.key)].itertuples(index=False)
    ]
    more = f" and {len(strange) - SHOWN_ROWS} more" if len(strange) > SHOWN_ROWS else ""
    altered = f"{len(strange)} rows are not as they were written ({'; '.join(keys)}{more})"
    texts = ([altered] if strange else []) + (
        [f"{gone - len(strange)} rows are gone"] if gone > len(strange) else []
    )
    return ", ".join(texts) or "its rows are not as they were written"


def _stamp_values(stamp: MadeFrom | None) -> list[str | None]:
    if stamp is None:
        return [None, None, None]
    return [stamp.config_hash, stamp.code_version, json.dumps(dict(stamp.inputs), sort_keys=True)]


def _marks(digests: Sequence[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(d[:_MARK_BYTES] for d in digests))).decode()


def _unmarked(text: str) -> list[bytes]:
    raw = base64.b64decode(text)
    return [raw[i : i + _MARK_BYTES] for i in range(0, len(raw), _MARK_BYTES)]
