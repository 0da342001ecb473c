"""Validation: each rule catches the fault planted for it, and nothing else."""

import copy
import datetime as dt
import pickle

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue import TABLES
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.validation import TableError, find_problems, validate_frame
from step3_assets_tests.storage.rows import rows_of

EVENTS = TABLES["events"]


def planted(column: str, row: int, value: object) -> pd.DataFrame:
    """Sound events with one value replaced."""
    frame = rows_of(EVENTS)
    values = frame[column].astype(object)
    values.iloc[row] = value
    return frame.assign(**{column: values})


@pytest.mark.parametrize("name", TABLES)
def test_sound_rows_pass(name: str) -> None:
    frame = rows_of(TABLES[name])
    assert find_problems(frame, TABLES[name]) == []
    assert find_problems(frame.iloc[:0], TABLES[name]) == []
    pd.testing.assert_frame_equal(
        validate_frame(frame, TABLES[name]), canonical_frame(frame, TABLES[name])
    )


PLANTED = [
    ("sigma", 3, None, "null where none is allowed in 1 row: row 3"),
    ("sigma", 3, np.nan, "null where none is allowed in 1 row: row 3"),
    ("symbol", 3, None, "null where none is allowed in 1 row: row 3"),
    ("t_idx", 3, None, "null where none is allowed in 1 row: row 3"),
    ("entry_time_utc", 3, None, "null where none is allowed in 1 row: row 3"),
    ("month", 3, None, "null where none is allowed in 1 row: row 3"),
    ("cost_rt", 3, 0.0, "must be above 0 in 1 row: row 3"),
    ("a_tp", 3, -0.001, "must be above 0 in 1 row: row 3"),
    ("H", 3, 0, "must be above 0 in 1 row: row 3"),
    ("entry_open", 3, -1.0, "must be above 0 in 1 row: row 3"),
    ("net_logret", 3, np.inf, "not finite in 1 row: row 3"),
    ("vol_z", 3, -np.inf, "not finite in 1 row: row 3"),
    ("y", 3, 2, "must be 0 or 1 in 1 row: row 3"),
    ("maturity", 3, "Final", "not one of final, provisional, pending in 1 row: row 3"),
    ("month", 3, dt.date(2019, 2, 2), "not the first of a month in 1 row: row 3"),
    ("H", 3, 1.5, "is not a whole number in 1 row: row 3"),
    ("symbol", 3, 7, "is not text in 1 row: row 3"),
    ("sigma", 3, "0.01", "holds mixed objects, not numbers"),
    ("exit_time_utc", 3, pd.Timestamp("2019-02-01"), "is not a stamp with a time zone in 1 row"),
]


@pytest.mark.parametrize(("column", "row", "value", "message"), PLANTED)
def test_a_planted_fault_is_caught_and_named(
    column: str, row: int, value: object, message: str
) -> None:
    problems = find_problems(planted(column, row, value), EVENTS)
    assert [p.column for p in problems] == [column]
    assert message in problems[0].message
    assert str(problems[0]).startswith(f"events.{column}: ")
    with pytest.raises(TableError) as caught:
        validate_frame(planted(column, row, value), EVENTS)
    assert caught.value.problems == tuple(problems)


def test_the_row_is_shown_by_position_key_and_value() -> None:
    frame = planted("cost_rt", 3, -0.25)
    (problem,) = find_problems(frame, EVENTS)
    key = f"symbol={frame['symbol'][3]}, decision_time_utc={frame['decision_time_utc'][3]}"
    assert problem.message == f"must be above 0 in 1 row: row 3 ({key}) has -0.25"
    assert problem.n_rows == 1


def test_a_key_that_comes_twice_is_caught() -> None:
    frame = rows_of(EVENTS)
    doubled = pd.concat([frame, frame.iloc[[5]].assign(sigma=0.5)], ignore_index=True)
    (problem,) = find_problems(doubled, EVENTS)
    assert problem.column == "symbol+decision_time_utc"
    assert problem.n_rows == 2
    assert "key not unique in 2 rows: row 5 " in problem.message
    assert "; row 24 " in problem.message


def test_every_fault_is_listed_and_long_lists_are_cut() -> None:
    frame = rows_of(EVENTS).assign(cost_rt=-1.0, family=7)
    problems = find_problems(frame, EVENTS)
    assert [p.column for p in problems] == ["family", "cost_rt"]
    assert problems[1].n_rows == 24
    assert problems[1].message.endswith("; and 19 more")
    assert problems[1].message.count("(symbol=") == 5


def test_columns_that_are_missing_or_unknown_stop_the_rest() -> None:
    frame = rows_of(EVENTS).drop(columns=["sigma", "H"]).assign(h=1)
    (problem,) = find_problems(frame, EVENTS)
    assert str(problem) == "events: columns missing 'H', 'sigma'; unknown 'h'"


def test_a_long_value_is_cut_in_the_message() -> None:
    table = TABLES["model_metrics"]
    frame = rows_of(table)
    frame["n_rows"] = frame["n_rows"].astype(object)
    frame.loc[2, "n_rows"] = "x" * 10_000
    (problem,) = find_problems(frame, table)
    assert len(problem.message) < 400


def test_the_error_survives_pickling() -> None:
    with pytest.raises(TableError) as caught:
        validate_frame(planted("H", 3, 0), EVENTS)
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert str(again) == str(caught.value)
        assert again.problems == caught.value.problems
