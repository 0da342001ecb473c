"""Which months a delivery changes, and which test months depend on them.

Belongs here: comparing a delivery with the hashes of the stored months, and the arithmetic of
dependent months. Does not belong here: differences row by row
(:mod:`step3_assets.domain.delivery.revisions`), or requesting runs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.domain.core.hashing import month_hashes
from step3_assets.domain.core.months import add_months, month_range
from step3_assets.domain.delivery.read import Delivery

DELIVERED = ("events", "bar_features")

MonthHashes = Mapping[str, Mapping[date, str]]
"""Content hash of each month of ``events`` and of ``bar_features``."""


@dataclass(frozen=True)
class MonthChanges:
    """Months of a delivery whose content differs from other content, by table.

    Parameters
    ----------
    events, bars : tuple of date
        In order.
    """

    events: tuple[date, ...] = ()
    bars: tuple[date, ...] = ()

    @property
    def months(self) -> list[date]:
        """Months in which either differs, in order."""
        return sorted({*self.events, *self.bars})


def delivered_hashes(delivery: Delivery) -> MonthHashes:
    """Content hash of every month that the delivery spans, including months without rows.

    Row numbers are left out: a bar that is filled in moves every later row but does not change it.
    """
    months = month_range(delivery.first_month, delivery.last_month)
    return {
        name: month_hashes(rows, TABLES[name], months, exclude=TABLES[name].positions)
        for name, rows in (("events", delivery.events), ("bar_features", delivery.bars))
    }


def stored_hashes(manifest: pd.DataFrame) -> MonthHashes:
    """Content hash of every stored month, from table ``dataset_months``."""
    found: dict[str, dict[date, str]] = {table: {} for table in DELIVERED}
    for row in manifest.itertuples():
        found[str(row.table_name)][row.month] = str(row.content_hash)  # type: ignore[index]
    return found


def months_that_differ(delivered: MonthHashes, other: MonthHashes) -> MonthChanges:
    """Months of the delivery whose content differs from that of ``other``, or is absent there."""

    def differing(table: str) -> tuple[date, ...]:
        return tuple(m for m, h in sorted(delivered[table].items()) if other[table].get(m) != h)

    return MonthChanges(events=differing("events"), bars=differing("bar_features"))


def dependent_test_months(
    changes: MonthChanges, look_back_months: int, first_test: date, last: date
) -> list[date]:
    """Test months that depend on the changed months.

    Parameters
    ----------
    changes : MonthChanges
    look_back_months : int
        A fold of month M reads this many months before M, and M.
    first_test, last : date
        First walk-forward month and last month of the data.

    Returns
    -------
    list of date
        In order. Bars of month M also mark the trades decided in the month before.

    Examples
    --------
    >>> changes = MonthChanges(bars=(date(2021, 3, 1),))
    >>> [str(m) for m in dependent_test_months(changes, 36, date(2021, 1, 1), date(2021, 4, 1))]
    ['2021-02-01', '2021-03-01', '2021-04-01']
    """
    found: set[date] = set()
    for month in changes.months:
        start = add_months(month, -1) if month in changes.bars else month
        end = min(add_months(month, look_back_months), last)
        found.update(month_range(max(start, first_test), end))
    return sorted(found)


def ranges_of(months: Iterable[date]) -> list[tuple[date, date]]:
    """First and last of each unbroken run of months.

    Examples
    --------
    >>> [(str(a), str(b)) for a, b in ranges_of([date(2021, 1, 1), date(2021, 2, 1)])]
    [('2021-01-01', '2021-02-01')]
    """
    ranges: list[tuple[date, date]] = []
    for month in sorted(set(months)):
        if ranges and add_months(ranges[-1][1], 1) == month:
            ranges[-1] = (ranges[-1][0], month)
        else:
            ranges.append((month, month))
    return ranges
