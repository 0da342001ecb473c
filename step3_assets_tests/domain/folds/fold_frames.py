"""Small frames for fold tests: only the columns that fold arithmetic reads.

Belongs here: events and bars on the exchange calendar with random label spans. Does not belong
here: features or outcomes' sizes (``training_frames`` has those).
"""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from step3_assets.config import FoldConfig
from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.core.months import add_months, month_of

FIRST = date(2016, 1, 1)
SMALL = FoldConfig(train_months=24, inner_folds=3, inner_min_train_months=12, inner_min_rows=10)


@lru_cache(maxsize=8)
def calendar(first: date, n_months: int) -> pd.DatetimeIndex:
    """Starts of every bar of the months, UTC."""
    days = session_bars(first, add_months(first, n_months) - timedelta(days=1))
    return pd.DatetimeIndex(days["date"]).as_unit("us")


def make_bars(symbol: str, starts: pd.DatetimeIndex, offset: int = 0) -> pd.DataFrame:
    """Bars of one symbol; `offset` is its first row number."""
    frame = pd.DataFrame({"symbol": symbol, "bar_idx": np.arange(len(starts)) + offset})
    frame["date"] = starts
    frame["month"] = month_of(frame["date"]).to_numpy()
    return frame


def make_events(
    bars: pd.DataFrame, rng: np.random.Generator, per_month: int, horizon: int = 12
) -> pd.DataFrame:
    """Random candidates of one symbol, whose labels end within the horizon and the bars."""
    n_months = bars["month"].nunique()
    last = len(bars) - 1
    place = np.sort(rng.choice(last - 1, size=min(per_month * n_months, last - 2), replace=False))
    horizons = np.where(rng.random(len(place)) < 0.2, horizon - 2, horizon)
    longest = place + 1 + horizons
    held = rng.integers(1, horizons + 2)
    end = np.minimum(place + 1 + held, last)
    events = bars.iloc[place][["symbol", "bar_idx", "date", "month"]].reset_index(drop=True)
    events = events.rename(columns={"bar_idx": "t_idx", "date": "decision_time_utc"})
    events["H"] = horizons
    events["label_end_idx"] = bars["bar_idx"].to_numpy()[end].astype(float)
    events["exit_time_utc"] = pd.DatetimeIndex(bars["date"])[end]
    events["maturity"] = np.where(longest > last - 1, "provisional", "final")
    return events


def make_pair(
    seed: int = 0,
    n_months: int = 40,
    per_month: int = 8,
    symbols: tuple[str, ...] = ("AAA", "BBB"),
    first: date = FIRST,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and bars of several symbols whose row numbers differ."""
    rng = np.random.default_rng(seed)
    starts = calendar(first, n_months)
    events, bars = [], []
    for place, symbol in enumerate(symbols):
        late = int(rng.integers(0, 40)) * place
        bars.append(make_bars(symbol, starts[late:], offset=int(rng.integers(0, 30))))
        events.append(make_events(bars[-1], rng, per_month))
    return pd.concat(events, ignore_index=True), pd.concat(bars, ignore_index=True)
