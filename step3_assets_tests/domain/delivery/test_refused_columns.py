"""Columns that are missing, added, doubled or of another type stop the delivery."""

import pandas as pd
import pyarrow as pa
import pytest

from step3_assets_tests.domain.delivery.mutation import (
    BARS,
    EVENTS,
    assert_refused,
    cast,
    copy_good,
    rewrite_arrow,
    rewrite_frame,
)

EVERY_ROW = (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("file", "column"),
    [
        (EVENTS, "symbol"),
        (EVENTS, "t_idx"),
        (EVENTS, "decision_time_utc"),
        (EVENTS, "a_tp"),
        (EVENTS, "cost_rt"),
        (EVENTS, "sigma"),
        (EVENTS, "mkt_sigma"),
        (EVENTS, "mkt_age_min"),
        (EVENTS, "net_logret"),
        (EVENTS, "truncated_horizon"),
        (BARS, "date"),
        (BARS, "open"),
        (BARS, "expected_bar_seconds"),
        (BARS, "gap_ret_realized"),
        (BARS, "symbol"),
    ],
)
def test_a_missing_column_is_refused(tmp_path, file, column):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, file, lambda f: f.drop(columns=[column]))
    assert_refused(folder, file, column, words="is missing")


@pytest.mark.parametrize(
    ("file", "column"),
    [
        (EVENTS, "hold_bars"),
        (EVENTS, "spy_sigma"),
        (EVENTS, "cross_sigma"),
        (EVENTS, "month"),
        (EVENTS, "maturity"),
        (EVENTS, ""),
        (BARS, "next_open"),
        (BARS, "bar_idx"),
    ],
)
def test_an_added_column_is_refused(tmp_path, file, column):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, file, lambda f: f.assign(**{column: 1.0}))
    assert_refused(folder, file, column, words="not in the contract")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_arrow(folder, EVENTS, lambda t: t.append_column("H", t.column("H")))
    assert_refused(folder, EVENTS, "H", words="appears 2 times")


def test_a_renamed_column_is_both_missing_and_added(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f.rename(columns={"sigma": "Sigma"}))
    assert_refused(folder, EVENTS, "sigma", words="is missing", also=((EVENTS, "Sigma"),))


def test_the_other_symbols_columns_must_be_there(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f[[c for c in f.columns if not c.startswith("mkt_")]])
    suffixes = ("u_atr", "trend_score", "pullback_z", "vol_z", "range_ratio", "ema_fast_slope")
    also = tuple((EVENTS, f"{{other}}_{suffix}") for suffix in (*suffixes, "age_min"))
    assert_refused(folder, EVENTS, "{other}_sigma", words="is missing", also=also)


def test_the_other_symbol_is_another_one(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f.rename(columns=lambda c: c.replace("mkt_", "aaa_")))
    assert_refused(folder, EVENTS, "aaa_*", words="the other symbol of AAA is AAA itself")


