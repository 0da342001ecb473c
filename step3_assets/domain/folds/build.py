"""Walk-forward folds: the role of each event for one test month, or for one live week.

Belongs here: windows, inner blocks, roles, the manifest. Does not belong here: the purge and
embargo rule (:mod:`step3_assets.domain.folds.purge`), training, storage.

A fold uses the rows of the look-back and the test month and ignores later rows, so it is the same
to the bit whether a delivery ends with the month or years later.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd

from step3_assets.catalogue.folds import FOLD_MEMBERS, FOLDS, ROLES
from step3_assets.config import FoldConfig
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import add_months, month_start
from step3_assets.domain.folds.purge import BarClock, LabelSpans, drop_reasons, naive_utc
from step3_assets.domain.folds.uniqueness import average_uniqueness

LOOK_BACK_MONTHS = 36
TRAINING_ROLES = ("fit", "calibration")


@dataclass(frozen=True)
class FoldSpan:
    """The span that a fold tests.

    Parameters
    ----------
    key : date
        Names the fold: the first day of the test month, or the Monday of the week.
    start, end : Timestamp
        First instant of the span, and first instant after it. Windows and inner blocks are counted
        back from `start` in whole months.
    """

    key: date
    start: pd.Timestamp
    end: pd.Timestamp

    @classmethod
    def of_month(cls, month: date) -> "FoldSpan":
        """A test month of the walk-forward."""
        return cls(key=month, start=month_start(month), end=month_start(add_months(month, 1)))


@dataclass(frozen=True)
class Fold:
    """One test month's fold, or one week's.

    Parameters
    ----------
    month : date
        The test month, or the Monday of a week.
    manifest : DataFrame
        Rows of table ``folds``: bounds and counts, one per symbol.
    members : DataFrame
        Rows of table ``fold_members``: one per event of the look-back and of the test month.
    """

    month: date
    manifest: pd.DataFrame
    members: pd.DataFrame


@dataclass(frozen=True)
class InnerFold:
    """One inner fold: which of a fold's rows it is trained on, and which it predicts.

    Parameters
    ----------
    number : int
        Numbered in time order; the value of column ``inner_fold``.
    train, validation : ndarray of bool, shape (n,)
        Masks over the rows. The training rows are those that
        :func:`step3_assets.domain.folds.purge.drop_reasons` keeps before the validation block
        begins.
    """

    number: int
    train: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True)
class FoldRows:
    """A fold with the rows that it is trained from.

    Parameters
    ----------
    fold : Fold
    events : DataFrame
        Rows of table ``events``, at least the fold's training rows; others are ignored.
    bars : DataFrame
        Rows of table ``bar_features`` of the window, or any superset: bars that start in the test
        span or later are ignored. Not read if models learn from events alone.
    config : FoldConfig
        The settings that the fold was cut with.
    """

    fold: Fold
    events: pd.DataFrame
    bars: pd.DataFrame
    config: FoldConfig


@dataclass(frozen=True)
class _Roles:
    """Columns of the members, one value per event."""

    role: np.ndarray
    inner_fold: np.ndarray  # float, NaN where none
    inner_train_from: np.ndarray  # float, NaN where none


def build_fold(events: pd.DataFrame, bars: pd.DataFrame, month: date, config: FoldConfig) -> Fold:
    """Build the fold that tests `month`: see :func:`cut_fold`."""
    return cut_fold(events, bars, FoldSpan.of_month(month), config)


def cut_fold(events: pd.DataFrame, bars: pd.DataFrame, span: FoldSpan, config: FoldConfig) -> Fold:
    """Build the fold that tests a span.

    Parameters
    ----------
    events, bars : DataFrame
        Rows of tables ``events`` and ``bar_features``: any superset of the 36 months before
        the span and the span itself, in any row order. Bars need ``symbol``, ``bar_idx``, ``date``.
    span : FoldSpan
    config : FoldConfig

    Returns
    -------
    Fold
        With a manifest row for every symbol that has bars in these months, also if it has no
        events. Known at the start of the span, except for the keys of the test rows.

    Raises
    ------
    FoldError
        If a symbol has events but no bars.
    """
    start = span.start
    look_back = months_before(start, LOOK_BACK_MONTHS)
    events = _sorted_slice(events, "decision_time_utc", look_back, span.end)
    clock = BarClock.from_bars(_sorted_slice(bars, "date", look_back, span.end))
    spans = LabelSpans.from_events(events, clock)
    window_start = months_before(start, config.train_months)
    in_window = (spans.decision >= _us(window_start)) & (spans.decision < _us(start))
    horizons = events["H"].to_numpy(dtype=np.int64)[in_window]
    boundary = clock.boundary_at(start, int(horizons.max()) if len(horizons) else 0)

    reasons = drop_reasons(spans, boundary, window_start)
    reasons[spans.decision >= _us(start)] = "test"
    roles = _assign_roles(spans, clock, reasons, start, config, boundary.embargo_bars)
    members = _members(events, spans, roles, span.key)
    manifest = _manifest(members, clock.symbols, span.key)
    manifest["window_start_utc"] = window_start
    manifest["test_start_utc"] = start
    manifest["test_end_utc"] = span.end
    manifest["embargo_start_utc"] = boundary.embargo_start_utc
    manifest["first_test_idx"] = [boundary.first_idx[s] for s in clock.symbols]
    manifest["embargo_bars"] = boundary.embargo_bars
    stamps = [c.name for c in FOLDS.columns if c.dtype == "TIMESTAMPTZ"]
    manifest = manifest.astype(dict.fromkeys(stamps, "datetime64[us, UTC]"))
    return Fold(month=span.key, manifest=manifest[FOLDS.names], members=members)


def months_before(instant: pd.Timestamp, count: int) -> pd.Timestamp:
    """The instant so many months earlier; in a month that is too short, on its last day.

    Examples
    --------
    >>> months_before(pd.Timestamp("2023-03-31 13:30", tz="UTC"), 1)
    Timestamp('2023-02-28 13:30:00+0000', tz='UTC')
    """
    return instant - pd.DateOffset(months=count)


def inner_blocks(
    start: pd.Timestamp, config: FoldConfig
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Inner validation blocks of a fold, in time order: first instant of each, and first after it.

    The months of the window after ``inner_min_train_months`` are divided as evenly as whole
    months allow; the division depends on the calendar alone, never on rows.

    Examples
    --------
    >>> start = pd.Timestamp("2019-02-01", tz="UTC")
    >>> [f"{a:%Y-%m} {b:%Y-%m}" for a, b in inner_blocks(start, FoldConfig())]
    ['2017-02 2017-08', '2017-08 2018-02', '2018-02 2018-08', '2018-08 2019-02']
    """
    n_months = config.train_months - config.inner_min_train_months
    n_blocks = min(config.inner_folds, n_months)
    back = [n_months - i * n_months // n_blocks for i in range(n_blocks + 1)]
    return list(pairwise(months_before(start, count) for count in back))


@dataclass(frozen=True)
class BarFold:
    """Which bars may train a fold and its inner folds, and which an inner fold predicts.

    Parameters
    ----------
    train : ndarray of bool, shape (n,)
        Mask over the bars whose two-bar label ends before the test span, less the embargo.
    inner : tuple of InnerFold
        One for each inner block, in time order, numbered like the inner folds of events.
    """

    train: np.ndarray
    inner: tuple[InnerFold, ...]


def cut_bar_fold(bars: pd.DataFrame, fold: Fold, config: FoldConfig) -> BarFold:
    """Purge and embargo bar rows for a fold by the same rule as events.

    Parameters
    ----------
    bars : DataFrame, n rows
        ``symbol``, ``bar_idx``, ``date`` of a superset of the window, in any row order.
    fold : Fold
    config : FoldConfig
        The settings that the fold was cut with.
    """
    start = fold.manifest["test_start_utc"].iloc[0]
    embargo_bars = int(fold.manifest["embargo_bars"].iloc[0])
    window_start = months_before(start, config.train_months)
    clock = BarClock.from_bars(bars)
    spans = LabelSpans.from_bars(bars, clock)
    train = drop_reasons(spans, clock.boundary_at(start, embargo_bars), window_start) == ""
    inner = []
    for number, (first, end) in enumerate(inner_blocks(start, config)):
        boundary = clock.boundary_at(first, embargo_bars)
        before = train & (drop_reasons(spans, boundary, window_start) == "")
        block = train & (spans.decision >= _us(first)) & (spans.decision < _us(end))
        inner.append(InnerFold(number=number, train=before, validation=block))
    return BarFold(train=train, inner=tuple(inner))


def training_mask(members: pd.DataFrame) -> np.ndarray:
    """Mask of the rows on which the fold's final models are fitted."""
    return members["role"].isin(TRAINING_ROLES).to_numpy(dtype=bool)


def inner_folds(members: pd.DataFrame) -> list[InnerFold]:
    """The inner folds of a fold, in time order.

    Parameters
    ----------
    members : DataFrame
        Rows of table ``fold_members`` of one fold.
    """
    block = members["inner_fold"].to_numpy(dtype=np.float64)
    train_from = members["inner_train_from"].to_numpy(dtype=np.float64)
    kept = training_mask(members)
    return [
        InnerFold(number=int(j), train=kept & (train_from <= j), validation=kept & (block == j))
        for j in np.unique(block[~np.isnan(block)])
    ]


def _assign_roles(
    spans: LabelSpans,
    clock: BarClock,
    reasons: np.ndarray,
    test_start: pd.Timestamp,
    config: FoldConfig,
    embargo_bars: int,
) -> _Roles:
    """Divide the kept rows into inner blocks, and find the first block that each row trains."""
    kept = reasons == ""
    window_start = months_before(test_start, config.train_months)
    blocks = inner_blocks(test_start, config)
    trains = np.zeros((len(blocks), len(kept)), dtype=bool)
    inner_fold = np.full(len(kept), np.nan)
    for j, (start, end) in enumerate(blocks):
        boundary = clock.boundary_at(start, embargo_bars)
        trains[j] = kept & (drop_reasons(spans, boundary, window_start) == "")
        if trains[j].sum() >= config.inner_min_rows:
            in_block = (spans.decision >= _us(start)) & (spans.decision < _us(end))
            inner_fold[kept & in_block] = j
    # A row trains from block j on only if every later block keeps it as well.
    stays = np.logical_and.accumulate(trains[::-1], axis=0)[::-1]
    inner_train_from = np.where(stays.any(axis=0), stays.argmax(axis=0), np.nan)
    role = reasons.copy()
    role[kept] = np.where(np.isnan(inner_fold[kept]), "fit", "calibration")
    return _Roles(role=role, inner_fold=inner_fold, inner_train_from=inner_train_from)


def _members(events: pd.DataFrame, spans: LabelSpans, roles: _Roles, month: date) -> pd.DataFrame:
    kept = np.isin(roles.role, TRAINING_ROLES)
    uniqueness = np.full(len(events), np.nan)
    uniqueness[kept] = average_uniqueness(
        spans.symbol[kept], spans.first_idx[kept], spans.end_idx[kept]
    )
    members = pd.DataFrame(
        {
            "month": pd.Series([month] * len(events), dtype=object),
            "symbol": events["symbol"].to_numpy(),
            "decision_time_utc": events["decision_time_utc"],
            "role": roles.role,
            "inner_fold": roles.inner_fold,
            "inner_train_from": roles.inner_train_from,
            "uniqueness": uniqueness,
        }
    )
    return members[FOLD_MEMBERS.names]


def _manifest(members: pd.DataFrame, symbols: list[str], month: date) -> pd.DataFrame:
    """Counts per symbol, and the hash of the rows that train."""
    counts = pd.crosstab(members["symbol"], members["role"])
    counts = counts.reindex(index=symbols, columns=list(ROLES), fill_value=0).astype("int64")
    manifest = counts.add_prefix("n_").reset_index(drop=True).rename_axis(columns=None)
    manifest.insert(0, "symbol", symbols)
    manifest.insert(0, "month", pd.Series([month] * len(symbols), dtype=object))
    manifest["n_inner_folds"] = members["inner_fold"].nunique()
    manifest["members_hash"] = frame_hash(members[training_mask(members)], FOLD_MEMBERS)
    return manifest


def _sorted_slice(
    frame: pd.DataFrame, column: str, start: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    rows = (frame[column] >= start) & (frame[column] < end)
    return frame[rows].sort_values(["symbol", column], kind="stable").reset_index(drop=True)


def _us(stamp: pd.Timestamp) -> np.datetime64:
    return naive_utc(pd.Series([stamp]))[0]
