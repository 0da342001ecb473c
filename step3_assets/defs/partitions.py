"""Partitions: the months of the data, the test months, the search's epochs, the live weeks.

Belongs here: every partitions definition and mapping. Does not belong here: month arithmetic
(:mod:`step3_assets.domain.core.months`).

All run to the current calendar month, epoch or week (``end_offset=1``), so that the one under way
can be materialized; all are UTC. The coming week is there from Monday 00:00 UTC, Sunday evening in
New York, and so before its first session.
"""

import warnings
from dataclasses import dataclass
from datetime import date

import dagster as dg

from step3_assets.config import SearchConfig
from step3_assets.defs.resources import DEFAULT_FIRST_MONTH, Settings
from step3_assets.domain.core.months import add_months, first_test_month
from step3_assets.domain.core.weeks import add_weeks, month_of_week, week_of
from step3_assets.domain.delivery import DeliveryError, probe_months
from step3_assets.domain.delivery.probe import COMPLETE_BY_DAY
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.search.epochs import epoch_of
from step3_assets.storage.store import Store

DAY_FORMAT = "%Y-%m-%d"


def monthly(first: date) -> dg.MonthlyPartitionsDefinition:
    """Monthly partitions from ``first`` to the current calendar month, UTC."""
    return dg.MonthlyPartitionsDefinition(
        start_date=first.strftime(DAY_FORMAT), end_offset=1, timezone="UTC"
    )


# A fold of month M reads the 36 months before it and M itself: 37 months in one read.
LOOK_BACK = dg.TimeWindowPartitionMapping(
    start_offset=-LOOK_BACK_MONTHS, end_offset=0, allow_nonexistent_upstream_partitions=True
)
# A trade decided in M may exit in M+1, so a month's backtest marks it on that month's bars too.
MONTH_AND_NEXT = dg.TimeWindowPartitionMapping(
    start_offset=0, end_offset=1, allow_nonexistent_upstream_partitions=True
)


def search_epochs(first_test_month: date, epoch_months: int) -> dg.TimeWindowPartitionsDefinition:
    """Calendar epochs from the first test month's to the current one, by their first month."""
    starts = ",".join(str(month) for month in range(1, 13, epoch_months))
    return dg.TimeWindowPartitionsDefinition(
        start=epoch_of(first_test_month, epoch_months).strftime(DAY_FORMAT),
        fmt=DAY_FORMAT,
        cron_schedule=f"0 0 1 {starts} *",
        end_offset=1,
        timezone="UTC",
    )


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


def weekly(first_test_month: date) -> dg.WeeklyPartitionsDefinition:
    """Weeks by their Monday, from the first whose first session lies in a test month."""
    first = week_of(first_test_month)
    while (month_of_week(first) or first) < first_test_month:
        first = add_weeks(first, 1)
    return dg.WeeklyPartitionsDefinition(
        start_date=first.strftime(DAY_FORMAT), day_offset=1, end_offset=1, timezone="UTC"
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
    first, is_complete = _first_month(settings)
    first_test = first_test_month(first, is_complete, settings.config.folds.train_months)
    return Partitions(
        data_months=monthly(first),
        fold_months=monthly(first_test),
        epochs=search_epochs(first_test, settings.config.search.epoch_months),
        weeks=weekly(first_test),
    )


def _first_month(settings: Settings) -> tuple[date, bool]:
    if settings.delivery is not None and settings.delivery.is_dir():
        try:
            first, _, is_complete = probe_months(settings.delivery)
            return first, is_complete
        except DeliveryError as error:
            warnings.warn(f"the delivery cannot be read: {error}", stacklevel=2)
    if settings.database.exists():
        stamps = Store(settings.database).read("bar_features", columns=["date"])["date"]
        if len(stamps):
            first = stamps.min()
            return first.date().replace(day=1), first.day <= COMPLETE_BY_DAY
    return DEFAULT_FIRST_MONTH, True


def partitions_asked(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> list[date]:
    """The partitions that this run was asked for, in order: each a first day."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)


def partition_key(day: date) -> str:
    """Dagster's key of a month or week."""
    return day.strftime(DAY_FORMAT)


def look_back(month: date) -> date:
    """First month a fold of ``month`` may read."""
    return add_months(month, -LOOK_BACK_MONTHS)