@pytest.mark.parametrize(
    ("file", "column", "kind", "words"),
    [
        (EVENTS, "t_idx", pa.int32(), "is int32; expected int64"),
        (EVENTS, "t_idx", pa.float64(), "is double; expected int64"),
        (EVENTS, "H", pa.string(), "is string; expected int64"),
        (EVENTS, "y", pa.float64(), "is double; expected int64"),
        (EVENTS, "y", pa.int8(), "is int8; expected int64"),
        (EVENTS, "label_end_idx", pa.float64(), "is double; expected int64"),
        (EVENTS, "entry_overnight", pa.bool_(), "is bool; expected int64"),
        (EVENTS, "sigma", pa.float32(), "is float; expected double"),
        (EVENTS, "net_logret", pa.float32(), "is float; expected double"),
        (EVENTS, "symbol", pa.binary(), "is binary; expected string"),
        (BARS, "barcount", pa.float64(), "is double; expected int64"),
        (BARS, "is_opening_bar", pa.int64(), "is int64; expected bool"),
        (BARS, "close", pa.float32(), "is float; expected double"),
        (BARS, "date", pa.timestamp("us"), "is timestamp[us]; expected timestamp with zone UTC"),
        (BARS, "date", pa.timestamp("us", "Europe/Berlin"), "expected timestamp with zone UTC"),
        (BARS, "date", pa.int64(), "is int64; expected timestamp with zone UTC"),
        (BARS, "date", pa.string(), "expected timestamp with zone UTC"),
        (
            BARS,
            "ny_time",
            pa.timestamp("us", "UTC"),
            "expected timestamp with zone America/New_York",
        ),
        (BARS, "ny_time", pa.timestamp("us"), "expected timestamp with zone America/New_York"),
    ],
)
def test_a_retyped_column_is_refused(tmp_path, file, column, kind, words):
    folder = copy_good(tmp_path)
    rewrite_arrow(folder, file, cast(column, kind))
    assert_refused(folder, file, column, words=words)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("decision_time_utc", pa.timestamp("us")),
        ("entry_time_utc", pa.timestamp("us", "America/New_York")),
        ("exit_time_utc", pa.timestamp("us")),
    ],
)
def test_event_stamps_of_timestamp_type_must_be_utc(tmp_path, column, kind):
    folder = copy_good(tmp_path)

    def change(table: pa.Table) -> pa.Table:
        stamps = pa.array(pd.to_datetime(table.column(column).to_pandas(), utc=True))
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, stamps.cast(pa.timestamp("us", "UTC")).cast(kind))

    rewrite_arrow(folder, EVENTS, change)
    assert_refused(folder, EVENTS, column, words="or timestamp with zone UTC")


@pytest.mark.parametrize(
    ("column", "text", "words"),
    [
        ("decision_time_utc", "2019-01-02 15:00:00", "has no time zone"),
        ("exit_time_utc", "2019-01-02T15:00:00", "has no time zone"),
        ("decision_time_utc", "2019-01-02 10:00:00-05:00", "is in another time zone"),
        ("exit_time_utc", "2019-01-02 16:00:00+0100", "is in another time zone"),
        ("decision_time_utc", "2019-01-02", "is not a stamp"),
        ("exit_time_utc", "02/01/2019 15:00:00+00:00", "is not a stamp"),
        ("decision_time_utc", "1546441200", "is not a stamp"),
        ("exit_time_utc", "", "is not a stamp"),
        ("decision_time_utc", "2019-02-30 15:00:00+00:00", "is not a date that exists"),
        ("exit_time_utc", "2019-01-02 25:00:00+00:00", "is not a date that exists"),
        ("decision_time_utc", "1066-10-14 15:00:00+00:00", "lies outside the years"),
    ],
)
def test_stamps_written_as_text_must_say_that_they_are_utc(tmp_path, column, text, words):
    folder = copy_good(tmp_path)

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        stamps = frame[column].astype(object)
        stamps.iloc[[3, 7]] = text
        return frame.assign(**{column: stamps})

    rewrite_frame(folder, EVENTS, change)
    assert_refused(folder, EVENTS, column, (3, 7), words)


def test_stamps_finer_than_a_microsecond_are_refused(tmp_path):
    folder = copy_good(tmp_path)
    nanosecond = pd.Timedelta(1, "ns")
    rewrite_frame(
        folder,
        BARS,
        lambda f: f.assign(date=f["date"].dt.as_unit("ns") + nanosecond),
    )
    assert_refused(folder, BARS, "date", EVERY_ROW, "finer than a microsecond")


def test_text_that_is_not_unicode_is_refused(tmp_path):
    folder = copy_good(tmp_path)

    def change(table: pa.Table) -> pa.Table:
        raw = pa.array([b"trend\xff"] * table.num_rows, pa.binary())
        text = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
        return table.set_column(table.schema.get_field_index("family"), "family", text)

    rewrite_arrow(folder, EVENTS, change)
    assert_refused(folder, EVENTS, words="Invalid UTF8")
