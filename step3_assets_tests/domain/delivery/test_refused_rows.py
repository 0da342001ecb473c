"""Values that break a rule stop the delivery, each named with its rows."""

import numpy as np
import pandas as pd
import pytest

from step3_assets_tests.deliveries import OUTCOMES
from step3_assets_tests.domain.delivery.mutation import (
    BARS,
    EVENTS,
    add_to,
    assert_refused,
    copy_good,
    rewrite_frame,
    set_values,
)

INF, NAN = np.inf, np.nan
HOUR = pd.Timedelta(hours=1)


@pytest.mark.parametrize(
    ("file", "column", "rows", "value", "words"),
    [
        (EVENTS, "cost_rt", [4], 0.0, "must be above 0; row 4 has 0"),
        (EVENTS, "cost_rt", [4, 9], -0.001, "must be above 0; row 4 has -0.001"),
        (EVENTS, "spread_half", [2], 0.0, "must be above 0"),
        (EVENTS, "a_tp", [0], 0.0, "must be above 0"),
        (EVENTS, "b_sl", [1], -0.02, "must be above 0"),
        (EVENTS, "tp_to_cost", [1], 0.0, "must be above 0"),
        (EVENTS, "H", [5], 0, "must be above 0"),
        (EVENTS, "H", [5], -12, "must be above 0"),
        (EVENTS, "entry_open", [5], 0.0, "must be above 0"),
        (EVENTS, "trend_score", [6], INF, "not finite; row 6 has inf"),
        (EVENTS, "mkt_vol_z", [6], -INF, "not finite"),
        (EVENTS, "net_logret", [6], INF, "not finite"),
        (EVENTS, "gross_logret", [6], -INF, "not finite"),
        (EVENTS, "sigma", [7], NAN, "null where none is allowed"),
        (EVENTS, "a_tp", [7], NAN, "null where none is allowed"),
        (EVENTS, "family", [7], None, "null where none is allowed"),
        (EVENTS, "symbol", [7], None, "null where none is allowed"),
        (EVENTS, "decision_time_utc", [7], None, "null where none is allowed"),
        (EVENTS, "entry_time_utc", [7], None, "null where none is allowed"),
        (EVENTS, "net_logret", [8], NAN, "NaN outcome"),
        (EVENTS, "exit_time_utc", [8], None, "NaN outcome"),
        (EVENTS, "exit_reason", [8], None, "NaN outcome"),
        (EVENTS, "exit_open", [1, 8], NAN, "NaN outcome"),
        (EVENTS, "y", [3], 2, "must be 0 or 1; row 3 has 2"),
        (EVENTS, "y", [3], -1, "must be 0 or 1"),
        (EVENTS, "truncated_horizon", [3], 2, "must be 0 or 1"),
        (EVENTS, "same_bar_ambiguous", [3], 7, "must be 0 or 1"),
        (EVENTS, "entry_overnight", [3], -1, "must be 0 or 1"),
        (EVENTS, "regime_agree", [3], 0.5, "must be 0 or 1"),
        (EVENTS, "symbol", [2], "aaa", "is not a plain ticker"),
        (EVENTS, "symbol", [2], "../AAA", "is not a plain ticker"),
        (EVENTS, "symbol", [2], "AAA\n", "is not a plain ticker"),
        (EVENTS, "symbol", [2], "BBB", "is not the file's symbol, AAA"),
        (EVENTS, "family", [2], "Trend Long; DROP TABLE", "is not a plain name"),
        (EVENTS, "family", [2], "", "is not a plain name"),
        (EVENTS, "exit_reason", [2], "T P", "is not a plain name"),
        (BARS, "open", [11], 0.0, "must be above 0"),
        (BARS, "low", [11], -1.0, "must be above 0"),
        (BARS, "close", [11, 12], NAN, "null where none is allowed"),
        (BARS, "sigma", [11], INF, "not finite"),
        (BARS, "gap_ret_realized", [11], INF, "not finite"),
        (BARS, "expected_bar_seconds", [11], 0, "must be above 0"),
        (BARS, "expected_bar_seconds", [11, 146], 2**60, "is longer than a day"),
        (BARS, "high", [11], 0.01, "is below low; expected at least low"),
        (BARS, "symbol", [11], "BBB", "is not the file's symbol, AAA"),
    ],
)
def test_a_bad_value_is_refused(tmp_path, file, column, rows, value, words):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, file, set_values(column, rows, value))
    assert_refused(folder, file, column, tuple(rows), words)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("t_idx", -1, "lies outside the bar table; expected a row from 0 to 146"),
        ("t_idx", 147, "lies outside the bar table; expected a row from 0 to 146"),
        ("t_idx", 2**62, "lies outside the bar table; expected a row from 0 to 146"),
        ("label_end_idx", 147, "lies outside the bar table; expected a row from 0 to 146"),
    ],
)
def test_a_row_number_outside_the_bar_table_is_refused(tmp_path, column, value, words):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, set_values(column, [4], value))
    also = {-1: ((EVENTS, "entry_time_utc"),)}.get(value, ((EVENTS, "label_end_idx"),))
    assert_refused(folder, EVENTS, column, (4,), words, also)


def test_a_label_that_ends_before_entry_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f.assign(label_end_idx=f["t_idx"] + 1))
    rows, words = (0, 1, 2, 3, 4), "the label ends before entry"
    assert_refused(folder, EVENTS, "label_end_idx", rows, words, ((EVENTS, "exit_time_utc"),))


