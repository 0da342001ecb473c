"""Kelly: a fraction of the growth-optimal size for the forecast edge.

Belongs here: this method.
"""

import numpy as np
from pydantic import Field

from step3_assets.plugins.setting import Bounds, Setting, SettingValues
from step3_assets.plugins.sizing_method import Forecasts, Sizes, SizingMethod
from step3_assets.plugins.sizing_methods.vol_capped import LIMITS, limited

NORMAL_SPREAD = 2.5631031310892007
"""q90 - q10 of a normal distribution, in standard deviations."""


def kelly_sizes(forecasts: Forecasts, config: SettingValues, most: float) -> Sizes:
    """``kelly_fraction`` of the Kelly size, limited by the volatility target and the haircut.

    Notes
    -----
    For a small edge the growth-optimal fraction is mean over variance (Thorp, 2006, eq. 7.4). Its
    inputs are estimates, so only ``kelly_fraction`` of it is requested.
    """
    n = len(forecasts.ev_final)
    size, cap = np.full(n, float(most)), np.full(n, "max_size", dtype=object)
    sd = np.maximum((forecasts.q90 - forecasts.q10) / NORMAL_SPREAD, config.min_forecast_sd)
    kelly = forecasts.ev_final / sd**2
    asked = config.kelly_fraction * np.maximum(kelly, 0.0)
    cap[asked < size] = "kelly"
    return limited(np.minimum(size, asked), cap, sd, kelly, forecasts, config)


KELLY = SizingMethod(
    name="kelly",
    label="Kelly",
    meaning="`kelly_fraction × ev_final / forecast_sd²` under the same two bounds, with "
    "`forecast_sd = (q90 − q10) / 2.563`, at least `min_forecast_sd`",
    place=30,
    size=kelly_sizes,
    caps=("max_size", "kelly", "vol_target", "no_forecast"),
    settings={
        "kelly_fraction": Setting(
            float,
            Field(
                default=0.1,
                gt=0,
                le=1,
                description="Share of the Kelly fraction. An edge of 5 bps with a deviation of 80 "
                "bps gives a Kelly fraction of 8, and the edge is the least certain estimate.",
            ),
            Bounds(
                0.02,
                0.3,
                "Above a third of Kelly, estimation error matters more than the edge.",
                is_log=True,
            ),
        ),
        "min_forecast_sd": Setting(
            float,
            Field(
                default=1e-3,
                gt=0,
                description="Lower bound of the forecast deviation, log return: about the cost of "
                "a round trip. Collapsed quantiles must not request the whole account.",
            ),
        ),
        **LIMITS,
    },
)
