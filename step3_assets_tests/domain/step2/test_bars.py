"""Every reason to refuse bars, each planted; and the form that good bars are brought to."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.step2.bars import (
    BAR_COLUMNS,
    BarsError,
    bar_ends,
    check_all,
    check_bars,
    find_bar_files,
    read_bars,
    refuse_strange_dates,
)
from step3_assets_tests.domain.step2.small_bars import bars_of, random_bars

FLAT = [(100.0, 101.0, 99.0, 100.0)] * 4


def _set(column, row, value):
    def plant(bars):
        bars[column] = bars[column].astype(object if isinstance(value, str) else float)
        bars.loc[row, column] = value
        return bars

    return plant


def _stamps(stamps):
    return lambda bars: bars.assign(date=stamps(bars["date"]))


def _swap(stamps):
    return pd.Series(stamps.array[[0, 2, 1, 3]])


FAULTS = {
    "no close": (lambda b: b.drop(columns="close"), "missing column close"),
    "column twice": (lambda b: pd.concat([b, b[["low"]]], axis=1), "column low appears twice"),
    "no rows": (lambda b: b.iloc[:0], "holds no bars"),
    "naive": (_stamps(lambda s: s.dt.tz_localize(None)), "column date has stamps without a zone"),
    "other zone": (
        _stamps(lambda s: s.dt.tz_convert("America/New_York")),
        "column date is in America/New_York; expected UTC",
    ),
    "text stamps": (_stamps(lambda s: s.astype(str)), "column date has type str"),
    "missing stamp": (_stamps(lambda s: s.where(s.index != 2)), "column date is missing at row 2"),
    "half a second": (
        _stamps(lambda s: s.where(s.index != 3, s + pd.Timedelta("500ms"))),
        "column date is not on a whole second at row 3",
    ),
    "unsorted": (
        _stamps(_swap),
        r"column date lies before the row above \(unsorted\) at row 2 \(2023-06-05 14:00:00Z\)",
    ),
    "repeated": (
        _stamps(lambda s: pd.Series(s.array[[0, 1, 1, 2]])),
        r"column date repeats the stamp before it at row 2 \(2023-06-05 14:00:00Z\)",
    ),
    "text price": (_set("low", 1, "99"), "column low has type object; expected numbers"),
    "flag as price": (lambda b: b.assign(open=True), "column open has type bool"),
    "nan price": (_set("close", 1, np.nan), "column close is not a finite price at row 1 "),
    "infinite price": (_set("high", 1, np.inf), "column high is not a finite price at row 1 "),
    "zero price": (_set("low", 3, 0.0), "column low is zero or negative at row 3 "),
    "negative price": (_set("open", 3, -1.0), "column open is zero or negative at row 3 "),
    "high below low": (_set("high", 2, 98.5), "column high is below low at row 2 "),
    "open above high": (_set("open", 2, 101.1), r"column open lies outside \[low, high\] at row 2"),
    "close below low": (
        _set("close", 2, 98.9),
        r"column close lies outside \[low, high\] at row 2",
    ),
    "negative volume": (_set("volume", 0, -1.0), "column volume is negative at row 0 "),
    "nan volume": (_set("volume", 0, np.nan), "column volume is not finite at row 0 "),
    "text volume": (_set("volume", 0, "many"), "column volume has type object"),
    "text average": (lambda b: b.assign(average="x"), "column average has type str"),
    "part of a trade": (
        lambda b: b.assign(barCount=1.5),
        "column barCount is not a whole number at row 0",
    ),
    "flag as text": (
        lambda b: b.assign(is_opening_bar="yes"),
        "column is_opening_bar has type str",
    ),
    "length zero": (
        lambda b: b.assign(expected_bar_seconds=0),
        "column expected_bar_seconds is not a positive whole number at row 0 ",
    ),
    "another ny_time": (
        lambda b: b.assign(ny_time=b["date"].dt.tz_convert("America/New_York").shift(1)),
        "column ny_time is another instant than date at row 0 ",
    ),
    "naive ny_time": (
        lambda b: b.assign(ny_time=b["date"].dt.tz_localize(None)),
        "column ny_time has type datetime64",
    ),
}


@pytest.mark.parametrize(("plant", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_wrong_bars_are_refused_with_file_column_and_rows(plant, message):
    with pytest.raises(BarsError, match=f"^qqq_1h.parquet: {message}"):
        check_bars(plant(bars_of(FLAT)), "qqq_1h.parquet")


def test_a_message_names_five_rows_and_counts_the_rest():
    bars = bars_of([(100.0, 99.0, 101.0, 100.0)] * 8)
    with pytest.raises(BarsError, match=r"at row 0 .*, 4 \(.*\) and 3 more$"):
        check_bars(bars, "qqq")


def test_not_a_table_is_refused():
    with pytest.raises(BarsError, match="expected a table of bars, got list"):
        check_bars([1, 2], "qqq")  # pyright: ignore[reportArgumentType]


def test_rounding_of_open_and_close_is_no_fault():
    bars = bars_of([(101.0 + 5e-8, 101.0, 99.0, 99.0 - 5e-8)])
    assert len(check_bars(bars, "qqq")) == 1


def test_zero_volume_is_lawful():
    assert check_bars(bars_of(FLAT, volume=0.0), "qqq")["volume"].tolist() == [0.0] * 4


def test_calendar_columns_are_filled_where_they_are_absent():
    bars = check_bars(bars_of(FLAT * 2), "qqq")
    assert list(bars.columns) == list(BAR_COLUMNS)
    assert bars["is_opening_bar"].tolist() == [True] + [False] * 6 + [True]
    assert bars["expected_bar_seconds"].tolist() == [1800] + [3600] * 6 + [1800]
    assert bars["is_partial_bar"].tolist() == [True] + [False] * 6 + [True]
    assert bars["ny_time"].dt.strftime("%H:%M").tolist()[:3] == ["09:30", "10:00", "11:00"]
    assert bars["average"].isna().all()
    assert bars["barcount"].isna().all()


def test_given_columns_pass_through_and_others_are_dropped():
    bars = bars_of(FLAT, average=99.5, barCount=7, is_partial_bar=True, expected_bar_seconds=300)
    checked = check_bars(bars.assign(remark="x"), "qqq")
    assert checked["average"].tolist() == [99.5] * 4
    assert checked["barcount"].tolist() == [7] * 4
    assert checked["expected_bar_seconds"].tolist() == [300] * 4
    assert checked["is_partial_bar"].all()
    assert "remark" not in checked


def test_checked_bars_pass_the_check_unchanged():
    once = check_bars(random_bars(1), "qqq")
    pd.testing.assert_frame_equal(check_bars(once, "qqq"), once)


def test_a_bar_outside_the_calendar_ends_after_its_stated_length():
    stamps = pd.DatetimeIndex(["2023-06-05 13:30Z", "2023-06-05 14:15Z", "2023-06-10 14:00Z"])
    bars = bars_of(FLAT[:3], date=stamps.as_unit("us"), expected_bar_seconds=[1800, 900, 3600])
    assert bar_ends(check_bars(bars, "qqq")).strftime("%d %H:%M").tolist() == [
        "05 14:00",
        "05 14:30",
        "10 15:00",
    ]


def test_without_a_stated_length_it_lasts_until_the_next_bar():
    """A foreign grid may start with a bar of the calendar: 09:30 in New York, an hour long."""
    stamps = pd.DatetimeIndex(["2023-06-09 13:30Z", "2023-06-09 14:30Z", "2023-06-09 15:00Z"])
    checked = check_bars(bars_of(FLAT[:3], date=stamps.as_unit("us")), "qqq")
    assert checked["expected_bar_seconds"].tolist() == [2700, 1800, 2700]


@pytest.mark.parametrize(
    "names", [["qqq_1h_rth_clean.parquet", "spy.parquet"], ["QQQ_x_y.parquet", "Spy_.parquet"]]
)
def test_files_are_found_by_their_name_up_to_the_first_underscore(tmp_path, names):
    for name in names:
        bars_of(FLAT).to_parquet(tmp_path / name)
    (tmp_path / ".hidden.parquet").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    lines = []
    bars = read_bars(tmp_path, progress=lines.append)
    assert list(bars) == ["QQQ", "SPY"]
    assert lines == [f"QQQ: reading {names[0]}", f"SPY: reading {names[1]}"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no bar file"),
        (["qqq_a.parquet", "QQQ_b.parquet"], "two bar files for QQQ"),
        (["q-q_1h.parquet"], "q-q_1h.parquet: 'Q-Q' is not a plain ticker"),
        (["none_1h.parquet"], "NONE is reserved"),
    ],
    ids=["empty folder", "two of one symbol", "no ticker", "reserved"],
)
def test_folders_that_cannot_be_read_are_refused(tmp_path, names, message):
    for name in names:
        bars_of(FLAT).to_parquet(tmp_path / name)
    with pytest.raises(BarsError, match=message):
        find_bar_files(tmp_path)


def test_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(BarsError, match="no such folder"):
        find_bar_files(tmp_path / "absent")


def _indexed(bars, *levels):
    return bars.assign(symbol="QQQ").set_index(list(levels))


@pytest.mark.parametrize("levels", [("date",), ("symbol", "date"), ("date", "symbol")])
def test_stamps_may_be_the_index_or_a_level_of_it(tmp_path, levels):
    _indexed(bars_of(FLAT * 5), *levels).to_parquet(tmp_path / "qqq_1h.parquet")
    assert len(read_bars(tmp_path)["QQQ"]) == 20


FILE_FAULTS = {
    "the index has another name": (
        lambda b: b.set_index("date").rename_axis("Date"),
        "the index, Date, holds stamps: name it date",
    ),
    "names in capitals": (lambda b: b.rename(columns=str.title), "there is Date, Open, High"),
    "two header rows": (
        lambda b: b.set_axis(pd.MultiIndex.from_product([b.columns, ["QQQ"]]), axis=1),
        "",
    ),
    "another symbol": (lambda b: b.assign(symbol="SPY"), "column symbol names SPY; expected QQQ"),
    "two symbols": (
        lambda b: b.assign(ticker=["QQQ", "SPY"] * 10),
        "column ticker names SPY; expected QQQ alone",
    ),
    "another symbol in the index": (
        lambda b: b.assign(symbol="SPY").set_index(["symbol", "date"]),
        "column symbol names SPY",
    ),
    "a bar of 2099": (
        _stamps(lambda s: s.where(s.index != 19, pd.Timestamp("2099-01-05 15:00Z"))),
        r"column date lies in the future .* at row 19 \(2099",
    ),
    "a first bar years before": (
        _stamps(lambda s: s.where(s.index != 0, pd.Timestamp("1999-01-05 15:00Z"))),
        r"column date lies years after the bar above it at row 1 ",
    ),
}


@pytest.mark.parametrize(("plant", "message"), FILE_FAULTS.values(), ids=FILE_FAULTS.keys())
def test_wrong_files_are_refused_with_what_is_wrong(tmp_path, plant, message):
    plant(bars_of(FLAT * 5)).to_parquet(tmp_path / "qqq_1h.parquet")
    with pytest.raises(BarsError, match=f"^qqq_1h.parquet: .*{message}"):
        read_bars(tmp_path)


def test_a_bar_still_running_is_refused_unless_it_is_cut_off():
    bars = check_bars(bars_of(FLAT), "qqq")
    now = bar_ends(bars)[-1] - pd.Timedelta(minutes=1)
    with pytest.raises(BarsError, match=r"has not ended yet.*--as-of.*row 3"):
        refuse_strange_dates(bars, "qqq", now=now)
    refuse_strange_dates(bars, "qqq", is_cut=True, now=now)


def test_a_copy_of_another_symbols_file_is_refused(tmp_path):
    for name in ("qqq", "spy"):
        random_bars(1).to_parquet(tmp_path / f"{name}_1h.parquet")
    with pytest.raises(BarsError, match=r"^spy_1h.parquet: holds the bars of QQQ \(qqq_1h"):
        read_bars(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"qqq.csv": "2031-01-02,4,split"}, "qqq.csv: the split of 2031-01-02 lies after the last"),
        ({"qqq.csv": "", "QQQ.csv": ""}, "qqq.csv: QQQ has another file of adjustments"),
        ({"iwm.csv": ""}, "iwm.csv: there are no bars of IWM"),
    ],
)
def test_adjustments_that_fit_no_bars_are_refused(tmp_path, files, message):
    bars_of(FLAT * 5).to_parquet(tmp_path / "qqq_1h.parquet")
    (tmp_path / "adjustments").mkdir()
    for name, line in files.items():
        (tmp_path / "adjustments" / name).write_text(f"date,factor,kind\n{line}\n")
    with pytest.raises(BarsError, match=f"^adjustments/{message}"):
        read_bars(tmp_path)


def test_the_refusal_of_a_jump_says_which_line_to_write(tmp_path):
    bars = random_bars(1)
    bars.loc[60:, ["open", "high", "low", "close"]] /= 1.5
    bars.to_parquet(tmp_path / "qqq_1h.parquet")
    with pytest.raises(BarsError, match=r": \d{4}-\d\d-\d\d,1.5,split for the split, or "):
        read_bars(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing"], ids=["empty", "truncated"])
def test_a_damaged_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "qqq_1h.parquet").write_bytes(content)
    with pytest.raises(BarsError, match=r"^qqq_1h.parquet: not a readable parquet file"):
        read_bars(tmp_path)


def test_no_symbol_at_all_is_refused():
    with pytest.raises(BarsError, match="no bars were given"):
        check_all({})
