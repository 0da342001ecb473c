"""The operations on tables while the store is open: read, replace, append.

Belongs here: the statements that read and write rows. Does not belong here: opening, locking,
committing (:mod:`step3_assets.storage.store`).

Rows are passed as Arrow tables. Names in statements come only from the catalogue; values are bound
parameters.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from step3_assets.catalogue.column import PartitionDates, Table
from step3_assets.domain.core.canonical import canonical_dtype
from step3_assets.domain.core.validation import TableError, validate_frame
from step3_assets.storage import manifest
from step3_assets.storage.connection import quoted
from step3_assets.storage.ddl import ARROW_TYPES, known_table, qualified, statement
from step3_assets.storage.errors import StoreError
from step3_assets.storage.manifest import MadeFromAny


class Rows(NamedTuple):
    """Rows ready to be stored, and their manifest entries."""

    table: Table
    rows: pa.Table
    entries: list[manifest.Entry]


class Transaction:
    """Reads and writes that become visible together, or not at all.

    :meth:`step3_assets.storage.store.Store.transaction` creates it; it cannot be used after the
    block ends. Its reads include its own writes.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A connection with the store attached.
    tables : iterable of str
        The tables that it may read and write.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = connection
        self._tables = frozenset(known_table(name).name for name in tables)
        self._is_half_done = False

    def check_whole(self) -> None:
        """Refuse the commit if a write failed, even if its error was suppressed.

        Raises
        ------
        StoreError
        """
        if self._is_half_done:
            raise StoreError("a write of this transaction failed; none of it is kept")

    def close(self) -> None:
        """End the transaction; later calls raise an error."""
        self._connection = None

    def read(
        self,
        table: str,
        *,
        partitions: Sequence[dt.date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """See :meth:`step3_assets.storage.store.Store.read`."""
        return to_frame(
            self.read_arrow(table, partitions=partitions, columns=columns), known_table(table)
        )

    def read_arrow(
        self,
        table: str,
        *,
        partitions: Sequence[dt.date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """The same rows as an Arrow table."""
        described = known_table(table)
        names = described.names if columns is None else list(columns)
        unknown = [name for name in names if name not in described.by_name]
        if unknown or not names:
            raise StoreError(f"{table}: no such columns: {', '.join(unknown) or '(none given)'}")
        where, values = "", []
        if partitions is not None:
            where = f"WHERE {quoted([partition_of(described)])} IN (SELECT unnest(?::DATE[]))"
            values = [check_partitions(partitions, [described])]
        return (
            self._use(table)
            .execute(
                f"SELECT {quoted(names)} FROM {qualified(described)} {where} "
                f"ORDER BY {quoted(described.key)}",
                values,
            )
            .to_arrow_table()
        )

    def partitions(self, table: str) -> list[dt.date]:
        """Partitions that have rows, ascending."""
        return list(self.count_by_partition(table))

    def count_by_partition(self, table: str) -> dict[dt.date, int]:
        """Number of rows of each partition that has rows, ascending by partition."""
        described = known_table(table)
        partition = quoted([partition_of(described)])
        sql = f"SELECT {partition}, count(*) FROM {qualified(described)} GROUP BY 1 ORDER BY 1"
        return dict(self._use(table).execute(sql).fetchall())

    def read_manifest(self) -> manifest.Manifest:
        """The current manifest of every table."""
        if self._connection is None:
            raise StoreError("the transaction has ended")
        return manifest.read(self._connection)

    def replace_partitions(
        self,
        frames: Mapping[str, pd.DataFrame],
        partitions: Sequence[dt.date],
        made_from: MadeFromAny = None,
    ) -> None:
        """See :meth:`step3_assets.storage.store.Store.replace_partitions`."""
        partitions = check_partitions(partitions, map(known_table, frames))
        self.put_partitions(prepare_partitions(frames, partitions, made_from), partitions)

    def replace_all(
        self, frames: Mapping[str, pd.DataFrame], made_from: MadeFromAny = None
    ) -> None:
        """See :meth:`step3_assets.storage.store.Store.replace_all`."""
        self.put_all(prepare_whole(frames, made_from))

    def append(self, table: str, frame: pd.DataFrame) -> int:
        """See :meth:`step3_assets.storage.store.Store.append`."""
        return self.add(prepare(known_table(table), frame))

    def put_partitions(self, batches: Sequence[Rows], partitions: list[dt.date]) -> None:
        """Delete the partitions and insert the prepared rows."""
        with self._writing(batches) as connection:
            for table, rows, entries in batches:
                partition = quoted([partition_of(table)])
                connection.execute(
                    f"DELETE FROM {qualified(table)} "
                    f"WHERE {partition} IN (SELECT unnest(?::DATE[]))",
                    [partitions],
                )
                if partition_of(table) not in table.key:
                    _check_foreign_rows(connection, table, rows)
                _insert(connection, table, rows)
                manifest.put(connection, entries)

    def put_all(self, batches: Sequence[Rows]) -> None:
        """Delete all rows of the tables and insert the prepared rows."""
        with self._writing(batches) as connection:
            for table, rows, entries in batches:
                connection.execute(f"DELETE FROM {qualified(table)}")
                _insert(connection, table, rows)
                manifest.put(connection, entries)

    def add(self, batch: Rows) -> int:
        """Insert the prepared rows whose key is new, and return their number."""
        table, rows, _ = batch
        sql = statement("append_rows").format(table=qualified(table), key=quoted(table.key))
        with self._writing([batch]) as connection:
            with _registered(connection, rows):
                n_added = connection.execute(sql).fetchall()[0][0]
            if n_added:
                touched = None
                if table.partition is not None:
                    touched = sorted(rows.column(table.partition).unique().to_pylist())
                stored = self.read(table.name, partitions=touched)
                manifest.put(connection, manifest.entries_of(table, stored, touched or []))
            return n_added

    def _use(self, *tables: str) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreError(f"{', '.join(tables)}: the transaction has ended")
        for name in tables:
            if known_table(name).name not in self._tables:
                raise StoreError(f"{name}: not among the transaction's tables")
        return self._connection

    @contextmanager
    def _writing(self, batches: Sequence[Rows]) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._use(*(table.name for table, _, _ in batches))
        try:
            yield connection
        except BaseException:
            self._is_half_done = True
            raise


def partition_of(table: Table) -> str:
    """The partition column of a table.

    Raises
    ------
    StoreError
        If the table has no partitions.
    """
    if table.partition is None:
        raise StoreError(f"{table.name}: has no partitions; it is read and replaced whole")
    return table.partition


def check_partitions(partitions: Sequence[dt.date], tables: Iterable[Table]) -> list[dt.date]:
    """Check partitions and return them distinct and ascending.

    Raises
    ------
    StoreError
        If one is not a :class:`datetime.date`, or not a valid partition of one of the tables.
    """
    for dates in {table.partition_dates for table in tables} or {PartitionDates.MONTH}:
        wrong = [m for m in partitions if type(m) is not dt.date or not dates.holds(m)]
        if wrong:
            raise StoreError(f"{dates.name.lower()}s are dates on {dates}, not {wrong[:5]}")
    return sorted(set(partitions))


def prepare(table: Table, frame: pd.DataFrame) -> Rows:
    """Validate a frame and convert it to Arrow, ready to be appended.

    Raises
    ------
    StoreError
        If the frame is invalid; it names table, column and rows.
    """
    return Rows(table, _to_arrow(table, _validated(table, frame)), [])


def prepare_partitions(
    frames: Mapping[str, pd.DataFrame],
    partitions: list[dt.date],
    made_from: MadeFromAny = None,
) -> list[Rows]:
    """Validate and convert frames whose rows must all be in ``partitions``."""
    batches = []
    for name, frame in frames.items():
        table = known_table(name)
        column = partition_of(table)
        canonical = _validated(table, frame)
        outside = sorted(set(canonical[column]) - set(partitions))
        if outside:
            positions = np.flatnonzero(frame[column].isin(outside).to_numpy())
            raise StoreError(
                f"{name}.{column}: {len(positions)} rows lie outside the partitions being "
                f"replaced, in {', '.join(map(table.partition_dates.label, outside[:5]))}: rows "
                f"{', '.join(map(str, positions[:5]))}"
            )
        entries = manifest.entries_of(table, canonical, partitions, made_from)
        batches.append(Rows(table, _to_arrow(table, canonical), entries))
    return batches


def prepare_whole(frames: Mapping[str, pd.DataFrame], made_from: MadeFromAny = None) -> list[Rows]:
    """Validate and convert frames of tables that are replaced whole."""
    for name in frames:
        if known_table(name).partition is not None:
            raise StoreError(f"{name}: is replaced by partition, not whole")
    batches = []
    for name, frame in frames.items():
        table = known_table(name)
        canonical = _validated(table, frame)
        entries = manifest.entries_of(table, canonical, [], made_from)
        batches.append(Rows(table, _to_arrow(table, canonical), entries))
    return batches


def _validated(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    try:
        return validate_frame(frame, table)
    except TableError as error:
        raise StoreError(str(error)) from error


def _to_arrow(table: Table, canonical: pd.DataFrame) -> pa.Table:
    arrays = []
    for column in table.columns:
        values = canonical[column.name]
        if column.dtype == "BIGINT" and column.is_nullable:
            missing = values.isna().to_numpy()
            whole = values.fillna(0).to_numpy().astype("int64")
            arrays.append(pa.array(whole, type=pa.int64(), mask=missing))
        else:
            arrays.append(pa.Array.from_pandas(values, type=ARROW_TYPES[column.dtype]))
    return pa.Table.from_arrays(arrays, names=table.names)


def to_frame(rows: pa.Table, table: Table) -> pd.DataFrame:
    """Arrow rows as a pandas frame with the catalogue's canonical types.

    The text columns of an empty result have no chunk, and pandas cannot merge such columns. One
    empty batch gives them a chunk.
    """
    if not rows.num_rows:
        rows = pa.Table.from_batches([pa.RecordBatch.from_pylist([], schema=rows.schema)])
    frame = rows.to_pandas(date_as_object=True, timestamp_as_object=False)
    wanted = {name: canonical_dtype(table.by_name[name]) for name in rows.column_names}
    return frame.astype({n: d for n, d in wanted.items() if frame.dtypes[n] != d})


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> None:
    if rows.num_rows:
        with _registered(connection, rows):
            connection.execute(f"INSERT INTO {qualified(table)} BY NAME SELECT * FROM incoming")


def _check_foreign_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table
) -> None:
    """Refuse a row whose key is stored in another partition, because keys must be unique."""
    sql = statement("select_foreign_rows").format(
        table=qualified(table), key=quoted(table.key), partition=quoted([partition_of(table)])
    )
    with _registered(connection, rows):
        foreign = connection.execute(sql).fetchall()
    if foreign:
        label = table.partition_dates.label
        shown = "; ".join(f"{', '.join(map(str, row[:-1]))} in {label(row[-1])}" for row in foreign)
        raise StoreError(
            f"{table.name}.{'+'.join(table.key)}: rows are already stored in partitions "
            f"that are not being replaced: {shown}"
        )


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> Iterator[None]:
    """The rows as a view called ``incoming``."""
    connection.register("incoming", rows)
    try:
        yield
    finally:
        connection.unregister("incoming")
