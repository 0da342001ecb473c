"""The slope of realised on expected: known answers, an independent library, its refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from benchmarks.null_events import NullWorld, make_events
from step3_assets.domain.statistics.ev_slope import ev_slope
from step3_assets_tests.domain.report.test_ev_calibration import world

EVENT = [2e-4] * 1000 + [1e-3] * 4 + [2e-4] * 1996
ROUNDING = 1e-17 * np.arange(3000)


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_a_planted_slope_is_found(slope):
    found = ev_slope(world(slope))
    assert found.lo < slope < found.hi
    assert found.hi - found.lo < 0.8
    assert (found.n_rows, found.n_days) == (3000, 750)


def test_copies_of_rows_do_not_narrow_the_interval():
    once = ev_slope(world(1.0, n=400))
    fourfold = ev_slope(pd.concat([world(1.0, n=400)] * 4))
    assert fourfold.slope == pytest.approx(once.slope)
    assert fourfold.hi - fourfold.lo == pytest.approx(once.hi - once.lo, rel=0.01)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (world(1.0, n=29), "29 events"),
        (world(1.0, n=220), "fortnight(s)"),
        (world(1.0).assign(ev_final=2e-4), "expected values do not vary"),
        (world(1.0).assign(ev_final=2e-4 + ROUNDING), "expected values do not vary"),
        (world(1.0).assign(net_logret=-8e-4), "realised net does not vary"),
        (world(1.0).iloc[:0], "0 events"),
        (world(1.0).assign(ev_final=np.inf), "0 events"),
        (
            world(1.0).assign(ev_final=EVENT),
            "in one fortnight only",
        ),
    ],
)
def test_an_undefined_slope_says_why(rows, why):
    found = ev_slope(rows)
    assert np.isnan([found.slope, found.lo, found.hi]).all()
    assert why in found.undefined


def test_slope_and_error_are_those_of_leaving_each_fortnight_out():
    rows = world(0.7, n=1000)
    fortnight = (rows["decision_time_utc"] - pd.Timestamp("1969-12-29", tz="UTC")).dt.days // 14

    def slope(part: pd.DataFrame) -> float:
        fitted = sm.OLS(part["net_logret"], sm.add_constant(part["ev_final"])).fit()
        return float(fitted.params["ev_final"])

    labels = sorted(set(fortnight))
    changes = np.array([slope(rows[fortnight != f]) for f in labels]) - slope(rows)
    n = len(labels)
    error = np.sqrt((n - 1) / n * np.sum(changes**2))
    half = stats.t.ppf(0.95, n - 1) * error
    found = ev_slope(rows, level=0.90)
    assert found.n_clusters == n
    assert found.slope == pytest.approx(slope(rows), rel=1e-9)
    assert (found.lo, found.hi) == pytest.approx((found.slope - half, found.slope + half), rel=1e-8)


def test_size_where_labels_outlast_a_day_and_symbols_share_their_noise():
    """Forecasts without information on 30 null worlds; `benchmarks/size.py` has the full study."""
    rejected = []
    for seed in range(12_000, 12_030):
        events = make_events(NullWorld(seed=seed, years=2.0))
        names = ("ar_5d", "shared_5d", "shared_20d", "ar_20d", "vol", "hour")
        hits = [
            ev_slope(events.assign(ev_final=sign * events[name]), 0.80).lo > 0.0
            for name in names
            for sign in (1.0, -1.0)
        ]
        rejected.append(np.mean(hits))
    error = np.std(rejected, ddof=1) / np.sqrt(len(rejected))
    assert abs(np.mean(rejected) - 0.10) < 3 * error
