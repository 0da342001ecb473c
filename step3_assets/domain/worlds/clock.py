"""The world's clock: every bar of its span, and a few beyond, with the shape of the trading day.

Belongs here: what the exchange calendar fixes in advance. Does not belong here: anything random.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.worlds.config import WorldConfig

# Days beyond the end: the oracle of the last decision looks one holding time ahead.
_DAYS_BEYOND = 21


@dataclass(frozen=True)
class Clock:
    """Bars of the span and beyond it.

    Parameters
    ----------
    calendar : DataFrame
        As `session_bars` gives it.
    n_bars : int
        Bars within the span; rows from there on lie beyond its end.
    is_first : ndarray of bool
        The bar opens a session: a night lies before it.
    hours : ndarray
        Drift hours of the bar itself.
    gap_hours : ndarray
        Drift hours of the night before the bar; 0 within a session.
    variance, gap_variance : ndarray
        Of the bar and of the night before it, relative to an average hour.
    log_volume : ndarray
        Seasonal part of log volume.
    """

    calendar: pd.DataFrame
    n_bars: int
    is_first: np.ndarray
    hours: np.ndarray
    gap_hours: np.ndarray
    variance: np.ndarray
    gap_variance: np.ndarray
    log_volume: np.ndarray


def read_clock(config: WorldConfig) -> Clock:
    """Lay the session shape over the exchange calendar.

    Raises
    ------
    ValueError
        If the span holds no session, or lies outside the calendar's years.
    """
    calendar = session_bars(config.start, config.end + timedelta(days=_DAYS_BEYOND))
    n_bars = int((calendar["session"] <= config.end).sum())
    if n_bars == 0:
        raise ValueError(f"no session between {config.start} and {config.end}")
    is_first = calendar["is_opening_bar"].to_numpy(dtype=bool)
    slot = _slots(is_first)
    shape = config.session
    variance = np.array(shape.variance) / np.mean(shape.variance)
    gap_variance = shape.gap_variance / np.mean(shape.variance)
    return Clock(
        calendar=calendar,
        n_bars=n_bars,
        is_first=is_first,
        hours=variance[slot],
        gap_hours=np.where(is_first, gap_variance, 0.0),
        variance=variance[slot],
        gap_variance=np.where(is_first, gap_variance, 0.0),
        log_volume=np.array(shape.log_volume)[slot],
    )


def _slots(is_first: np.ndarray) -> np.ndarray:
    """Place of each bar in its session, 0 to 6; the closing bar is 6 on a half day too."""
    at = np.arange(len(is_first))
    place = at - np.maximum.accumulate(np.where(is_first, at, 0))
    is_last = np.append(is_first[1:], True)
    return np.where(is_last, 6, np.minimum(place, 6))
