"""Volatility cap: the constant size, reduced if the position would be too volatile.

Belongs here: this method, and the two bounds that other methods share with it: the volatility
target and the overnight haircut.
"""

import numpy as np
from pydantic import Field

from step3_assets.plugins.setting import Bounds, Setting, SettingValues
from step3_assets.plugins.sizing_method import Forecasts, Sizes, SizingMethod

LIMITS = {
    "vol_target_annual": Setting(
        float,
        Field(
            default=0.20,
            gt=0,
            description="Largest volatility of one position on its allocation: about that of an "
            "equity index in ordinary times, so that it binds in volatile times.",
        ),
        Bounds(0.1, 0.4, "Half to twice the volatility of an index."),
    ),
    "bars_per_year": Setting(
        float, Field(default=1764.0, gt=0, description="252 sessions of 7 bars.")
    ),
    "overnight_haircut_frac": Setting(
        float,
        Field(
            default=0.25,
            ge=0,
            le=1,
            description="Share taken off an entry that starts with an overnight gap, which no stop "
            "limits.",
        ),
        Bounds(0.0, 0.5, "None to half of the size."),
    ),
    "min_size_frac": Setting(
        float,
        Field(default=0.05, ge=0, le=1, description="A smaller size is set to 0: no trade."),
    ),
}
"""Settings of :func:`limited`."""


def vol_capped_sizes(forecasts: Forecasts, config: SettingValues, most: float) -> Sizes:
    """The largest allowed size, limited by the volatility target and the haircut."""
    n = len(forecasts.ev_final)
    nothing = np.full(n, np.nan)
    cap = np.full(n, "max_size", dtype=object)
    return limited(np.full(n, float(most)), cap, nothing, nothing, forecasts, config)


def limited(
    size: np.ndarray,
    cap: np.ndarray,
    forecast_sd: np.ndarray,
    kelly_frac: np.ndarray,
    forecasts: Forecasts,
    config: SettingValues,
) -> Sizes:
    """Limit sizes by the volatility target and the overnight haircut; too small a size becomes 0.

    Parameters
    ----------
    size, cap : ndarray, shape (n,)
        Requested sizes so far and what limited them; `cap` is modified.
    forecast_sd, kelly_frac : ndarray
        Copied to the result.
    forecasts : Forecasts
    config : SettingValues

    Notes
    -----
    The volatility target bounds ``size * sigma * sqrt(bars_per_year)``.
    """
    sigma = forecasts.sigma()
    with np.errstate(divide="ignore"):
        room = config.vol_target_annual / (sigma * np.sqrt(config.bars_per_year))
    cap[room < size] = "vol_target"
    size = np.minimum(size, room)
    factor = np.where(forecasts.is_overnight(), 1.0 - config.overnight_haircut_frac, 1.0)
    size = size * factor
    is_unknown = np.isnan(size)
    cap[is_unknown] = "no_forecast"
    size = np.where(is_unknown | (size < config.min_size_frac), 0.0, size)
    return Sizes(
        size_frac=size,
        forecast_sd=forecast_sd,
        kelly_frac=kelly_frac,
        vol_cap_frac=room,
        overnight_factor=factor,
        size_cap=cap,
    )


VOL_CAPPED = SizingMethod(
    name="vol_capped",
    label="Volatility cap",
    meaning="the constant, at most `vol_target_annual / (sigma × √bars_per_year)`, less the "
    "overnight haircut",
    place=20,
    size=vol_capped_sizes,
    caps=("max_size", "vol_target", "no_forecast"),
    settings=LIMITS,
)
