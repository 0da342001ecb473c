"""The columns of a delivered file and their Arrow types: the catalogue as Step 2 writes it.

Belongs here: names and types, from the schema of a file alone. Does not belong here: values.
"""

import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.types as kinds

from step3_assets.catalogue.column import Column, Table
from step3_assets.catalogue.delivery import CROSS_SUFFIXES, OUTCOME_COLUMNS, PARTNER_COLUMNS
from step3_assets.domain.core.instants import NY
from step3_assets.domain.delivery.problems import Problem

UTC_NAMES = ("UTC", "Etc/UTC", "+00:00")

_PARTNER = re.compile(rf"([a-z][a-z0-9.]{{0,9}})_({'|'.join(CROSS_SUFFIXES)})")
_ARROW_NAMES = {"DOUBLE": "double", "BIGINT": "int64", "BOOLEAN": "bool", "VARCHAR": "string"}


def delivered_columns(table: Table) -> list[Column]:
    """Columns of the table that arrive with Step 2, in catalogue order."""
    return [column for column in table.columns if column.is_delivered]


def find_partner(names: Sequence[str], table: Table) -> str | None:
    """Prefix of the other symbol's columns, lower case, or ``None`` if there is none.

    Where several prefixes occur, the one with the most columns is taken; the others count as
    columns that do not belong to the contract.
    """
    in_catalogue = set(table.names)
    matches = (_PARTNER.fullmatch(name) for name in names if name not in in_catalogue)
    counts = Counter(match[1] for match in matches if match)
    return min(counts, key=lambda prefix: (-counts[prefix], prefix)) if counts else None


def delivered_name(column: Column, partner: str | None) -> str:
    """The name of a catalogue column in the file: ``cross_sigma`` is ``spy_sigma`` there."""
    if column.name in PARTNER_COLUMNS:
        return f"{partner or '{other}'}_{column.name.removeprefix('cross_')}"
    return column.name


def schema_problems(
    schema: pa.Schema, file: str, table: Table, partner: str | None
) -> tuple[list[str], list[Problem]]:
    """Compare a file's schema with the catalogue.

    Returns
    -------
    usable : list of str
        Catalogue names of the columns that appear exactly once and have their type. Outcome
        columns of another type are included when they may hold nulls only, or whole numbers kept
        as doubles: that depends on their values.
    problems : list of Problem
    """
    expected = {delivered_name(c, partner): c for c in delivered_columns(table)}
    counts = Counter(schema.names)
    has_outcomes = any(name in counts for name in OUTCOME_COLUMNS) or table.name != "events"
    usable, problems = [], []
    for name, column in expected.items():
        if name not in counts:
            if has_outcomes or column.name not in OUTCOME_COLUMNS:
                wanted = expected_type(column, table)
                problems.append(Problem(file, name, (), f"is missing; expected {wanted}"))
        elif counts[name] > 1:
            problems.append(Problem(file, name, (), f"appears {counts[name]} times; expected once"))
        elif is_typed(schema.field(name).type, column, table) or _may_pend(column, schema, name):
            usable.append(column.name)
        else:
            problems.append(retyped(file, name, schema.field(name).type, column, table))
    for name in dict.fromkeys(schema.names):
        if name not in expected:
            message = "is not in the contract; a delivery may not add columns"
            problems.append(Problem(file, name, (), message))
    return usable, problems


def retyped(file: str, name: str, found: pa.DataType, column: Column, table: Table) -> Problem:
    """The problem of a column that has another type."""
    return Problem(file, name, (), f"is {found}; expected {expected_type(column, table)}")


def is_typed(arrow: pa.DataType, column: Column, table: Table) -> bool:
    """Whether an Arrow type is the one that the contract requires for the column."""
    if column.dtype == "TIMESTAMPTZ":
        if table.name == "events" and _is_text(arrow):
            return True
        zones = (NY,) if column.name == "ny_time" else UTC_NAMES
        return kinds.is_timestamp(arrow) and arrow.tz in zones
    if column.dtype == "VARCHAR":
        return _is_text(arrow)
    return {
        "DOUBLE": kinds.is_float64,
        "BIGINT": kinds.is_int64,
        "BOOLEAN": kinds.is_boolean,
    }[column.dtype](arrow)


def expected_type(column: Column, table: Table) -> str:
    """The type that the contract requires, in words."""
    if column.dtype != "TIMESTAMPTZ":
        return _ARROW_NAMES[column.dtype]
    if column.name == "ny_time":
        return f"timestamp with zone {NY}"
    if table.name == "events":
        return "text such as 2016-01-21 16:00:00+00:00, or timestamp with zone UTC"
    return "timestamp with zone UTC"


def _is_text(arrow: pa.DataType) -> bool:
    if kinds.is_dictionary(arrow):
        arrow = arrow.value_type
    return kinds.is_string(arrow) or kinds.is_large_string(arrow) or kinds.is_string_view(arrow)


def _may_pend(column: Column, schema: pa.Schema, name: str) -> bool:
    """Whether pending rows may explain the type: nulls turn integers into double, or null alone."""
    arrow = schema.field(name).type
    is_loose = kinds.is_null(arrow) or kinds.is_float64(arrow)
    return is_loose and column.name in OUTCOME_COLUMNS