def test_an_exit_stamp_before_entry_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f.assign(exit_time_utc=f["entry_time_utc"]))
    folder_rows = (0, 1, 2, 3, 4)
    with_mismatch = "the label ends before entry; expected later than entry_time_utc"
    assert_refused(folder, EVENTS, "exit_time_utc", folder_rows, with_mismatch)


def test_a_row_number_that_names_another_bar_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, add_to("t_idx", [6], 1))
    also = ((EVENTS, "entry_time_utc"),)
    words = "is not the stamp of bar t_idx; expected date of that row in bar_features"
    assert_refused(folder, EVENTS, "decision_time_utc", (6,), words, also)


@pytest.mark.parametrize(
    ("column", "bar"), [("entry_time_utc", "t_idx + 1"), ("exit_time_utc", "label_end_idx")]
)
def test_entry_and_exit_stamps_are_those_of_their_bars(tmp_path, column, bar):
    folder = copy_good(tmp_path)

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        stamps = frame[column].astype(object)
        stamps.iloc[[6]] = "2019-06-03 14:00:00+00:00"
        return frame.assign(**{column: stamps})

    rewrite_frame(folder, EVENTS, change)
    also = ((EVENTS, "exit_time_utc"),) if column == "entry_time_utc" else ()
    assert_refused(folder, EVENTS, column, (6,), f"is not the stamp of bar {bar};", also)


def test_a_delivery_with_bars_of_another_build_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, BARS, lambda f: f.iloc[1:])
    also = tuple((EVENTS, name) for name in ("entry_time_utc", "exit_time_utc", "label_end_idx"))
    words = "is not the stamp of bar t_idx"
    assert_refused(folder, EVENTS, "decision_time_utc", (0, 1, 2, 3, 4), words, also)


@pytest.mark.parametrize("row", [0, 3, 19])
@pytest.mark.parametrize("change", [{}, {"net_logret": 0.5}], ids=["copied", "contradicting"])
def test_a_duplicate_key_names_both_rows(tmp_path, row, change):
    folder = copy_good(tmp_path)
    rewrite_frame(
        folder, EVENTS, lambda f: pd.concat([f.iloc[:20], f.iloc[[row]].assign(**change)])
    )
    assert_refused(folder, EVENTS, "decision_time_utc", (row, 20), "more than once")


def test_a_duplicate_bar_names_both_rows(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, BARS, lambda f: pd.concat([f, f.iloc[[146]]]))
    assert_refused(folder, BARS, "date", (146, 147), "the bar appears more than once")


def test_bars_out_of_order_are_refused(tmp_path):
    folder = copy_good(tmp_path)
    order = [*range(140), 141, 140, *range(142, 147)]
    rewrite_frame(folder, BARS, lambda f: f.iloc[order])
    also = tuple((EVENTS, f"{name}_time_utc") for name in ("decision", "entry", "exit"))
    events = pd.read_parquet(folder / EVENTS)
    at = {
        "decision": events["t_idx"],
        "entry": events["t_idx"] + 1,
        "exit": events["label_end_idx"],
    }
    touched = tuple(
        pair for pair, rows in zip(also, at.values(), strict=True) if rows.isin([140, 141]).any()
    )
    assert_refused(folder, BARS, "date", (141,), "lies before the bar above it", touched)


def test_new_york_time_is_the_same_instant(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, BARS, add_to("ny_time", [9], HOUR))
    assert_refused(folder, BARS, "ny_time", (9,), "is another instant than date")


def test_many_rows_are_counted_and_the_first_five_named(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f.assign(cost_rt=-1.0))
    assert_refused(folder, EVENTS, "cost_rt", (0, 1, 2, 3, 4), "must be above 0")


def no_outcome(rows: list[int]):
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        out = frame.astype(dict.fromkeys(OUTCOMES, object))
        out.loc[rows, OUTCOMES] = None
        return out.infer_objects()

    return change


def test_a_null_outcome_that_the_bars_could_tell_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, no_outcome([2, 5]))
    assert_refused(folder, EVENTS, "net_logret", (2, 5), "NaN outcome, though the bars reach")


def test_a_file_of_past_candidates_without_outcome_columns_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    rewrite_frame(folder, EVENTS, lambda f: f.drop(columns=OUTCOMES))
    assert_refused(folder, EVENTS, "net_logret", (0, 1, 2, 3, 4), "NaN outcome, though")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("y", 0.5, "is not a whole number"),
        ("label_end_idx", 12.25, "is not a whole number"),
        ("truncated_horizon", INF, "is not a whole number"),
    ],
)
def test_whole_numbers_beside_pending_rows_are_whole(tmp_path, column, value, words):
    folder = copy_good(tmp_path, has_pending=True)

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return set_values(column, [1], value)(frame.astype({column: "float64"}))

    rewrite_frame(folder, EVENTS, change)
    assert_refused(folder, EVENTS, column, (1,), words)


def test_an_entry_past_the_last_bar_comes_after_its_end(tmp_path):
    folder = copy_good(tmp_path, has_pending=True)
    last = len(pd.read_parquet(folder / EVENTS)) - 1

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        stamps = frame["entry_time_utc"].astype(object)
        stamps.iloc[last] = "2019-01-31 20:30:00+00:00"
        return frame.assign(entry_time_utc=stamps)

    rewrite_frame(folder, EVENTS, change)
    assert_refused(folder, EVENTS, "entry_time_utc", (last,), "before the decision bar ends")
