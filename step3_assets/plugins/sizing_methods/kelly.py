"""Kelly: a share of the growth-optimal size of the forecast edge.

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
    """``kelly_fraction`` of the Kelly size, under the volatility target and the haircut.

    Notes
    -----
    For a small edge the growth-optimal fraction is mean over variance (Thorp, 2006, eq. 7.4); its
    inputs are estimates, so ``kelly_fraction`` of it is asked for.
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
                description="Share of the Kelly fraction. An edge of 5 bps on 80 bps of deviation "
                "is 8 times Kelly, and the edge is the weakest of estimates.",
            ),
            Bounds(
                0.02,
                0.3,
                "Beyond a third of Kelly the estimates decide, not the edge.",
                is_log=True,
            ),
        ),
        "min_forecast_sd": Setting(
            float,
            Field(
                default=1e-3,
                gt=0,
                description="Least deviation believed, log return: some cost of a round trip. A "
                "quantile pair that collapses must not ask for the whole account.",
            ),
        ),
        **LIMITS,
    },
)
