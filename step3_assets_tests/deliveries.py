"""Small, consistent Step 2 deliveries made of random numbers, for tests.

Belongs here: frames and folders laid out exactly as Step 2 writes them, with labels that follow
from the bars. Does not belong here: the market, the signals' definitions or an edge; the builder
and the simulator have those. Every month is drawn from its own seed, so a delivery with more
months repeats the earlier ones to the bit, except labels that the data's end had cut.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import EVENT_SIGNALS
from step3_assets.domain.core.months import add_months, month_range
from step3_assets.domain.step2.layout import BAR_FEATURES_SCHEMA, PARTNER_SIGNALS

H_INTRADAY, H_OVERNIGHT = 12, 10
# fmt: off
OUTCOMES = [
    "exit_time_utc", "entry_open", "exit_open", "exit_reason", "gross_logret", "net_logret", "y",
    "label_end_idx", "truncated_horizon", "touch_delay_bars", "same_bar_ambiguous",
]
EVENT_ORDER = [
    "symbol", "t_idx", "decision_time_utc", "entry_time_utc", "exit_time_utc", "entry_open",
    "exit_open", "entry_overnight", "a_tp", "b_sl", "H", "exit_reason", "gross_logret", "cost_rt",
    "net_logret", "y", "label_end_idx", "truncated_horizon", "touch_delay_bars",
    "same_bar_ambiguous", "spread_half", "slip_half", "tp_to_cost", "family",
]
# fmt: on
SIGNALS, CROSS, BAR_ORDER = list(EVENT_SIGNALS), list(PARTNER_SIGNALS), BAR_FEATURES_SCHEMA.names


@dataclass(frozen=True)
class SymbolFrames:
    """One symbol's files as frames, in the delivered columns and types."""

    events: pd.DataFrame
    bars: pd.DataFrame


def write_small_delivery(
    folder: Path,
    *,
    symbols: Sequence[str] = ("AAA", "BBB"),
    start: date = date(2019, 1, 1),
    n_months: int = 3,
    events_per_month: int = 30,
    seed: int = 0,
    drop_last_bars: int = 0,
    has_pending: bool = False,
    extra_candidates: Sequence[int] = (),
    is_synthetic: bool = False,
    baseline: Mapping | None = None,
) -> Path:
    """Write a delivery and return its folder. The parameters are those of :func:`small_frames`.

    Parameters
    ----------
    is_synthetic : bool
        Mark the meta files ``"synthetic": true``.
    baseline : mapping, optional
        Content of the published mock baseline; no such file when ``None``.

    Examples
    --------
    A first delivery that ends mid-month with labels cut by its end, and the one that follows::

        write_small_delivery(a, n_months=3, drop_last_bars=40, has_pending=True)
        write_small_delivery(b, n_months=4)
    """
    frames = small_frames(
        symbols=symbols,
        start=start,
        n_months=n_months,
        events_per_month=events_per_month,
        seed=seed,
        drop_last_bars=drop_last_bars,
        has_pending=has_pending,
        extra_candidates=extra_candidates,
    )
    return write_frames(folder, frames, is_synthetic=is_synthetic, baseline=baseline)


def small_frames(
    *,
    symbols: Sequence[str] = ("AAA", "BBB"),
    start: date = date(2019, 1, 1),
    n_months: int = 3,
    events_per_month: int = 30,
    seed: int = 0,
    drop_last_bars: int = 0,
    has_pending: bool = False,
    extra_candidates: Sequence[int] = (),
) -> dict[str, SymbolFrames]:
    """Events and bars of each symbol.

    Parameters
    ----------
    symbols : sequence of str
        Upper case. Each one's cross context is the next symbol; a lone symbol's is ``MKT``.
    start : date
        First month (the day is dropped); whole months of exchange sessions follow.
    events_per_month : int
        Candidates drawn per symbol and month, on random bars; labels overlap when it is above ten.
    seed : int
        Same seed and symbol, same rows for a month, whatever else is asked for.
    drop_last_bars : int
        Bars cut off the end of every symbol: the labels of candidates that still have an exit bar
        are then ``truncated_horizon`` (as they are at any delivery's end).
    has_pending : bool
        Make the last two bars candidates, whose outcome columns are null: their exit bar does not
        exist yet. Integer outcome columns are then nullable ``Int64``.
    extra_candidates : sequence of int
        Bar rows that are candidates besides those drawn: the last two rows of an earlier delivery,
        for example, so that the later one holds what was pending there.
    """
    first = start.replace(day=1)
    grid = _session_grid(first, n_months)
    others = {s: symbols[(i + 1) % len(symbols)] for i, s in enumerate(symbols)}
    drawn = {}
    for symbol in symbols:
        bars = _draw_bars(symbol, grid, seed)
        drawn[symbol] = bars.iloc[: len(bars) - drop_last_bars].reset_index(drop=True)
    frames = {}
    for symbol, bars in drawn.items():
        other = others[symbol] if others[symbol] != symbol else "MKT"
        t_idx = np.union1d(
            _draw_candidates(symbol, grid, events_per_month, seed),
            np.asarray(extra_candidates, dtype="int64"),
        )
        edge = len(bars) - 2
        t_idx = t_idx[t_idx < edge]
        if has_pending:
            t_idx = np.append(t_idx, [edge, edge + 1])
        events = _events(symbol, other, bars, drawn.get(other), t_idx)
        frames[symbol] = SymbolFrames(events, _delivered_bars(bars))
    return frames


