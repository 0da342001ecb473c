"""Synthetic rows for any table of the catalogue, made from its description alone."""

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.column import Column, PartitionDates, Table
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.weeks import add_weeks, week_of
from step3_assets.storage.store import Store

FIRST = dt.date(2019, 2, 1)
TEXTS = (
    "QQQ",
    "",
    'it\'s "quoted"',
    "two\nlines\ttab",
    "Zürich – 東京 🙂",
    "NULL",
    "nan",
    "a\x00b",
)
DOUBLES = (0.1, -0.0, 1e300, 5e-324, -1.7976931348623157e308, 2.0**-1022, 1 / 3)
INTEGERS = (0, 1, -1, 2**53 - 1, -(2**53) + 1)


def months(count: int) -> list[dt.date]:
    """The first ``count`` months from 2019-02."""
    return [add_months(FIRST, i) for i in range(count)]


def partitions_of(table: Table, count: int = 3) -> list[dt.date]:
    """The first ``count`` partitions of a table: months, or weeks."""
    return [_partition(table, i) for i in range(count)]


def _partition(table: Table, place: int) -> dt.date:
    if table.partition_dates is PartitionDates.WEEK:
        return add_weeks(week_of(FIRST), place)
    return add_months(FIRST, place)


def fill_tables(store: Store, names: Iterable[str] = TABLES, tag: int = 0) -> None:
    """Rows in some tables, in all by default, strange texts and nulls among them."""
    names = list(names)
    with store.transaction(names) as transaction:
        for name in names:
            table = TABLES[name]
            frame = rows_of(table, tag=tag)
            if table.partition is None:
                transaction.replace_all({name: frame})
            else:
                transaction.replace_partitions({name: frame}, sorted(set(frame[table.partition])))


def rows_of(table: Table, *, n_months: int = 3, per_month: int = 8, tag: int = 0) -> pd.DataFrame:
    """Rows with distinct keys, odd values and, where allowed, nulls.

    Parameters
    ----------
    table : Table
    n_months : int
    per_month : int
        Rows of each month; one where the month is the whole key.
    tag : int
        Another tag gives other values under the same keys.
    """
    if table.key == (table.partition,):
        per_month = 1
    n = n_months * per_month
    only = [len(c.allowed) for c in table.columns if c.name in table.key and c.allowed]
    n = min([n, *only])
    index = np.arange(n)
    columns = {c.name: _values(c, table, index, per_month, tag) for c in table.columns}
    return pd.DataFrame(columns)


def _values(
    column: Column, table: Table, index: np.ndarray, per_month: int, tag: int
) -> pd.Series | list:
    month = [_partition(table, int(i)) for i in index // per_month]
    if column.dtype == "DATE":
        # A key of a month and little else needs another month in each row.
        return [add_months(FIRST, int(i)) for i in index] if _needs_months(table) else month
    if column.name in table.key:
        return _key_values(column, index)
    values = _plain_values(column, index + tag)
    if column.is_nullable:
        values = values.astype(object)
        values[(index + tag) % 5 == 2] = None
    return values


def _needs_months(table: Table) -> bool:
    return table.partition is None


def _key_values(column: Column, index: np.ndarray) -> pd.Series:
    if column.dtype == "TIMESTAMPTZ":
        start = pd.Timestamp("2019-02-01 14:30:00.000001", tz="UTC")
        return pd.Series(start + pd.to_timedelta(index[::-1] * 3_600_000_001, unit="us"))
    if column.dtype == "BIGINT":
        return pd.Series(index[::-1])
    if column.dtype == "DOUBLE":
        return pd.Series(index[::-1] / 8)
    if column.allowed:
        allowed = tuple(column.allowed)
        return pd.Series([allowed[i] for i in index])
    return pd.Series([f"{TEXTS[i % len(TEXTS)]}{i}" for i in index])


def _plain_values(column: Column, index: np.ndarray) -> pd.Series:
    def pick(choices: tuple) -> pd.Series:
        return pd.Series([choices[i % len(choices)] for i in index])

    if column.dtype == "VARCHAR":
        return pick(tuple(column.allowed) or TEXTS)
    if column.dtype == "BOOLEAN":
        return pick((True, False, False))
    if column.dtype == "TIMESTAMPTZ":
        start = pd.Timestamp("2016-03-13 06:59:59.999999", tz="UTC")
        return pd.Series(start + pd.to_timedelta(index * 1_800_000_000, unit="us"))
    if column.unit == "0/1":
        return pick((0, 1))
    choices = DOUBLES if column.dtype == "DOUBLE" else INTEGERS
    return pick(tuple(abs(v) or 1 for v in choices) if column.is_positive else choices)
