"""Validation of report inputs: missing columns, and verdicts that are not one line."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.report.inputs import months_of, score_outcomes


@pytest.mark.parametrize("table", ["acceptance", "portfolio_equity", "scores", "mock_baseline"])
def test_a_frame_without_a_column_is_refused_by_name(inputs, table):
    frame = getattr(inputs, table)
    column = frame.columns[1]
    with pytest.raises(ValueError, match=rf"{table}: the report needs column.*{column}"):
        replace(inputs, **{table: frame.drop(columns=column)})


def test_outcomes_without_maturity_are_refused(inputs):
    with pytest.raises(ValueError, match=r"events_outcomes: .*maturity"):
        replace(inputs, events_outcomes=inputs.events_outcomes.drop(columns="maturity"))


@pytest.mark.parametrize("verdict", ["", "  ", "a\nb", "<b>PROMOTE</b>", "<!-- x"])
def test_a_verdict_is_one_line_of_plain_text(inputs, verdict):
    with pytest.raises(ValueError, match="verdict"):
        replace(inputs, verdict=verdict)


def test_only_final_labels_are_joined_and_nulls_become_nan():
    stamps = pd.date_range("2020-01-02 15:00", periods=4, freq="h", tz="UTC")
    key = {"symbol": "AAA", "decision_time_utc": stamps}
    scores = pd.DataFrame({**key, "p_raw": pd.array([0.1, None, 0.3, 0.4], dtype="Float64")})
    outcomes = pd.DataFrame(
        {
            **key,
            "y": pd.array([1, 0, 1, None], dtype="Int64"),
            "net_logret": [0.01, -0.01, 0.02, np.nan],
            "cost_rt": 0.001,
            "maturity": ["final", "final", "provisional", "pending"],
        }
    )
    joined = score_outcomes(scores, outcomes)
    assert joined["y"].tolist() == [1.0, 0.0]
    assert joined["p_raw"].tolist()[0] == 0.1
    assert np.isnan(joined["p_raw"].to_numpy()[1])


def test_an_event_that_stands_twice_is_refused(inputs):
    doubled = pd.concat([inputs.events_outcomes, inputs.events_outcomes.head(1)])
    with pytest.raises(pd.errors.MergeError):
        score_outcomes(inputs.scores, doubled)


@pytest.mark.parametrize(
    "months",
    [
        [pd.Timestamp("2020-01-01").date()],
        [pd.Timestamp("2020-01-01")],
        np.array(["2020-01-01"], dtype="datetime64[us]"),
    ],
    ids=["date", "timestamp", "datetime64"],
)
def test_months_come_as_dates_or_timestamps(months):
    assert months_of(pd.DataFrame({"month": months})).tolist() == [pd.Period("2020-01")]
