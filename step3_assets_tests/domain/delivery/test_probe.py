"""The span of a delivery, from footers or from the column."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from step3_assets.domain.delivery import DeliveryError, probe, probe_months
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.domain.delivery.mutation import BARS, cast, copy_good, rewrite_arrow


@pytest.mark.parametrize(
    ("start", "n_months", "drop", "expected"),
    [
        (date(2019, 1, 1), 3, 0, (date(2019, 1, 1), date(2019, 3, 1), True)),
        (date(2019, 1, 1), 1, 0, (date(2019, 1, 1), date(2019, 1, 1), True)),
        (date(2018, 11, 1), 3, 145, (date(2018, 11, 1), date(2019, 1, 1), True)),
        (date(2018, 11, 1), 3, 147, (date(2018, 11, 1), date(2018, 12, 1), True)),
    ],
)
def test_months_of_the_first_and_last_bar(tmp_path, start, n_months, drop, expected):
    write_small_delivery(tmp_path, start=start, n_months=n_months, drop_last_bars=drop)
    assert probe_months(tmp_path) == expected


@pytest.mark.parametrize(("first_day", "is_complete"), [(5, True), (6, False), (21, False)])
def test_a_first_month_is_complete_when_bars_begin_by_its_fifth_day(
    tmp_path, first_day, is_complete
):
    folder = copy_good(tmp_path)
    stamps = pd.date_range(f"2019-02-{first_day:02}", "2019-04-02", freq="D", tz="UTC", unit="us")
    pq.write_table(pa.table({"date": pa.array(stamps)}), folder / BARS)
    assert probe_months(folder) == (date(2019, 2, 1), date(2019, 4, 1), is_complete)


def test_the_span_covers_all_symbols(tmp_path):
    write_small_delivery(tmp_path / "a", symbols=("AAA",), start=date(2019, 3, 1), n_months=2)
    write_small_delivery(tmp_path / "a", symbols=("BBB",), start=date(2019, 2, 1), n_months=2)
    assert probe_months(tmp_path / "a") == (date(2019, 2, 1), date(2019, 4, 1), True)


@pytest.mark.parametrize("options", [{}, {"row_group_size": 10}])
def test_the_footer_is_enough(tmp_path, monkeypatch, options):
    folder = copy_good(tmp_path)
    pq.write_table(pq.read_table(folder / BARS), folder / BARS, **options)

    def refuse(_parquet):
        raise AssertionError("the column was read")

    monkeypatch.setattr(probe, "_column_span", refuse)
    assert probe_months(folder) == (date(2019, 1, 1), date(2019, 1, 1), True)


def test_without_statistics_the_column_is_read(tmp_path):
    folder = copy_good(tmp_path)
    pq.write_table(pq.read_table(folder / BARS), folder / BARS, write_statistics=False)
    assert probe_months(folder) == (date(2019, 1, 1), date(2019, 1, 1), True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: (d / BARS).unlink(), "holds no *_bar_features.parquet"),
        (lambda d: (d / BARS).write_bytes(b""), "cannot be read"),
        (lambda d: (d / BARS).write_bytes((d / BARS).read_bytes()[:-9]), "cannot be read"),
        (lambda d: rewrite_arrow(d, BARS, lambda t: t.drop_columns("date")), "is missing"),
        (lambda d: rewrite_arrow(d, BARS, cast("date", pa.timestamp("us"))), "zone UTC"),
        (lambda d: rewrite_arrow(d, BARS, cast("date", pa.string())), "zone UTC"),
        (lambda d: rewrite_arrow(d, BARS, lambda t: t.slice(0, 0)), "holds no stamps"),
    ],
    ids=["absent", "empty", "cut", "no date", "naive", "text", "no rows"],
)
def test_what_cannot_be_probed_is_a_delivery_error(tmp_path, spoil, words):
    folder = copy_good(tmp_path)
    spoil(folder)
    with pytest.raises(DeliveryError, match="bar_features") as caught:
        probe_months(folder)
    assert words in str(caught.value)


@pytest.mark.parametrize("micros", [2**62, -(2**62)])
@pytest.mark.parametrize("has_statistics", [True, False])
def test_stamps_beyond_the_calendar_are_a_delivery_error(tmp_path, micros, has_statistics):
    folder = copy_good(tmp_path)
    stamps = pa.array([0, micros], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"date": stamps}), folder / BARS, write_statistics=has_statistics)
    with pytest.raises(DeliveryError, match="column date"):
        probe_months(folder)


def test_a_folder_that_is_not_there_is_a_delivery_error(tmp_path):
    with pytest.raises(DeliveryError, match="no such folder"):
        probe_months(tmp_path / "nowhere")
