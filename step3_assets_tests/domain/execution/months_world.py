"""A few months of two symbols with scores, for tests of whole months.

Belongs here: frames in the columns that fold backtest and portfolio read, drawn from a seed. Does
not belong here: expectations.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.domain.core.months import add_months, month_of, month_range, month_start

MONTHS = month_range(date(2020, 1, 1), date(2020, 4, 1))


@dataclass(frozen=True)
class MonthsWorld:
    """Tables ``scores``, ``events`` and ``bar_features``, in the columns that are read."""

    scores: pd.DataFrame
    events: pd.DataFrame
    bars: pd.DataFrame
    months: list[date]


def make_world(
    *,
    months: list[date] = MONTHS,
    symbols: tuple[str, ...] = ("AAA", "BBB"),
    per_month: int = 12,
    gated: float = 0.5,
    quiet: tuple[date, ...] = (),
    drift: float = 0.0,
    seed: int = 0,
) -> MonthsWorld:
    """Four bars each weekday, also a week beyond the last month; events exit within six bars.

    Parameters
    ----------
    per_month : int
        Events drawn per symbol and month; none in the months that are `quiet`.
    gated : float
        Share of events that the gate let through.
    drift : float
        Log return of each bar on top of the noise.
    """
    rng = np.random.default_rng(seed)
    last = month_start(add_months(months[-1], 1)) + pd.Timedelta(days=7)
    days = pd.bdate_range(month_start(months[0]), last, tz="UTC")
    starts = pd.DatetimeIndex(
        [d + pd.Timedelta(hours=h) for d in days for h in (15, 16, 17, 18)]
    ).as_unit("us")
    bars, events = [], []
    for symbol in symbols:
        path = np.exp(np.cumsum(drift + 0.004 * rng.standard_normal(2 * len(starts))))
        frame = pd.DataFrame({"symbol": symbol, "date": starts})
        frame["bar_end_utc"] = starts + pd.Timedelta(hours=1)
        frame["open"], frame["close"] = 50 * path[::2], 50 * path[1::2]
        frame["low"] = frame[["open", "close"]].min(axis=1) * 0.999
        frame["month"] = month_of(frame["date"])
        bars.append(frame)
        rows = []
        for month in months:
            inside = np.flatnonzero((frame["month"] == month).to_numpy())
            n = 0 if month in quiet else min(per_month, len(inside))
            rows += sorted(rng.choice(inside, size=n, replace=False))
        t, leave = np.array(rows, dtype=int), np.array(rows, dtype=int) + 1
        leave += rng.integers(1, 7, size=len(t))
        events.append(_events(symbol, frame, t, leave))
    all_events = pd.concat(events, ignore_index=True)
    return MonthsWorld(
        _scores(all_events, gated, rng), all_events, pd.concat(bars, ignore_index=True), months
    )


def _events(symbol: str, bars: pd.DataFrame, t: np.ndarray, leave: np.ndarray) -> pd.DataFrame:
    at, entry, exit_ = (bars.iloc[i].reset_index(drop=True) for i in (t, t + 1, leave))
    out = pd.DataFrame({"month": at["month"], "symbol": symbol, "decision_time_utc": at["date"]})
    out["decision_instant_utc"] = at["bar_end_utc"]
    out["entry_time_utc"], out["exit_time_utc"] = entry["date"], exit_["date"]
    out["entry_open"], out["exit_open"] = entry["open"], exit_["open"]
    out["cost_rt"], out["tp_to_cost"], out["entry_overnight"] = 0.0008, 9.0, 0
    gain = np.log((out["exit_open"] / out["entry_open"]).to_numpy()) - out["cost_rt"]
    out["y"] = (gain > 0).astype("int64")
    out["maturity"] = "final"
    return out


def _scores(events: pd.DataFrame, gated: float, rng: np.random.Generator) -> pd.DataFrame:
    out = events[["month", "symbol", "decision_time_utc"]].copy()
    out["is_gated"] = rng.random(len(out)) < gated
    out["gate_reason"] = np.where(out["is_gated"], "pass", "ev_below_cost")
    out["ev_final"] = np.where(out["is_gated"], 0.002, -0.001)
    out["ev_threshold"] = 0.25 * events["cost_rt"]
    for name in ("ev_struct", "ev_ml", "q10", "q50", "q90"):
        out[name] = out["ev_final"]
    out["p_raw"] = out["p_calibrated"] = rng.uniform(0.4, 0.6, len(out))
    out["size_frac"] = out["is_gated"].astype("float64")
    return out
