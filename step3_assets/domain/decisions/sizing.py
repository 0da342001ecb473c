"""Sizing: how much of its symbol's allocation a decision asks for, and what bound it.

Belongs here: the arithmetic from forecasts to a size. Does not belong here: the allocation
(:mod:`step3_assets.domain.portfolio.allocation`), the state of the account and its caps
(:mod:`step3_assets.domain.risk`).

Everything is known at the decision.
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from step3_assets.config import SizingConfig

NORMAL_SPREAD = 2.5631031310892007
"""q90 - q10 of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of n decisions with what they were made of.

    Attributes
    ----------
    size_frac : ndarray, shape (n,)
        Share of the allocation asked for, as if gated.
    forecast_sd : ndarray
        Standard deviation of the net return, log return, from the quantile spread.
    kelly_frac : ndarray
        The whole Kelly fraction, ``ev_final / forecast_sd**2``.
    vol_cap_frac : ndarray
        The size at which the position's volatility is the target.
    overnight_factor : ndarray
        What an overnight entry's size was multiplied by.
    size_cap : ndarray of str
        What bound the size before the overnight haircut: ``fixed``, ``max_size``, ``kelly``,
        ``vol_target``; ``no_forecast`` where a figure is missing and the size 0.

    Figures that the method does not use are NaN.
    """

    size_frac: np.ndarray
    forecast_sd: np.ndarray
    kelly_frac: np.ndarray
    vol_cap_frac: np.ndarray
    overnight_factor: np.ndarray
    size_cap: np.ndarray

    def inputs_frame(self, index: pd.Index) -> pd.DataFrame:
        """Everything but ``size_frac`` as columns of ``scores``."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "size_frac"}
        named["size_cap"] = pd.array(named["size_cap"], dtype="str")
        return pd.DataFrame(named, index=index)


SIZING_COLUMNS = tuple(f.name for f in fields(Sizes) if f.name != "size_frac")


def size_positions(
    events: pd.DataFrame,
    ev_final: np.ndarray,
    q10: np.ndarray,
    q90: np.ndarray,
    config: SizingConfig,
    max_size_frac: float,
) -> Sizes:
    """Size of each decision, were it gated.

    Parameters
    ----------
    events : DataFrame, n rows
        ``sigma`` (log return of one bar) and ``entry_overnight``; ``fixed`` reads neither.
    ev_final, q10, q90 : ndarray, shape (n,)
        Log return; NaN where there is no score.
    config : SizingConfig
    max_size_frac : float
        The most that one position may take of its allocation; what ``fixed`` takes.

    Returns
    -------
    Sizes
        In [0, `max_size_frac`]. A size below ``config.min_size_frac`` is 0.

    Notes
    -----
    For a small edge the growth-optimal fraction is mean over variance (Thorp, 2006, eq. 7.4); its
    inputs are estimates, so ``kelly_fraction`` of it is asked for. The volatility target bounds
    ``size * sigma * sqrt(bars_per_year)``.

    Examples
    --------
    Five bps expected, a spread of 200 bps, a tenth of Kelly:

    >>> events = pd.DataFrame({"sigma": [0.003], "entry_overnight": [0]})
    >>> ev, q10, q90 = np.array([5e-4]), np.array([-0.01]), np.array([0.01])
    >>> sizes = size_positions(events, ev, q10, q90, SizingConfig(method="kelly"), 1.0)
    >>> sizes.size_frac.round(3).tolist(), sizes.size_cap.tolist()
    ([0.821], ['kelly'])
    """
    n = len(ev_final)
    nothing = np.full(n, np.nan)
    size = np.full(n, float(max_size_frac))
    if config.method == "fixed":
        return Sizes(size, nothing, nothing, nothing, nothing, np.full(n, "fixed", dtype=object))
    sd = kelly = nothing
    cap = np.full(n, "max_size", dtype=object)
    if config.method == "kelly":
        sd = np.maximum((q90 - q10) / NORMAL_SPREAD, config.min_forecast_sd)
        kelly = ev_final / sd**2
        asked = config.kelly_fraction * np.maximum(kelly, 0.0)
        cap[asked < size] = "kelly"
        size = np.minimum(size, asked)
    sigma = events["sigma"].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore"):
        room = config.vol_target_annual / (sigma * np.sqrt(config.bars_per_year))
    cap[room < size] = "vol_target"
    size = np.minimum(size, room)
    is_overnight = events["entry_overnight"].to_numpy() > 0
    factor = np.where(is_overnight, 1.0 - config.overnight_haircut_frac, 1.0)
    size = size * factor
    is_unknown = np.isnan(size)
    cap[is_unknown] = "no_forecast"
    size = np.where(is_unknown | (size < config.min_size_frac), 0.0, size)
    return Sizes(size, sd, kelly, room, factor, cap)
