"""The months that a delivery spans, without reading it.

Belongs here: the quick look from which partitions are built. Does not belong here: validation; a
delivery that can be probed may still be refused.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as kinds

from step3_assets.domain.delivery.contract import UTC_NAMES
from step3_assets.domain.delivery.files import find_files
from step3_assets.domain.delivery.problems import DeliveryError, Problem
from step3_assets.domain.delivery.sheet import FIRST_STAMP, LAST_STAMP, READ_ERRORS, oversize

COMPLETE_BY_DAY = 5
"""A first month whose bars begin by this day of the month counts as complete."""


def probe_months(folder: Path) -> tuple[date, date, bool]:
    """First and last UTC month of the bars, over all symbols.

    Parameters
    ----------
    folder : Path
        The delivery.

    Returns
    -------
    first, last : date
    is_complete : bool
        Whether the first bar lies within the first five days of its month.

    Raises
    ------
    DeliveryError
        If there is no bar file, or the ``date`` column of one cannot be read.
    """
    files, problems = find_files(folder)
    if not files.bars:
        raise DeliveryError(folder, problems)
    spans = []
    for path in files.bars.values():
        span, message = _span(path)
        if span is None:
            raise DeliveryError(folder, [Problem(files.name_of(path), "date", (), message)])
        spans.append(span)
    first, last = min(s for s, _ in spans), max(s for _, s in spans)
    is_complete = first.day <= COMPLETE_BY_DAY
    return first.date().replace(day=1), last.date().replace(day=1), is_complete


def _span(path: Path) -> tuple[tuple[datetime, datetime] | None, str]:
    """First and last stamp of one file, from its footer if it has them; or the problem."""
    try:
        with pq.ParquetFile(path) as parquet:
            if message := oversize(parquet.metadata):
                return None, message
            names = parquet.schema_arrow.names
            if names.count("date") != 1:
                return None, "is missing; expected timestamp with zone UTC"
            kind = parquet.schema_arrow.field("date").type
            if not kinds.is_timestamp(kind) or kind.tz not in UTC_NAMES:
                return None, f"is {kind}; expected timestamp with zone UTC"
            span = _footer_span(parquet, names.index("date")) or _column_span(parquet)
    except READ_ERRORS as error:
        return None, f"cannot be read: {error}"
    if span is None:
        return None, "holds no stamps"
    if span[1] > datetime.now(UTC):
        return None, "lies in the future"
    if span[0] < FIRST_STAMP or span[1] >= LAST_STAMP:
        return None, "lies outside the years 1960 to 2199"
    return span, ""


def _footer_span(parquet: pq.ParquetFile, place: int) -> tuple[datetime, datetime] | None:
    """Span from the statistics of every row group, or ``None`` when one has none."""
    firsts, lasts = [], []
    for group in range(parquet.metadata.num_row_groups):
        chunk = parquet.metadata.row_group(group).column(place)
        statistics = chunk.statistics
        if chunk.path_in_schema != "date" or statistics is None or not statistics.has_min_max:
            return None
        firsts.append(_utc(statistics.min))
        lasts.append(_utc(statistics.max))
    return (min(firsts), max(lasts)) if firsts else None


def _column_span(parquet: pq.ParquetFile) -> tuple[datetime, datetime] | None:
    span = pc.min_max(parquet.read(columns=["date"]).column("date")).as_py()  # pyright: ignore[reportAttributeAccessIssue]
    return None if span["min"] is None else (_utc(span["min"]), _utc(span["max"]))


def _utc(stamp: datetime) -> datetime:
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
