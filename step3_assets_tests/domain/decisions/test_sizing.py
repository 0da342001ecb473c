"""Sizes by hand."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import SizingConfig
from step3_assets.domain.decisions.sizing import size_positions
from step3_assets.plugins.sizing_method import Sizes
from step3_assets.plugins.sizing_methods.kelly import NORMAL_SPREAD


def size(
    ev=5e-4, spread=0.02, sigma=0.003, overnight=0, max_size=1.0, method="kelly", **settings
) -> Sizes:
    events = pd.DataFrame({"sigma": [sigma], "entry_overnight": [overnight]})
    q90 = np.array([spread / 2])
    config = SizingConfig.model_validate({"method": method, **settings})
    return size_positions(events, np.array([ev]), -q90, q90, config, max_size)


def one(sizes: Sizes) -> tuple[float, str]:
    return float(sizes.size_frac[0]), str(sizes.size_cap[0])


def test_the_spread_of_a_normal_distribution():
    from scipy.stats import norm

    assert pytest.approx(norm.ppf(0.9) - norm.ppf(0.1), rel=1e-15) == NORMAL_SPREAD


def test_fixed_is_the_constant_whatever_the_forecast():
    assert one(size(ev=-1.0, method="fixed")) == (1.0, "fixed")
    assert one(size(ev=np.nan, sigma=np.nan, method="fixed", max_size=0.3)) == (0.3, "fixed")
    sizes = size(method="fixed")
    assert np.isnan([sizes.forecast_sd[0], sizes.kelly_frac[0], sizes.vol_cap_frac[0]]).all()


def test_kelly_by_hand():
    sizes = size()
    sd = 0.02 / 2.5631031310892007  # 78 bps
    assert sizes.forecast_sd[0] == pytest.approx(sd, rel=1e-14)
    assert sizes.kelly_frac[0] == pytest.approx(5e-4 / sd**2, rel=1e-14)  # 8.2
    assert one(sizes) == (pytest.approx(0.1 * 5e-4 / sd**2, rel=1e-14), "kelly")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"ev": 5e-3}, (1.0, "max_size")),
        ({"ev": 5e-3, "max_size": 0.4}, (0.4, "max_size")),
        # 20 % a year over 1 % a bar: 0.2 / (0.01 * 42) = 0.476.
        ({"ev": 5e-3, "sigma": 0.01}, (pytest.approx(0.2 / 0.42, rel=1e-14), "vol_target")),
        ({"ev": 5e-3, "overnight": 1}, (0.75, "max_size")),
        ({"ev": 5e-3, "overnight": 1, "overnight_haircut_frac": 1.0}, (0.0, "max_size")),
        ({"ev": -5e-4}, (0.0, "kelly")),
        ({"ev": 2e-5}, (0.0, "kelly")),  # 3 % of the allocation: below 5 % is no trade
        ({"ev": np.nan}, (0.0, "no_forecast")),
        ({"sigma": np.nan}, (0.0, "no_forecast")),
        # A spread that collapsed is believed no further than 10 bps.
        ({"ev": 1e-6, "spread": 0.0}, (pytest.approx(0.1), "kelly")),
        ({"ev": -1.0, "method": "vol_capped"}, (1.0, "max_size")),
        ({"sigma": 0.01, "method": "vol_capped"}, (pytest.approx(0.2 / 0.42), "vol_target")),
    ],
)
def test_what_binds(settings, expected):
    assert one(size(**settings)) == expected


def test_inputs_are_recorded():
    sizes = size(ev=5e-3, sigma=0.01, overnight=1)
    frame = sizes.inputs_frame(pd.RangeIndex(1))
    assert frame["vol_cap_frac"].tolist() == [pytest.approx(0.2 / 0.42)]
    assert frame["overnight_factor"].tolist() == [0.75]
    assert frame["size_cap"].tolist() == ["vol_target"]
    assert sizes.size_frac[0] == pytest.approx(0.75 * 0.2 / 0.42)


def test_sizes_never_exceed_the_most_and_grow_with_the_edge():
    rng = np.random.default_rng(0)
    n = 2_000
    events = pd.DataFrame(
        {"sigma": rng.uniform(5e-4, 0.02, n), "entry_overnight": rng.integers(0, 2, n)}
    )
    ev, q10 = rng.normal(0, 1e-3, n), -rng.uniform(0, 0.03, n)
    q90 = rng.uniform(0, 0.03, n)
    for method in ("fixed", "vol_capped", "kelly"):
        config = SizingConfig.model_validate({"method": method})
        sizes = size_positions(events, ev, q10, q90, config, 0.6).size_frac
        more = size_positions(events, ev + 1e-3, q10, q90, config, 0.6).size_frac
        assert ((sizes >= 0.0) & (sizes <= 0.6)).all()
        assert (more >= sizes).all()
