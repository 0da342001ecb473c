"""One delivered Parquet file as canonical columns, in the order of its rows.

Belongs here: opening, schema, types and nulls of one file. Does not belong here: rules between
columns or files (:mod:`step3_assets.domain.delivery.rules`).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from step3_assets.catalogue.column import Table
from step3_assets.catalogue.delivery import OUTCOME_COLUMNS
from step3_assets.domain.core.canonical import ColumnError, canonical_series
from step3_assets.domain.delivery.contract import (
    delivered_name,
    find_partner,
    is_typed,
    retyped,
    schema_problems,
)
from step3_assets.domain.delivery.problems import Problem, row_problem

READ_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError)
FIRST_STAMP = pd.Timestamp("1960-01-01", tz="UTC")
LAST_STAMP = pd.Timestamp("2200-01-01", tz="UTC")
MOST_ROWS = 10_000_000
"""A hundred years of minutes. Memory is reserved for as many rows as a file's footer declares, so
a false footer could exhaust the machine's memory."""

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_ANY_ZONE = r"[+-][0-9]{2}:?[0-9]{2}"
_UTC = r"(?:\+00:?00|Z)"


@dataclass(frozen=True)
class Sheet:
    """What could be read of one file.

    Parameters
    ----------
    file : str
        Path inside the delivery.
    symbol : str
        From the file name, in upper case.
    table : Table
    partner : str or None
        Prefix of the other symbol's columns (events only).
    n_rows : int
    frame : DataFrame
        The columns without a problem so far, by catalogue name, canonical, in the file's row
        order. All outcome columns are present, as nulls, when the file has none.
    """

    file: str
    symbol: str
    table: Table
    partner: str | None
    n_rows: int
    frame: pd.DataFrame = field(repr=False)

    def has(self, *names: str) -> bool:
        """Whether all these columns could be read."""
        return all(name in self.frame.columns for name in names)

    def delivered_name(self, name: str) -> str:
        """The name of a catalogue column in the file."""
        return delivered_name(self.table.by_name[name], self.partner)

    def problem(self, name: str, at_fault: np.ndarray, message: str) -> Problem:
        """Problem of a column in the rows where the mask is true; the first value is shown."""
        first = int(np.flatnonzero(at_fault)[0])
        value = self.frame[name].iloc[first]
        text = f"{message}; row {first} has {_shown(value)}"
        return row_problem(self.file, self.delivered_name(name), at_fault, text)


def read_sheet(
    path: Path, file: str, symbol: str, table: Table
) -> tuple[Sheet | None, list[Problem]]:
    """Read a file as far as it can be read.

    Parameters
    ----------
    path : Path
    file : str
        Name of the file in problems.
    symbol : str
    table : Table

    Returns
    -------
    sheet : Sheet or None
        ``None`` when the file is not a Parquet file, or has bars but no rows. Events without rows
        are accepted: a newly listed symbol has no candidate yet.
    problems : list of Problem
        Problems of the file, its schema, its types, and nulls where the type has none.
    """
    arrow, message = _open(path)
    if arrow is None:
        return None, [Problem(file, "", (), message)]
    if arrow.num_rows == 0 and table.name != "events":
        return None, [Problem(file, "", (), "holds no rows")]
    partner = find_partner(arrow.schema.names, table)
    usable, problems = schema_problems(arrow.schema, file, table, partner)
    if partner is not None and partner.upper() == symbol:
        problems.append(
            Problem(file, f"{partner}_*", (), f"the other symbol of {symbol} is {symbol} itself")
        )
    columns: dict[str, pd.Series] = {}
    for name in usable:
        column = table.by_name[name]
        read, faults = _read_column(arrow, file, delivered_name(column, partner), table, name)
        problems += faults
        if read is not None:
            columns[name] = read
    if table.name == "events" and not any(n in arrow.schema.names for n in OUTCOME_COLUMNS):
        nothing = pd.Series(np.nan, index=range(arrow.num_rows))
        for name in OUTCOME_COLUMNS:
            columns[name] = canonical_series(nothing, table.by_name[name])
    frame = pd.DataFrame(columns, index=range(arrow.num_rows))
    problems += _loose_problems(arrow, frame, file, table)
    return Sheet(file, symbol, table, partner, arrow.num_rows, frame), problems


