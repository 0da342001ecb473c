"""Validation of a frame against the catalogue: a list of problems, or one error with all of them.

Belongs here: rules that follow from the catalogue alone (columns, types, nulls, ranges, allowed
values, keys). Does not belong here: rules between columns or files
(:mod:`step3_assets.domain.delivery`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import Column, Table
from step3_assets.domain.core.canonical import canonical_columns, sort_by_key

_SHOWN = 5


class TableError(ValueError):
    """A frame breaks the catalogue's rules for its table.

    Attributes
    ----------
    table : str
    problems : tuple of Problem
    """

    def __init__(self, table: str, problems: Sequence["Problem"]) -> None:
        self.table = table
        self.problems = tuple(problems)
        super().__init__("; ".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple:
        return type(self), (self.table, self.problems)


@dataclass(frozen=True)
class Problem:
    """One rule that a frame breaks.

    Parameters
    ----------
    table : str
    column : str
        Column, the key's columns joined by ``+``, or empty when columns are missing or unknown.
    message : str
        What is wrong, with the first few rows at fault by position, key and value.
    n_rows : int
        Rows at fault; 0 when the whole column is at fault.
    """

    table: str
    column: str
    message: str
    n_rows: int = 0

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}" if self.column else self.table
        return f"{place}: {self.message}"


def find_problems(frame: pd.DataFrame, table: Table) -> list[Problem]:
    """Every rule of the catalogue that the frame breaks; empty when it breaks none.

    Checked: the columns are exactly the table's, each of its type; there is no null unless
    allowed, and no infinity; values are positive where declared, among the allowed ones, and 0 or
    1 where that is the unit; the partition is the first of a month, or a Monday; no key is
    repeated.

    Parameters
    ----------
    frame : DataFrame
    table : Table
    """
    return _examine(frame, table)[1]


def validate_frame(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The frame in canonical form, or an error that names every problem.

    Parameters
    ----------
    frame : DataFrame
    table : Table

    Returns
    -------
    DataFrame
        As :func:`step3_assets.domain.core.canonical.canonical_frame`.

    Raises
    ------
    TableError
        Naming table, columns and rows.
    """
    columns, problems = _examine(frame, table)
    if problems:
        raise TableError(table.name, problems)
    return sort_by_key(pd.DataFrame(columns, columns=table.names, index=frame.index), table)


def _examine(frame: pd.DataFrame, table: Table) -> tuple[dict[str, pd.Series], list[Problem]]:
    try:
        columns, failed = canonical_columns(frame, table)
    except ValueError as error:
        text = str(error).removeprefix(f"{table.name}: ")
        return {}, [Problem(table.name, "", text)]
    problems = []
    for column in table.columns:
        if column.name in failed:
            error = failed[column.name]
            problems.append(
                _problem(frame, table, column.name, str(error), np.array(error.positions, int))
            )
        else:
            for message, at_fault in value_faults(columns[column.name], column, table):
                positions = np.flatnonzero(at_fault)
                if len(positions):
                    problems.append(_problem(frame, table, column.name, message, positions))
    problems += _key_problems(frame, columns, table)
    return columns, problems


def value_faults(values: pd.Series, column: Column, table: Table) -> list[tuple[str, np.ndarray]]:
    """(message, mask of rows at fault) of each catalogue rule on one canonical column.

    Parameters
    ----------
    values : Series, shape (n,)
        Canonical, as :func:`step3_assets.domain.core.canonical.canonical_series` returns it.
    column : Column
    table : Table
    """
    missing = values.isna().to_numpy()
    is_nullable = column.is_nullable and column.name not in table.key
    faults = [] if is_nullable else [("null where none is allowed", missing)]
    if column.dtype in ("DOUBLE", "BIGINT"):
        numbers = values.to_numpy(dtype="float64")
        faults.append(("not finite", np.isinf(numbers)))
        if column.is_positive:
            faults.append(("must be above 0", ~missing & ~(numbers > 0)))
        if column.unit == "0/1":
            faults.append(("must be 0 or 1", ~missing & ~np.isin(numbers, (0.0, 1.0))))
    if column.allowed:
        strange = ~missing & ~values.isin(list(column.allowed)).to_numpy()
        faults.append((f"not one of {', '.join(column.allowed)}", strange))
    if column.name == table.partition:
        codes, distinct = pd.factorize(values)
        wrong = np.array([not table.partition_dates.holds(d) for d in distinct] + [False])
        faults.append((f"not {table.partition_dates}", wrong[codes]))
    return faults


def _key_problems(
    frame: pd.DataFrame, columns: dict[str, pd.Series], table: Table
) -> list[Problem]:
    if any(name not in columns for name in table.key):
        return []
    keys = pd.DataFrame({name: columns[name] for name in table.key})
    doubled = np.flatnonzero(keys.duplicated(keep=False))
    if not len(doubled):
        return []
    return [_problem(frame, table, "+".join(table.key), "key not unique", doubled)]


def _problem(
    frame: pd.DataFrame, table: Table, column: str, message: str, positions: np.ndarray
) -> Problem:
    if not len(positions):
        return Problem(table.name, column, message)
    shown = "; ".join(_describe(frame, table, column, p) for p in positions[:_SHOWN])
    more = f"; and {len(positions) - _SHOWN} more" if len(positions) > _SHOWN else ""
    noun = "row" if len(positions) == 1 else "rows"
    text = f"{message} in {len(positions)} {noun}: {shown}{more}"
    return Problem(table.name, column, text, len(positions))


def _describe(frame: pd.DataFrame, table: Table, column: str, position: int) -> str:
    row = frame.iloc[int(position)]
    key = ", ".join(f"{name}={row[name]}" for name in table.key)
    value = (
        "" if column not in table.by_name or column in table.key else f" has {row[column]!r:.80}"
    )
    return f"row {position} ({key}){value}"