def write_frames(
    folder: Path,
    frames: Mapping[str, SymbolFrames],
    *,
    is_synthetic: bool = False,
    baseline: Mapping | None = None,
) -> Path:
    """Write frames as a delivery: ``events/``, ``bar_features/``, ``meta/`` and ``selection/``."""
    for part in ("events", "bar_features", "meta"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for symbol, pair in frames.items():
        stem = symbol.lower()
        pair.events.to_parquet(folder / "events" / f"{stem}_events.parquet", index=False)
        pair.bars.to_parquet(folder / "bar_features" / f"{stem}_bar_features.parquet", index=False)
        meta = {"trade_symbol": symbol, "knobs": {"horizon_intra": H_INTRADAY}}
        if is_synthetic:
            meta["synthetic"] = True
        (folder / "meta" / f"{stem}_step2_config.json").write_text(json.dumps(meta))
    if baseline is not None:
        published = folder / "selection" / "dual_portfolio_ml"
        published.mkdir(parents=True, exist_ok=True)
        (published / "dual_symbol_portfolio_summary.json").write_text(json.dumps(baseline))
    return folder


def _session_grid(first: date, n_months: int) -> pd.DataFrame:
    """The exchange's bars of these months, each with the start of the bar that follows."""
    from step3_assets.domain.core.calendar import session_bars

    end = add_months(first, n_months)
    grid = session_bars(first, end + timedelta(days=10))
    grid["entry_overnight"] = grid["session"].ne(grid["session"].shift(-1))
    grid["next_date"] = grid["date"].shift(-1)
    grid["month"] = grid["date"].dt.year * 100 + grid["date"].dt.month
    return grid.loc[grid["session"] < end].reset_index(drop=True)


def _generators(
    symbol: str, grid: pd.DataFrame, seed: int, purpose: int
) -> list[tuple[np.random.Generator, int]]:
    """One generator per month of the grid, and how many bars the month has."""
    key = int.from_bytes(symbol.encode(), "big")
    months, counts = np.unique(grid["month"].to_numpy(), return_counts=True)
    return [
        (np.random.default_rng([seed, purpose, key, int(month)]), int(count))
        for month, count in zip(months, counts, strict=True)
    ]


def _draw_bars(symbol: str, grid: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Prices are a random walk; the signals are random numbers of a plausible size."""
    noise = np.concatenate(
        [rng.standard_normal((count, 20)) for rng, count in _generators(symbol, grid, seed, 1)]
    )
    n = len(grid)
    after_night = grid["entry_overnight"].shift(1, fill_value=False).to_numpy()
    gap = np.where(after_night, 0.004, 0.0002) * noise[:, 0]
    gap[0] = 0.0
    move = 0.003 * noise[:, 1]
    log_close = np.log(100.0) + np.cumsum(gap + move)
    log_open = log_close - move
    bars = pd.DataFrame({"date": grid["date"], "open": np.exp(log_open)})
    bars["high"] = np.exp(np.maximum(log_open, log_close) + 0.0015 * np.abs(noise[:, 2]))
    bars["low"] = np.exp(np.minimum(log_open, log_close) - 0.0015 * np.abs(noise[:, 3]))
    bars["close"] = np.exp(log_close)
    bars["volume"] = np.round(1e6 * np.exp(0.3 * noise[:, 4]))
    bars["average"] = (bars["high"] + bars["low"]) / 2
    bars["barcount"] = (1000 + 100 * np.abs(noise[:, 5])).astype("int64")
    for name in ("ny_time", "is_opening_bar", "expected_bar_seconds", "is_partial_bar"):
        bars[name] = grid[name]
    bars["log_close"] = log_close
    bars["r_cc"] = np.concatenate([[np.nan], np.diff(log_close)])
    bars["sigma"] = 0.003 * np.exp(0.2 * noise[:, 6])
    bars["ewm_var"] = bars["sigma"] ** 2
    bars["u_atr"] = 0.005 * np.exp(0.2 * noise[:, 7])
    bars["atr"] = bars["u_atr"] * bars["close"]
    bars["tr"] = bars["high"] - bars["low"]
    bars["range_ratio"] = bars["tr"] / bars["close"]
    bars["trend_score"] = 0.61 + np.abs(noise[:, 8])
    bars["trend_raw"] = bars["trend_score"] * bars["sigma"]
    bars["ema_slow"] = bars["close"]
    bars["ema_fast"] = bars["ema_slow"] + bars["trend_raw"] * bars["close"]
    bars["ema_fast_slope"] = 0.001 * noise[:, 9]
    bars["pullback_z"], bars["vol_z"] = noise[:, 10], noise[:, 11]
    uniform = np.abs(np.tanh(noise[:, 12:15]))
    bars["sigma_prank"], bars["u_atr_prank"], bars["intraday_tail_frac"] = uniform.T
    bars["dist_to_hi"] = 0.01 * noise[:, 15]
    bars["gap_mu"] = 0.001 * noise[:, 16]
    bars["gap_sd"] = 0.004 * np.exp(0.1 * noise[:, 17])
    bars["gap_tail"] = np.floor(3 * np.abs(noise[:, 18]))
    warm_up = np.arange(n) < 20
    for name in ("vol_z", "sigma_prank", "gap_mu", "gap_sd", "gap_tail", "dist_to_hi"):
        bars.loc[warm_up, name] = np.nan
    bars["entry_overnight"] = grid["entry_overnight"]
    next_open = bars["open"].shift(-1)
    gap_ahead = np.log((next_open / bars["close"]).to_numpy())
    bars["gap_ret_realized"] = np.where(bars["entry_overnight"], gap_ahead, np.nan)
    bars["vol_spike"] = noise[:, 19] > 1.28
    for name in (name for name in BAR_ORDER if name not in (*bars.columns, "symbol")):
        bars[name] = np.tanh(noise[:, 8])  # a signal that the catalogue has gained
    bars["symbol"] = symbol
    bars["next_date"] = grid["next_date"]
    return bars


def _delivered_bars(bars: pd.DataFrame) -> pd.DataFrame:
    """The delivered columns; the last bar's look-ahead gap is not known yet."""
    out = pd.DataFrame(bars[BAR_ORDER])
    out.loc[len(out) - 1, "gap_ret_realized"] = np.nan
    return out


def _draw_candidates(symbol: str, grid: pd.DataFrame, per_month: int, seed: int) -> np.ndarray:
    rows, offset = [], 0
    for rng, count in _generators(symbol, grid, seed, 2):
        drawn = rng.choice(count, size=min(per_month, count), replace=False)
        rows.append(offset + np.sort(drawn))
        offset += count
    candidates = np.concatenate(rows)
    return candidates[candidates >= 2]


def _events(
    symbol: str, other: str, bars: pd.DataFrame, other_bars: pd.DataFrame | None, t: np.ndarray
) -> pd.DataFrame:
    at = bars.iloc[t].reset_index(drop=True)
    is_night = at["entry_overnight"].to_numpy()
    out = pd.DataFrame({"symbol": symbol, "t_idx": t.astype("int64")}, index=range(len(t)))
    out["decision_time_utc"] = _text(at["date"])
    out["entry_time_utc"] = _text(at["next_date"])
    out["entry_overnight"] = is_night.astype("int64")
    out["a_tp"] = np.where(is_night, 2.2, 2.0) * at["u_atr"]
    out["b_sl"] = np.where(is_night, 1.6, 1.5) * at["u_atr"]
    out["H"] = np.where(is_night, H_OVERNIGHT, H_INTRADAY).astype("int64")
    out["spread_half"] = 0.00010
    out["slip_half"] = 0.00008 + 0.05 * at["sigma"] + 0.00015 * is_night
    out["cost_rt"] = 2 * (out["spread_half"] + out["slip_half"]) + 0.0001
    out["tp_to_cost"] = out["a_tp"] / out["cost_rt"]
    out["family"] = np.where(at["pullback_z"] < -1.0, "pullback_long", "trend_long")
    out[SIGNALS] = at[SIGNALS]
    cross = at if other_bars is None else other_bars.iloc[t].reset_index(drop=True)
    for name in CROSS:
        out[f"{other.lower()}_{name}"] = cross[name]
    out[f"{other.lower()}_age_min"] = 0.0
    out["rs_log"] = at["log_close"] - cross["log_close"]
    out["ret_spread"] = at["r_cc"] - cross["r_cc"]
    out["beta_proxy"] = np.where(t < 80, np.nan, 1.0 + 0.1 * np.tanh(at["vol_z"].to_numpy()))
    out["regime_agree"] = (np.sign(at["trend_score"]) == np.sign(cross["trend_score"])) * 1.0
    out = pd.concat([out, _outcomes(bars, t, out)], axis=1)
    rest = [name for name in out.columns if name not in EVENT_ORDER]
    return pd.DataFrame(out[[*EVENT_ORDER, *rest]])


def _outcomes(bars: pd.DataFrame, t: np.ndarray, known: pd.DataFrame) -> pd.DataFrame:
    """Touches of the barriers, bar by bar, and the exit at the open after."""
    last = len(bars) - 1
    horizon, rows = known["H"].to_numpy(), np.arange(len(t))
    is_pending = t + 2 > last
    price = {k: bars[k].to_numpy() for k in ("open", "high", "low")}
    entry = price["open"][np.minimum(t + 1, last)]
    final_scan = np.clip(t + 1 + horizon, t + 1, np.maximum(last - 1, t + 1))
    scan = t[:, None] + 1 + np.arange(H_INTRADAY + 1)[None, :]
    in_reach = scan <= final_scan[:, None]
    scan = np.minimum(scan, last)
    target = entry * np.exp(known["a_tp"].to_numpy())
    stop = entry * np.exp(-known["b_sl"].to_numpy())
    is_up = in_reach & (price["high"][scan] >= target[:, None])
    is_down = in_reach & (price["low"][scan] <= stop[:, None])
    is_touch = is_up | is_down
    has_touch = is_touch.any(axis=1)
    place = np.where(has_touch, is_touch.argmax(axis=1), final_scan - t - 1)
    end = np.minimum(t + 1 + place + 1, last)
    is_stop = is_down[rows, place]
    out = pd.DataFrame({"exit_time_utc": _text(bars["date"].iloc[end])})
    out["entry_open"], out["exit_open"] = entry, price["open"][end]
    out["exit_reason"] = np.where(has_touch, np.where(is_stop, "sl", "tp"), "horizon")
    out["gross_logret"] = np.log(out["exit_open"] / out["entry_open"])
    out["net_logret"] = out["gross_logret"] - known["cost_rt"]
    integers = {
        "y": out["net_logret"] > 0,
        "label_end_idx": end,
        "truncated_horizon": t + 1 + horizon > last - 1,
        "touch_delay_bars": np.where(has_touch, place + 1, np.minimum(place + 1, horizon)),
        "same_bar_ambiguous": is_up[rows, place] & is_stop,
    }
    for name, values in integers.items():
        out[name] = np.asarray(values).astype("int64")
    if is_pending.any():
        out = out.astype(dict.fromkeys(integers, "Int64"))
        out.loc[is_pending, :] = None
    return out


def _text(stamps: pd.Series) -> pd.Series:
    """As Step 2 writes them: ``2019-01-02 14:30:00+00:00``."""
    text = stamps.dt.strftime("%Y-%m-%d %H:%M:%S+00:00")
    return text.reset_index(drop=True)


def months_of(start: date, n_months: int) -> list[date]:
    """The months of a small delivery."""
    return month_range(start.replace(day=1), add_months(start.replace(day=1), n_months - 1))
