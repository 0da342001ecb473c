"""One good delivery, and ways of spoiling a copy of it.

Belongs here: what the tests of the door share. Does not belong here: tests.
"""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from step3_assets.domain.delivery import DeliveryError, read_delivery
from step3_assets_tests.deliveries import small_frames, write_frames

EVENTS = "events/aaa_events.parquet"
BARS = "bar_features/aaa_bar_features.parquet"

BASELINE = {
    "monthly_table": [
        {"month_end": "2019-01-31T00:00:00+00:00", "equity": 10_010.0, "pnl": 10.0, "trades": 2.0}
    ]
}

Frames = Callable[[pd.DataFrame], pd.DataFrame]
Tables = Callable[[pa.Table], pa.Table]


@cache
def good_folder(*, symbols: tuple[str, ...] = ("AAA",), has_pending: bool = False) -> Path:
    """A delivery of one month, written once; copy it, don't touch it."""
    frames = small_frames(
        symbols=symbols, n_months=1, events_per_month=25, has_pending=has_pending, seed=3
    )
    return write_frames(Path(mkdtemp()), frames, baseline=BASELINE)


def copy_good(
    folder: Path, *, symbols: tuple[str, ...] = ("AAA",), has_pending: bool = False
) -> Path:
    """A copy of the good delivery at ``folder``."""
    good = good_folder(symbols=symbols, has_pending=has_pending)
    return Path(shutil.copytree(good, folder, dirs_exist_ok=True))


def rewrite_frame(folder: Path, file: str, change: Frames) -> None:
    """Read a file as a frame, change it and write it back."""
    frame = pd.read_parquet(folder / file)
    change(frame).to_parquet(folder / file, index=False)


def rewrite_arrow(folder: Path, file: str, change: Tables) -> None:
    """Read a file as an Arrow table, change it and write it back."""
    pq.write_table(change(pq.read_table(folder / file)), folder / file)


def set_values(column: str, rows: list[int], value: object) -> Frames:
    """Put a value into some rows of a column."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[rows] = value
        inferred = values.infer_objects()
        is_float = frame[column].dtype == "float64"
        return frame.assign(**{column: inferred.astype("float64") if is_float else inferred})

    return change


def add_to(column: str, rows: list[int], amount: Any) -> Frames:
    """Add to a column in some rows."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].copy()
        values.iloc[rows] = values.iloc[rows] + amount
        return frame.assign(**{column: values})

    return change


def cast(column: str, kind: pa.DataType) -> Tables:
    """Retype a column."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, table.column(column).cast(kind))

    return change


def assert_refused(
    folder: Path,
    file: str,
    column: str = "",
    rows: tuple[int, ...] = (),
    words: str = "",
    also: tuple[tuple[str, str], ...] = (),
) -> None:
    """Reading gives one error that names this file, column and rows, and blames nothing else.

    ``also`` lists further (file, column) pairs that the same fault touches.
    """
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    problems = caught.value.problems
    found = [p for p in problems if (p.file, p.column) == (file, column) and words in p.message]
    assert len(found) == 1, str(caught.value)
    assert found[0].rows == rows
    assert {(p.file, p.column) for p in problems} == {(file, column), *also}
    message = str(caught.value)
    assert str(folder) in message
    assert str(found[0]) in message
    for part in (file, column, words, *map(str, rows)):
        assert part in str(found[0])
