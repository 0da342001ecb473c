"""Probability scores against hand-computed and published values."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.report.reliability import (
    equal_count_bins,
    inner_scores,
    out_of_sample_scores,
    pooled_bins,
    probability_score,
    wilson_interval,
)


def test_wilson_interval_is_newcombes_example():
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, score method.
    lo, hi = wilson_interval(np.array([81.0]), np.array([263.0]))
    assert lo[0] == pytest.approx(0.2553, abs=5e-5)
    assert hi[0] == pytest.approx(0.3662, abs=5e-5)


def test_scores_by_hand():
    p, y = np.array([0.2, 0.2, 0.8, np.nan]), np.array([0.0, 1.0, 1.0, 1.0])
    score = probability_score("test months", "x", p, y, n_bins=10)
    assert score.n_rows == 3
    assert score.brier == pytest.approx((0.04 + 0.64 + 0.04) / 3)
    assert score.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.2) + np.log(0.8)) / 3)
    assert score.ece == pytest.approx((2 * 0.3 + 1 * 0.2) / 3)


def test_no_rows_give_no_score():
    score = probability_score("x", "y", np.array([np.nan]), np.array([1.0]), 10)
    assert score.n_rows == 0
    assert np.isnan([score.brier, score.log_loss, score.ece]).all()


def test_equal_count_bins_follow_the_probability():
    bins = equal_count_bins(np.array([0.4, 0.1, 0.3, 0.2]), np.array([1.0, 0.0, 1.0, 0.0]), 2)
    assert bins["n_rows"].tolist() == [2, 2]
    assert bins["p_mean"].tolist() == pytest.approx([0.15, 0.35])
    assert bins["y_mean"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("n_rows", "n_bins"), [(0, 0), (1, 1), (3, 3), (25, 10)])
def test_there_are_never_more_bins_than_rows(n_rows, n_bins):
    bins = equal_count_bins(np.linspace(0.2, 0.8, n_rows), np.ones(n_rows), 10)
    assert len(bins) == n_bins
    assert bins["n_rows"].sum() == n_rows


def test_inner_bins_pool_by_rows():
    rows = [("raw", 4, 30, 0.42, 0.5), ("raw", 4, 10, 0.46, 0.1), ("calibrated", 4, 99, 0.4, 0.4)]
    bins = pd.DataFrame(rows, columns=["stage", "bin", "n_rows", "p_mean", "y_mean"])
    pooled = pooled_bins(bins, "raw")
    assert pooled["n_rows"].tolist() == [40]
    assert pooled["p_mean"].tolist() == pytest.approx([0.43])
    assert pooled["y_mean"].tolist() == pytest.approx([0.4])


def test_inner_scores_pool_by_rows_and_leave_out_nulls():
    rows = [
        (date(2020, 1, 1), "classifier", "raw", "brier", 0.25, 100),
        (date(2020, 2, 1), "classifier", "raw", "brier", 0.27, 300),
        (date(2020, 3, 1), "classifier", "raw", "brier", np.nan, 500),
        (date(2020, 1, 1), "base_rate", "raw", "brier", 0.24, 100),
        (date(2020, 1, 1), "base_rate", "calibrated", "brier", 0.24, 100),
    ]
    metrics = pd.DataFrame(rows, columns=["month", "head", "stage", "metric", "value", "n_rows"])
    raw, calibrated, base = inner_scores(metrics)
    assert (raw.brier, raw.n_rows) == (pytest.approx(0.265), 400)
    assert np.isnan(calibrated.brier)
    assert (base.brier, base.n_rows) == (0.24, 100)


def test_the_base_rate_of_each_test_month_is_its_folds():
    joined = pd.DataFrame(
        {
            "month": [date(2020, 1, 1)] * 2 + [date(2020, 2, 1), date(2020, 3, 1)],
            "y": [1.0, 0.0, 0.0, 1.0],
            "p_raw": 0.5,
            "p_calibrated": [0.5, 0.5, 0.5, np.nan],
            "p_logistic": 0.5,
        }
    )
    metrics = pd.DataFrame(
        {
            "month": [date(2020, 1, 1), date(2020, 2, 1), date(2020, 2, 1)],
            "head": ["base_rate", "base_rate", "classifier"],
            "metric": "p_mean",
            "value": [0.4, 0.2, 0.9],
        }
    )
    raw, calibrated, _, base = out_of_sample_scores(joined, metrics, n_bins=10)
    assert (raw.brier, raw.n_rows, calibrated.n_rows) == (0.25, 4, 3)
    assert base.brier == pytest.approx((0.36 + 0.16 + 0.04) / 3)
    assert base.log_loss == pytest.approx(-(np.log(0.4) + np.log(0.6) + np.log(0.8)) / 3)
    assert base.n_rows == 3