def oversize(metadata: pq.FileMetaData) -> str:
    """The problem if a footer declares more rows than any delivery has; empty if it does not.

    Checked before anything is read: rows of the file, of each row group, of each of its columns.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    declared = [metadata.num_rows, *(group.num_rows for group in groups)]
    declared += [group.column(i).num_values for group in groups for i in range(group.num_columns)]
    if max(declared) <= MOST_ROWS and min(declared) >= 0:
        return ""
    return f"declares {max(declared, key=abs):,} rows; at most {MOST_ROWS:,} are accepted"


def _open(path: Path) -> tuple[pa.Table | None, str]:
    """The whole file, or the problem with it."""
    try:
        if path.stat().st_size == 0:
            return None, "is empty (0 bytes); expected a Parquet file"
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            if message := oversize(parquet.metadata):
                return None, message
            arrow = parquet.read()
        arrow.validate(full=True)
    except PermissionError as error:
        return None, f"cannot be read: {error.strerror or error}"
    except READ_ERRORS as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return None, f"is not a complete Parquet file (truncated or damaged): {reason[0]}"
    return arrow, ""


def _read_column(
    arrow: pa.Table, file: str, delivered: str, table: Table, name: str
) -> tuple[pd.Series | None, list[Problem]]:
    """One column in its canonical type, or the problems that prevent the conversion."""
    column, values = table.by_name[name], arrow.column(delivered)
    try:
        series = _null_column(values) if _is_all_null(values) else values.to_pandas()
        if column.dtype == "TIMESTAMPTZ" and not kinds.is_timestamp(values.type):
            text = series.astype("str")
            faults = _stamp_text_problems(text, file, delivered)
            if faults:
                return None, faults
            series = pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce")
            if (lost := (series.isna() & text.notna()).to_numpy()).any():
                return None, [row_problem(file, delivered, lost, "is not a date that exists")]
        series = canonical_series(series, column)
    except ColumnError as error:
        at_fault = np.zeros(len(values), dtype=bool)
        at_fault[list(error.positions)] = True
        return None, [row_problem(file, delivered, at_fault, str(error))]
    except READ_ERRORS as error:
        return None, [Problem(file, delivered, (), f"cannot be read: {error}")]
    if column.dtype == "TIMESTAMPTZ":
        strange = ((series < FIRST_STAMP) | (series >= LAST_STAMP)).to_numpy()
        if strange.any():
            message = "lies outside the years 1960 to 2199"
            return None, [row_problem(file, delivered, strange, message)]
    return series, []


def _stamp_text_problems(text: pd.Series, file: str, delivered: str) -> list[Problem]:
    """Stamps written as text that do not state that they are UTC."""
    missing = text.isna()
    is_utc = text.str.fullmatch(_STAMP + _UTC, na=False)
    is_naive = text.str.fullmatch(_STAMP, na=False)
    is_other = text.str.fullmatch(_STAMP + _ANY_ZONE, na=False) & ~is_utc
    faults = (
        (is_naive, "has no time zone; expected UTC, as in 2016-01-21 16:00:00+00:00"),
        (is_other, "is in another time zone; expected UTC, as in 2016-01-21 16:00:00+00:00"),
        (
            ~(missing | is_utc | is_naive | is_other),
            "is not a stamp; expected UTC, as in 2016-01-21 16:00:00+00:00",
        ),
    )
    problems = []
    for mask, message in faults:
        if mask.any():
            first = text[mask].iloc[0]
            shown = f"{message}; found {_shown(first)}"
            problems.append(row_problem(file, delivered, mask.to_numpy(dtype=bool), shown))
    return problems


def _loose_problems(arrow: pa.Table, frame: pd.DataFrame, file: str, table: Table) -> list[Problem]:
    """Outcomes of another type that no pending row or null column explains."""
    if table.name != "events":
        return []
    present = [name for name in OUTCOME_COLUMNS if name in frame.columns]
    has_pending = bool(present) and bool(frame[present].isna().all(axis=1).any())
    problems = []
    for name in present:
        if name not in arrow.schema.names:
            continue
        found, column = arrow.schema.field(name).type, table.by_name[name]
        is_null_only = has_pending and _is_all_null(arrow.column(name))
        is_whole = has_pending and column.dtype == "BIGINT" and kinds.is_float64(found)
        if not (is_typed(found, column, table) or is_null_only or is_whole):
            problems.append(retyped(file, name, found, column, table))
    return problems


def _is_all_null(values: pa.ChunkedArray) -> bool:
    if kinds.is_float64(values.type):
        return bool(np.isnan(values.to_numpy()).all())
    return values.null_count == len(values)


def _null_column(values: pa.ChunkedArray) -> pd.Series:
    return pd.Series(np.nan, index=range(len(values)))


def _shown(value: object) -> str:
    """A value as a message shows it, cut to a readable length."""
    if isinstance(value, float | np.floating):
        return f"{value:.10g}"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
