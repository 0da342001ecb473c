"""Fixed: every gated decision requests the same share of its allocation.

Belongs here: this method.
"""

import numpy as np

from step3_assets.plugins.setting import SettingValues
from step3_assets.plugins.sizing_method import Forecasts, Sizes, SizingMethod


def fixed_sizes(forecasts: Forecasts, config: SettingValues, most: float) -> Sizes:
    """The largest allowed size for every decision, whatever the forecast."""
    n = len(forecasts.ev_final)
    nothing = np.full(n, np.nan)
    return Sizes(
        size_frac=np.full(n, float(most)),
        forecast_sd=nothing,
        kelly_frac=nothing,
        vol_cap_frac=nothing,
        overnight_factor=nothing,
        size_cap=np.full(n, "fixed", dtype=object),
    )


FIXED = SizingMethod(
    name="fixed",
    label="Fixed",
    meaning="`execution.size_frac`, a constant; no setting below applies",
    place=10,
    size=fixed_sizes,
    caps=("fixed",),
)
