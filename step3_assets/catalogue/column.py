"""The types of the catalogue: a column, a table, and when a value is known.

Belongs here: the types that every table is described with, and the columns that many tables share.
Does not belong here: any table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from importlib import import_module
from typing import overload


class KnownAt(StrEnum):
    """When the value of a column becomes known."""

    IDENTITY = "identity"  # names the row; known at the decision but never a feature
    DECISION = "decision"  # known at the decision instant: may be a feature
    OUTCOME = "outcome"  # known only after entry: never a feature
    FOLD_START = "fold start"  # computed from labels final before the test month
    WEEK_START = "week start"  # computed from labels final before the week's first session
    RESULT = "result"  # computed after the outcome, by a backtest or report


@dataclass(frozen=True)
class NamesFrom(Sequence[str]):
    """Allowed values that a domain package defines, one file each.

    The catalogue lies below the domain, so it names the function that lists the values instead of
    importing it; the function is looked up when the values are needed.

    Parameters
    ----------
    module, function : str
    """

    module: str
    function: str

    def _names(self) -> tuple[str, ...]:
        return tuple(getattr(import_module(self.module), self.function)())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._names()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    dtype : str
        DuckDB type: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE or TIMESTAMPTZ (microseconds, UTC).
    known_at : KnownAt
    meaning : str
        One sentence for the data dictionary, with the definition where it is short.
    unit : str
        Empty for a pure number or text.
    is_nullable : bool
    is_positive : bool
        Values must be > 0 wherever they are present.
    is_delivered : bool
        The column arrives with Step 2 (as opposed to being added at ingest).
    allowed : sequence of str
        The values a categorical text column may take; empty for any.
    is_position : bool
        A row number of a bar table. It moves when an earlier bar is filled in, so it is left out
        when deliveries are compared.
    is_wall_clock : bool
        Wall-clock time at which a row was written. It is left out of content hashes, so that equal
        content has an equal hash whenever it was made.
    """

    name: str
    dtype: str
    known_at: KnownAt
    meaning: str
    unit: str = ""
    is_nullable: bool = False
    is_positive: bool = False
    is_delivered: bool = False
    allowed: Sequence[str] = ()
    is_position: bool = False
    is_wall_clock: bool = False


class PartitionDates(StrEnum):
    """Which dates may name a partition."""

    MONTH = "the first of a month"
    WEEK = "a Monday"

    def holds(self, day: date) -> bool:
        """Whether the day may name a partition."""
        return day.day == 1 if self is PartitionDates.MONTH else day.weekday() == 0

    def label(self, day: date) -> str:
        """The partition as messages name it: ``YYYY-MM``, or a week by its Monday."""
        return f"{day:%Y-%m}" if self is PartitionDates.MONTH else day.isoformat()


@dataclass(frozen=True)
class Table:
    """One table: its columns in order, its key and how it is partitioned.

    ``partition`` is the DATE column that a replacement deletes by (the month, or the week), or
    ``None`` for a table that is replaced whole; ``partition_dates`` says which dates it may hold.
    ``asset`` is the asset that writes it.
    """

    name: str
    meaning: str
    asset: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: str | None = "month"
    partition_dates: PartitionDates = PartitionDates.MONTH
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {c.name: c for c in self.columns})

    @property
    def names(self) -> list[str]:
        """Column names in declared order."""
        return [c.name for c in self.columns]

    @property
    def positions(self) -> tuple[str, ...]:
        """Names of the columns that hold row numbers."""
        return tuple(c.name for c in self.columns if c.is_position)


MONTH = Column(
    "month",
    "DATE",
    KnownAt.IDENTITY,
    "UTC calendar month of the row, as its first day.",
)

TEST_MONTH = Column(
    "month",
    "DATE",
    KnownAt.IDENTITY,
    "The fold: its test month, as its first day.",
)

SYMBOL = Column("symbol", "VARCHAR", KnownAt.IDENTITY, "Ticker, upper case.", is_delivered=True)

DECISION_TIME = Column(
    "decision_time_utc",
    "TIMESTAMPTZ",
    KnownAt.IDENTITY,
    "Start of the bar whose end is the decision instant.",
    "UTC",
    is_delivered=True,
)
