"""The slope of realised on expected: known answers, an independent library, its refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from step3_assets.domain.statistics.ev_slope import ev_slope
from step3_assets_tests.domain.report.test_ev_calibration import world


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_a_planted_slope_is_found(slope):
    found = ev_slope(world(slope))
    assert found.lo < slope < found.hi
    assert found.hi - found.lo < 0.8
    assert (found.n_rows, found.n_days) == (3000, 750)


def test_copies_of_a_day_do_not_narrow_the_interval():
    once = ev_slope(world(1.0, n=400))
    fourfold = ev_slope(pd.concat([world(1.0, n=400)] * 4))
    assert fourfold.slope == pytest.approx(once.slope)
    assert fourfold.hi - fourfold.lo == pytest.approx(once.hi - once.lo, rel=0.01)


@pytest.mark.parametrize(
    "rows",
    [world(1.0, n=29), world(1.0, n=36), world(1.0).assign(ev_final=2e-4), world(1.0).iloc[:0]],
    ids=["too few rows", "too few days", "one expected value", "nothing"],
)
def test_no_slope_is_claimed_from_too_little(rows):
    assert np.isnan([ev_slope(rows).slope, ev_slope(rows).lo, ev_slope(rows).hi]).all()


def test_slope_and_interval_are_those_of_statsmodels():
    rows = world(0.7, n=500)
    days = rows["decision_time_utc"].dt.date.astype(str)
    fitted = sm.OLS(rows["net_logret"], sm.add_constant(rows["ev_final"])).fit(
        cov_type="cluster", cov_kwds={"groups": days}, use_t=True
    )
    low, high = fitted.conf_int(alpha=0.10).loc["ev_final"]
    found = ev_slope(rows, level=0.90)
    assert found.slope == pytest.approx(fitted.params["ev_final"], rel=1e-9)
    assert (found.lo, found.hi) == pytest.approx((low, high), rel=1e-8)
