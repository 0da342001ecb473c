"""The world's clock: the bars of its span and some beyond it, with the shape of the trading day.

Belongs here: what follows from the exchange calendar. Does not belong here: anything random.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.worlds.config import WorldConfig

# Days beyond the end, because the oracle of the last decision needs one holding time more.
_DAYS_BEYOND = 21


@dataclass(frozen=True)
class Clock:
    """Bars of the span and beyond it.

    Parameters
    ----------
    calendar : DataFrame
        As `session_bars` returns it.
    n_bars : int
        Bars within the span; later rows lie beyond its end.
    is_first : ndarray of bool
        The bar opens a session: a night lies before it.
    variance, gap_variance : ndarray
        Variance of the bar, and of the night before it (0 within a session), relative to an
        average hour. Drift is spread over bars and nights in the same proportion.
    log_volume : ndarray
        Seasonal part of log volume.
    """

    calendar: pd.DataFrame
    n_bars: int
    is_first: np.ndarray

    variance: np.ndarray
    gap_variance: np.ndarray
    log_volume: np.ndarray


def read_clock(config: WorldConfig) -> Clock:
    """Apply the shape of the session to the exchange calendar.

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
        variance=variance[slot],
        gap_variance=np.where(is_first, gap_variance, 0.0),
        log_volume=np.array(shape.log_volume)[slot],
    )


def _slots(is_first: np.ndarray) -> np.ndarray:
    """Place of each bar in its session, 0 to 6; the closing bar is 6 on half days as well."""
    at = np.arange(len(is_first))
    place = at - np.maximum.accumulate(np.where(is_first, at, 0))
    is_last = np.append(is_first[1:], True)
    return np.where(is_last, 6, np.minimum(place, 6))
