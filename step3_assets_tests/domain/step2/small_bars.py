"""Bars for tests: made of few numbers, on real sessions.

Belongs here: frames in the layout of bar files. Does not belong here: a market (the simulator has
one), or an expectation.
"""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.step2.knobs import Step2Config

# Windows short enough that a few weeks of bars fill them.
SHORT = Step2Config(
    volume_window=20,
    volume_min_periods=5,
    high_window=15,
    high_min_periods=5,
    sigma_rank_window=40,
    atr_rank_window=40,
    rank_min_periods=10,
    intraday_tail_window=20,
    intraday_tail_min_periods=5,
    gap_lookback_events=6,
    gap_min_events=2,
    beta_window=20,
    beta_min_periods=8,
)


def bars_of(rows: list[tuple[float, float, float, float]], **columns: Any) -> pd.DataFrame:
    """Bars with these (open, high, low, close), on consecutive calendar bars from 2023-06-05."""
    grid = session_bars(date(2023, 6, 5), date(2023, 12, 29)).iloc[: len(rows)]
    bars = pd.DataFrame(rows, columns=["open", "high", "low", "close"], dtype=float)
    bars.insert(0, "date", grid["date"])
    return bars.assign(volume=1000.0).assign(**columns)


def random_bars(
    seed: int, start: date = date(2023, 6, 5), end: date = date(2023, 7, 14), drift: float = 1e-4
) -> pd.DataFrame:
    """A random walk over every bar of every session (a half day among them)."""
    rng = np.random.default_rng(seed)
    grid = session_bars(start, end)
    close = 100 * np.exp(np.cumsum(rng.normal(drift, 0.004, len(grid))))
    opens = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, 0.001, len(grid)))
    wick = np.abs(rng.normal(0, 0.002, (2, len(grid))))
    bars = grid.drop(columns=["bar_end", "session"])
    return bars.assign(
        open=opens,
        high=np.maximum(opens, close) * (1 + wick[0]),
        low=np.minimum(opens, close) * (1 - wick[1]),
        close=close,
        volume=np.round(rng.lognormal(13, 1, len(grid))),
        average=close,
        barCount=rng.integers(100, 9999, len(grid)),
    )
