"""Partitions: the months of the data, the test months, the search's epochs, the live weeks.

Belongs here: every partitions definition and mapping. Does not belong here: month arithmetic
(:mod:`step3_assets.domain.core.months`).

All run to the current calendar month, epoch or week (``end_offset=1``), so that the one under way
can be materialized, but no further than the month after the last of the data: later ones cannot be
made before their data arrive, and would be shown as missing. All are UTC. The coming week is there
from Monday 00:00 UTC, Sunday evening in New York, and so before its first session.
"""

import warnings
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
from dagster._time import get_current_datetime

from step3_assets.config import SearchConfig
from step3_assets.defs.run_log import RANGE_TAGS
from step3_assets.defs.settings import DEFAULT_FIRST_MONTH, Settings
from step3_assets.domain.core.months import add_months, first_test_month
from step3_assets.domain.core.weeks import add_weeks, month_of_week, week_of
from step3_assets.domain.delivery import DeliveryError, probe_months
from step3_assets.domain.delivery.probe import COMPLETE_BY_DAY
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.search.epochs import epoch_of
from step3_assets.storage.store import Store

DAY_FORMAT = "%Y-%m-%d"


def monthly(first: date, end: date | None = None) -> dg.MonthlyPartitionsDefinition:
    """Monthly partitions from ``first`` to the current calendar month and before ``end``, UTC."""
    return dg.MonthlyPartitionsDefinition(
        start_date=first.strftime(DAY_FORMAT),
        end_date=None if end is None else end.strftime(DAY_FORMAT),
        end_offset=1,
        timezone="UTC",
    )


# A fold of month M reads the 36 months before it and M itself: 37 months in one read.
LOOK_BACK = dg.TimeWindowPartitionMapping(
    start_offset=-LOOK_BACK_MONTHS, end_offset=0, allow_nonexistent_upstream_partitions=True
)
# A trade decided in M may exit in M+1, so a month's backtest marks it on that month's bars too.
MONTH_AND_NEXT = dg.TimeWindowPartitionMapping(
    start_offset=0, end_offset=1, allow_nonexistent_upstream_partitions=True
)


def search_epochs(
    first_test_month: date, epoch_months: int, end: date | None = None
) -> dg.TimeWindowPartitionsDefinition:
    """Calendar epochs from the first test month's to the current one, by their first month.

    With an ``end`` to the one that the month before it lies in.
    """
    starts = ",".join(str(month) for month in range(1, 13, epoch_months))
    return dg.TimeWindowPartitionsDefinition(
        start=epoch_of(first_test_month, epoch_months).strftime(DAY_FORMAT),
        end=None if end is None else _end_of_epoch(end, epoch_months).strftime(DAY_FORMAT),
        fmt=DAY_FORMAT,
        cron_schedule=f"0 0 1 {starts} *",
        end_offset=1,
        timezone="UTC",
    )


def _end_of_epoch(end: date, epoch_months: int) -> date:
    return add_months(epoch_of(add_months(end, -1), epoch_months), epoch_months)


def before_the_epoch(search: SearchConfig) -> dg.TimeWindowPartitionMapping:
    """The inner months of an epoch and the look-back of the first; counted in epochs."""
    months = search.inner_months + LOOK_BACK_MONTHS
    return dg.TimeWindowPartitionMapping(
        start_offset=-months // search.epoch_months,  # rounded down: an epoch more
        end_offset=-1,
        allow_nonexistent_upstream_partitions=True,
    )


# A test month takes the settings of the epoch that it lies in, where there are any.
EPOCH_OF_MONTH = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


def weekly(first_test_month: date, end: date | None = None) -> dg.WeeklyPartitionsDefinition:
    """Weeks by their Monday, from the first whose first session lies in a test month.

    With an ``end`` to the one that the day before it lies in.
    """
    first = week_of(first_test_month)
    while (month_of_week(first) or first) < first_test_month:
        first = add_weeks(first, 1)
    last = None if end is None else add_weeks(week_of(end - timedelta(days=1)), 1)
    return dg.WeeklyPartitionsDefinition(
        start_date=first.strftime(DAY_FORMAT),
        end_date=None if last is None else last.strftime(DAY_FORMAT),
        day_offset=1,
        end_offset=1,
        timezone="UTC",
    )


