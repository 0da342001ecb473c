"""Epochs: which months share settings, and what was known when an epoch began.

Belongs here: the calendar of epochs, their inner months, cutting the data at an epoch's start.
Does not belong here: Dagster partitions, which are built on it; trials.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import OUTCOME_COLUMNS
from step3_assets.config import FoldConfig, SearchConfig
from step3_assets.domain.core.months import add_months, month_range, month_start


@dataclass(frozen=True)
class Epoch:
    """Months that share settings, and the inner test months on which those are chosen.

    Parameters
    ----------
    first, last : date
        Months of the epoch.
    inner : tuple of date
        Consecutive months up to the one before ``first``; empty if too few of them have enough data
        before them.
    """

    first: date
    last: date
    inner: tuple[date, ...]


def epoch_of(month: date, epoch_months: int) -> date:
    """First month of the epoch that contains a month.

    Examples
    --------
    >>> epoch_of(date(2021, 5, 1), 6), epoch_of(date(2021, 7, 1), 6)
    (datetime.date(2021, 1, 1), datetime.date(2021, 7, 1))
    """
    return date(month.year, (month.month - 1) // epoch_months * epoch_months + 1, 1)


def make_epoch(first: date, data_start: date, config: SearchConfig, folds: FoldConfig) -> Epoch:
    """The epoch that begins with a month.

    Parameters
    ----------
    first : date
        First month of the epoch.
    data_start : date
        First complete month of the data. An inner month needs ``folds.inner_min_train_months``
        months of data before it; its window is as long as the data allow.
    config : SearchConfig
    folds : FoldConfig
    """
    earliest = max(
        add_months(data_start, folds.inner_min_train_months),
        add_months(first, -config.inner_months),
    )
    inner = tuple(month_range(earliest, add_months(first, -1)))
    if len(inner) < config.min_inner_months:
        inner = ()
    return Epoch(first=first, last=add_months(first, config.epoch_months - 1), inner=inner)


def epochs_between(
    first: date, last: date, data_start: date, config: SearchConfig, folds: FoldConfig
) -> list[Epoch]:
    """Every epoch that contains one of the months ``first`` to ``last``."""
    starts = sorted({epoch_of(m, config.epoch_months) for m in month_range(first, last)})
    return [make_epoch(start, data_start, config, folds) for start in starts]


def known_before(
    events: pd.DataFrame, bars: pd.DataFrame, month: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was known at a month's first instant.

    Parameters
    ----------
    events, bars : DataFrame
        Tables ``events`` and ``bar_features``.

    Returns
    -------
    events, bars : DataFrame
        Bars that had ended and events that had been decided by then. An event that had not exited
        by then is pending and has no outcome.
    """
    start = month_start(month)
    bars = bars[bars["bar_end_utc"] <= start]
    events = events[events["decision_instant_utc"] <= start]
    is_open = ~(events["exit_time_utc"] < start)
    if is_open.any():
        masked = events[is_open].copy()
        for name in OUTCOME_COLUMNS:
            masked[name] = pd.Series(np.nan, index=masked.index).astype(masked[name].dtype)
        masked["maturity"] = "pending"
        events = pd.concat([events[~is_open], masked]).sort_index()
    return events, bars
