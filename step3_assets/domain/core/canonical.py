"""Canonical frames: one pandas type for each catalogue type, whatever type the input has.

Belongs here: conversion of one column or one frame to the catalogue's types, without loss or not
at all.
Does not belong here: which values are allowed (:mod:`step3_assets.domain.core.validation`).

=========== ======== =======================================================================
DuckDB      nullable pandas
=========== ======== =======================================================================
VARCHAR     either   ``str`` (null is NaN)
DOUBLE      either   ``float64`` (null is NaN; -0.0 is 0.0)
BIGINT      no       ``int64``
BIGINT      yes      ``float64`` (null is NaN), as pandas reads such a Parquet column
BOOLEAN     no       ``bool``
BOOLEAN     yes      ``boolean``
DATE        either   ``object`` of :class:`datetime.date` (null is None)
TIMESTAMPTZ either   ``datetime64[us, UTC]`` (null is NaT)
=========== ======== =======================================================================
"""

import datetime as dt
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from pandas.api.typing.aliases import DtypeObj

from step3_assets.catalogue.column import Column, Table

EXACT_INTEGER = 2**53
"""From this magnitude on, a float64 cannot hold every integer."""


class ColumnError(ValueError):
    """A column cannot take its catalogue type without loss.

    Attributes
    ----------
    positions : tuple of int
        Rows at fault, by position; empty when the whole column is.
    """

    def __init__(self, message: str, positions: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.positions = tuple(int(p) for p in positions)


def canonical_series(values: pd.Series, column: Column) -> pd.Series:
    """One column in its canonical type.

    Parameters
    ----------
    values : Series, shape (n,)
        Any form of the type: NumPy, pandas extension, Arrow, or objects. A column of nulls alone
        may have any dtype.
    column : Column

    Returns
    -------
    Series, shape (n,)
        Same index; dtype as in the module's table. NaN, None, NA and NaT all become its null.

    Raises
    ------
    ColumnError
        If a value is of another kind, or cannot be converted without loss (a fraction, less than a
        microsecond, no time zone, a null where the type has none).

    Examples
    --------
    >>> from step3_assets.catalogue import TABLES
    >>> canonical_series(pd.Series([1.0, 0.0]), TABLES["events"].by_name["entry_overnight"]).dtype
    dtype('int64')
    """
    missing = _missing(values)
    if column.dtype in ("BIGINT", "BOOLEAN") and not column.is_nullable and missing.any():
        raise ColumnError("null where none is allowed", np.flatnonzero(missing))
    if missing.all():
        return empty_series(column, values.index)
    return _CONVERTERS[column.dtype](values, column, missing)


def empty_series(column: Column, index: pd.Index) -> pd.Series:
    """A column of nulls (or of no rows) in its canonical type."""
    if column.dtype == "DATE":
        return pd.Series([None] * len(index), index=index, name=column.name, dtype=object)
    return pd.Series(np.nan, index=index, name=column.name).astype(canonical_dtype(column))


def canonical_dtype(column: Column) -> DtypeObj:
    """Pandas dtype that a catalogue column has in a canonical frame."""
    name = {
        "VARCHAR": "str",
        "DOUBLE": "float64",
        "BIGINT": "float64" if column.is_nullable else "int64",
        "BOOLEAN": "boolean" if column.is_nullable else "bool",
        "DATE": "object",
        "TIMESTAMPTZ": "datetime64[us, UTC]",
    }[column.dtype]
    return pd.api.types.pandas_dtype(name)


def canonical_columns(
    frame: pd.DataFrame, table: Table
) -> tuple[dict[str, pd.Series], dict[str, ColumnError]]:
    """Convert each catalogue column; for those that cannot be converted, return the error.

    Raises
    ------
    ValueError
        If columns are missing, unknown or doubled.
    """
    check_columns(frame, table)
    done: dict[str, pd.Series] = {}
    failed: dict[str, ColumnError] = {}
    for column in table.columns:
        try:
            done[column.name] = canonical_series(frame[column.name], column)
        except ColumnError as error:
            failed[column.name] = error
    return done, failed


def check_columns(frame: pd.DataFrame, table: Table) -> None:
    """Refuse a frame whose columns are not exactly the table's (in any order).

    Raises
    ------
    ValueError
        Naming the table and the missing, unknown and doubled columns.
    """
    found = list(frame.columns)
    faults = [
        f"{word} {', '.join(map(repr, names))}"
        for word, names in (
            ("missing", [n for n in table.names if n not in found]),
            ("unknown", [n for n in found if n not in table.by_name]),
            ("doubled", sorted({n for n in table.names if found.count(n) > 1})),
        )
        if names
    ]
    if faults:
        raise ValueError(f"{table.name}: columns {'; '.join(faults)}")


def canonical_frame(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The frame in catalogue order and types, sorted by the table's key.

    Parameters
    ----------
    frame : DataFrame, shape (n, k)
        Exactly the table's columns, in any order and any form of their types.
    table : Table

    Returns
    -------
    DataFrame, shape (n, k)
        Index 0..n-1. NaN and NULL are the same null; the month is a :class:`datetime.date`.

    Raises
    ------
    ValueError
        Naming missing or unknown columns, or columns whose values do not fit the type.
    """
    columns, failed = canonical_columns(frame, table)
    if failed:
        raise ValueError(
            "; ".join(f"{table.name}.{name}: {error}" for name, error in failed.items())
        )
    return sort_by_key(pd.DataFrame(columns, columns=table.names, index=frame.index), table)


def sort_by_key(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows in key order, nulls last, index reset: the order in which the store returns rows."""
    codes = []
    for name in table.key:
        code = pd.factorize(frame[name], sort=True)[0]
        codes.append(np.where(code < 0, len(frame), code))
    order = np.lexsort(codes[::-1])
    if np.array_equal(order, np.arange(len(frame))):
        return frame.reset_index(drop=True)
    return frame.take(order).reset_index(drop=True)


def _missing(values: pd.Series) -> np.ndarray:
    """Mask of nulls, including the NaN that an Arrow column of floats may hold besides nulls."""
    missing = values.isna().to_numpy()
    if isinstance(values.dtype, pd.ArrowDtype) and pd.api.types.is_float_dtype(values.dtype):
        missing = missing | np.isnan(values.to_numpy(dtype="float64", na_value=np.nan))
    return missing


def _text(values: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if values.dtype == object:
        wrong = [i for i, v in enumerate(values) if not missing[i] and not isinstance(v, str)]
        if wrong:
            raise ColumnError("is not text", wrong)
    elif not pd.api.types.is_string_dtype(values.dtype):
        raise ColumnError(f"is {values.dtype}, not text")
    try:
        return values.astype("str")
    except UnicodeError as error:
        raise ColumnError(f"holds text that is not valid Unicode ({error})") from error


def _number(values: pd.Series, kind: str) -> pd.Series:
    """Numbers as NumPy or extension numeric; booleans, text and stamps are refused."""
    if values.dtype == object:
        inferred = pd.api.types.infer_dtype(values, skipna=True)
        if inferred not in ("integer", "floating", "mixed-integer-float"):
            raise ColumnError(f"holds {inferred} objects, not {kind}")
        try:
            return pd.to_numeric(values)
        except (ValueError, TypeError, OverflowError) as error:
            raise ColumnError(f"is not {kind}: {error}") from error
    if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
        raise ColumnError(f"is {values.dtype}, not {kind}")
    return values


def _double(values: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    numbers = _number(values, "numbers").to_numpy(dtype="float64", na_value=np.nan)
    numbers = numbers + 0.0  # -0.0 becomes 0.0: equal values have equal bits
    return pd.Series(numbers, index=values.index, name=column.name)


def _integer(values: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    numbers = _number(values, "whole numbers")
    if pd.api.types.is_float_dtype(numbers.dtype) or column.is_nullable:
        floats = numbers.to_numpy(dtype="float64", na_value=np.nan)
        whole = missing | ((floats == np.floor(floats)) & (np.abs(floats) < EXACT_INTEGER))
        if not whole.all():
            raise ColumnError("is not a whole number", np.flatnonzero(~whole))
        out = floats if column.is_nullable else floats.astype("int64")
        return pd.Series(out, index=values.index, name=column.name)
    if (numbers > np.iinfo("int64").max).any():
        raise ColumnError("does not fit 64 bits")
    return numbers.astype("int64")


def _boolean(values: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    if values.dtype == object:
        inferred = pd.api.types.infer_dtype(values, skipna=True)
        if inferred != "boolean":
            raise ColumnError(f"holds {inferred} objects, not true or false")
    elif not pd.api.types.is_bool_dtype(values.dtype):
        raise ColumnError(f"is {values.dtype}, not true or false")
    return values.astype("boolean").astype(canonical_dtype(column))


def _date(values: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    if pd.api.types.is_datetime64_dtype(values.dtype):
        late = ~missing & (values != values.dt.normalize()).to_numpy()
        if late.any():
            raise ColumnError("is a time of day, not a date", np.flatnonzero(late))
        values = values.dt.date
    # Dates repeat: only the few distinct values are checked one by one.
    codes, distinct = pd.factorize(values.astype(object))
    for position, value in enumerate(distinct):
        if type(value) is not dt.date:
            raise ColumnError(
                f"holds {type(value).__name__}, not dates", np.flatnonzero(codes == position)
            )
    table = np.empty(len(distinct) + 1, dtype=object)
    table[: len(distinct)] = distinct
    return pd.Series(table[codes], index=values.index, name=column.name, dtype=object)


def _timestamp(values: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    if values.dtype == object:
        naive = [
            i
            for i, v in enumerate(values)
            if not missing[i] and (not isinstance(v, dt.datetime) or v.tzinfo is None)
        ]
        if naive:
            raise ColumnError("is not a stamp with a time zone", naive)
        values = pd.to_datetime(values, utc=True)
    elif isinstance(values.dtype, pd.ArrowDtype) and getattr(values.dtype.pyarrow_dtype, "tz", ""):
        values = pd.Series(pd.DatetimeIndex(values.dt.tz_convert("UTC")), index=values.index)
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        raise ColumnError(f"is {values.dtype}, not stamps with a time zone")
    stamps = values.dt.tz_convert("UTC")
    micros = stamps.dt.as_unit("us")
    fine = ~missing & (micros != stamps).to_numpy()
    if fine.any():
        raise ColumnError("is finer than a microsecond", np.flatnonzero(fine))
    return micros.rename(column.name)


_CONVERTERS: dict[str, Callable[[pd.Series, Column, np.ndarray], pd.Series]] = {
    "VARCHAR": _text,
    "DOUBLE": _double,
    "BIGINT": _integer,
    "BOOLEAN": _boolean,
    "DATE": _date,
    "TIMESTAMPTZ": _timestamp,
}