def weeks_before(count: int) -> dg.TimeWindowPartitionMapping:
    """The months that a week and the ``count`` weeks before it lie in."""
    return dg.TimeWindowPartitionMapping(
        start_offset=-count, end_offset=0, allow_nonexistent_upstream_partitions=True
    )


@dataclass(frozen=True)
class Partitions:
    """The definitions of one installation.

    Attributes
    ----------
    data_months : MonthlyPartitionsDefinition
        Every month from the first of the delivery: ``events`` and ``bar_features``.
    fold_months : MonthlyPartitionsDefinition
        Every test month: from the first whose whole window is covered.
    epochs : TimeWindowPartitionsDefinition
        Every search epoch that holds a test month.
    weeks : WeeklyPartitionsDefinition
        Every week of the live loop: from the first test month's.
    """

    data_months: dg.MonthlyPartitionsDefinition
    fold_months: dg.MonthlyPartitionsDefinition
    epochs: dg.TimeWindowPartitionsDefinition
    weeks: dg.WeeklyPartitionsDefinition

    @property
    def first_data_month(self) -> date:
        """First month of the data."""
        return self.data_months.start.date()

    @property
    def first_test_month(self) -> date:
        """First walk-forward month."""
        return self.fold_months.start.date()


def partitions_for(settings: Settings) -> Partitions:
    """Partitions for the delivery the installation points to.

    A delivery that cannot be read (half-written, say) leaves the months as the store knows them, so
    that no partition vanishes from the UI; without either, they start at a documented default, so
    that the asset graph can be looked at before any data is there.
    """
    span = _data_span(settings)
    first, is_complete = span.first, span.is_complete
    end = None if span.last is None else end_of_partitions(span.last)
    first_test = first_test_month(first, is_complete, settings.config.folds.train_months)
    return Partitions(
        data_months=monthly(first, end),
        fold_months=monthly(first_test, end),
        epochs=search_epochs(first_test, settings.config.search.epoch_months, end),
        weeks=weekly(first_test, end),
    )


def end_of_partitions(last_month: date) -> date | None:
    """First day of the month that no partition reaches; None where the calendar alone decides.

    The month after the last of the data can be made: its fold trains on everything before it.
    Where the data are of this month or the last one they are live, and the months to come follow
    with the calendar, so that nothing has to be reloaded at the turn of a month.
    """
    this_month = get_current_datetime().date().replace(day=1)
    return None if last_month >= add_months(this_month, -1) else add_months(last_month, 2)


@dataclass(frozen=True)
class DataSpan:
    """First and last month of the data; the last is None where there are none."""

    first: date
    is_complete: bool
    last: date | None


def _data_span(settings: Settings) -> DataSpan:
    if settings.delivery is not None and settings.delivery.is_dir():
        try:
            first, last, is_complete = probe_months(settings.delivery)
            return DataSpan(first, is_complete, last)
        except DeliveryError as error:
            warnings.warn(f"the delivery cannot be read: {error}", stacklevel=2)
    if settings.database.exists():
        stamps = Store(settings.database).read("bar_features", columns=["date"])["date"]
        if len(stamps):
            first, last = stamps.min(), stamps.max().date().replace(day=1)
            return DataSpan(first.date().replace(day=1), first.day <= COMPLETE_BY_DAY, last)
    return DataSpan(DEFAULT_FIRST_MONTH, True, None)


def partitions_asked(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> list[date]:
    """The partitions that this run was asked for, in order: each a first day."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)


def partition_key(day: date) -> str:
    """Dagster's key of a month or week."""
    return day.strftime(DAY_FORMAT)


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags of a run over consecutive months or weeks."""
    return dict(zip(RANGE_TAGS, map(partition_key, (first, last)), strict=True))


def look_back(month: date) -> date:
    """First month a fold of ``month`` may read."""
    return add_months(month, -LOOK_BACK_MONTHS)
