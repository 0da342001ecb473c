"""The Step 2 definitions, computed one row at a time; the builder is compared with this.

It is written from the definitions, independently of the builder: a state is updated bar by bar, and
windows are computed again on each bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import (
    BAR_FEATURES_SCHEMA,
    PARTNER_SIGNALS,
    SIGNALS,
    events_schema,
)

NAN = math.nan
BPS = 1e-4


def build_row_at_a_time(
    bars: dict[str, pd.DataFrame], config: Step2Config
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Bar features and events of two symbols, each the other's partner."""
    rows = {symbol: _all_features(symbol, frame, config) for symbol, frame in bars.items()}
    built = {}
    for own, other in zip(bars, reversed(bars), strict=True):
        features = pd.DataFrame(rows[own], columns=BAR_FEATURES_SCHEMA.names)
        events = _all_events(own, other, rows[own], rows[other], config)
        built[own] = (features, pd.DataFrame(events, columns=events_schema(other).names))
    return built


@dataclass
class _State:
    """What one symbol remembers from bar to bar."""

    ewm_var: float = 0.0
    atr: float = NAN
    ema_fast: float = NAN
    ema_slow: float = NAN
    mean: float = NAN
    variance: float = 0.0
    weight2: float = 1.0
    gap_mu: float = NAN
    gap_sd: float = NAN
    gap_tail: float = NAN
    closes: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    sigmas: list[float] = field(default_factory=list)
    u_atrs: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    gap_sds: list[float] = field(default_factory=list)
    is_gap_tail: list[float] = field(default_factory=list)


def _all_features(symbol: str, bars: pd.DataFrame, config: Step2Config) -> list[dict]:
    state, rows = _State(), []
    records = bars.to_dict("records")
    for place, bar in enumerate(records):
        before = records[place - 1] if place else None
        after = records[place + 1] if place + 1 < len(records) else None
        row = {**bar, "symbol": symbol}
        _volatility(row, bar, before, state, config)
        _trend(row, bar, state, config)
        _ranks(row, bar, state, config)
        _gap(row, bar, after, state, config)
        rows.append(row)
    return rows


def _volatility(row: dict, bar: dict, before: dict | None, s: _State, c: Step2Config) -> None:
    close, high, low = bar["close"], bar["high"], bar["low"]
    row["log_close"] = math.log(close)
    row["r_cc"] = NAN if before is None else row["log_close"] - math.log(before["close"])
    squared = 0.0 if before is None else row["r_cc"] ** 2
    s.ewm_var += c.ewma_var_alpha * (squared - s.ewm_var)
    row["ewm_var"] = s.ewm_var
    row["sigma"] = math.sqrt(s.ewm_var)
    row["tr"] = NAN
    if before is not None:
        last = before["close"]
        row["tr"] = max(high - low, abs(high - last), abs(low - last))
        s.atr = _ema(s.atr, row["tr"], c.atr_span)
    row["atr"] = s.atr
    row["u_atr"] = s.atr / close
    row["range_ratio"] = (high - low) / close


def _trend(row: dict, bar: dict, s: _State, c: Step2Config) -> None:
    close, fast_before = bar["close"], s.ema_fast
    s.ema_fast = _ema(s.ema_fast, close, c.trend_fast_span)
    s.ema_slow = _ema(s.ema_slow, close, c.trend_slow_span)
    row["ema_fast"], row["ema_slow"] = s.ema_fast, s.ema_slow
    row["trend_raw"] = (s.ema_fast - s.ema_slow) / close
    row["trend_score"] = row["trend_raw"] / row["sigma"] if row["sigma"] else NAN
    row["ema_fast_slope"] = (s.ema_fast - fast_before) / close
    distance = row["log_close"] - math.log(s.ema_fast)
    if math.isnan(s.mean):
        s.mean = distance
        row["pullback_z"] = NAN
        return
    alpha = 2 / (c.trend_slow_span + 1)
    mean = (1 - alpha) * s.mean + alpha * distance
    s.variance = (1 - alpha) * (s.variance + (s.mean - mean) ** 2) + alpha * (distance - mean) ** 2
    s.weight2 = (1 - alpha) ** 2 * s.weight2 + alpha**2
    s.mean = mean
    deviation = math.sqrt(s.variance / (1 - s.weight2))
    row["pullback_z"] = distance / deviation if deviation else NAN


def _ranks(row: dict, bar: dict, s: _State, c: Step2Config) -> None:
    close = bar["close"]
    s.volumes.append(math.log(bar["volume"]) if bar["volume"] else NAN)
    window = _window(s.volumes, c.volume_window)
    row["vol_z"] = NAN
    if len(window) >= c.volume_min_periods and window.std(ddof=1) > 0:
        row["vol_z"] = (s.volumes[-1] - window.mean()) / window.std(ddof=1)
    earlier = s.closes[-c.high_window :]
    row["dist_to_hi"] = NAN
    if len(earlier) >= c.high_min_periods:
        row["dist_to_hi"] = (close - max(earlier)) / close
    sigma_before = s.sigmas[-1] if s.sigmas else 0.0
    score = abs(row["r_cc"]) / sigma_before if sigma_before else NAN
    s.tails.append(NAN if math.isnan(score) else float(score > c.intraday_tail_z))
    tails = _window(s.tails, c.intraday_tail_window)
    is_enough = len(tails) >= c.intraday_tail_min_periods
    row["intraday_tail_frac"] = tails.mean() if is_enough else NAN
    s.closes.append(close)
    s.sigmas.append(row["sigma"])
    s.u_atrs.append(row["u_atr"])
    row["sigma_prank"] = _rank(_window(s.sigmas, c.sigma_rank_window), row["sigma"], c)
    row["u_atr_prank"] = _rank(_window(s.u_atrs, c.atr_rank_window), row["u_atr"], c)
    sigmas = _window(s.sigmas, c.sigma_rank_window)
    row["vol_spike"] = bool(
        len(sigmas) >= c.rank_min_periods and row["sigma"] > np.quantile(sigmas, c.vol_spike_q)
    )


def _gap(row: dict, bar: dict, after: dict | None, s: _State, c: Step2Config) -> None:
    row["entry_overnight"] = after is not None and bar["ny_time"].date() != after["ny_time"].date()
    row["gap_ret_realized"] = NAN
    if row["entry_overnight"] and after is not None:
        # What the gaps before this one say; then this one joins them.
        window = _window(s.gaps, c.gap_lookback_events)
        if len(window) >= c.gap_min_events:
            s.gap_mu, s.gap_sd = window.mean(), s.gap_sds[-1]
            s.gap_tail = sum(s.is_gap_tail[-c.gap_lookback_events :])
        gap = math.log(after["open"] / bar["close"])
        row["gap_ret_realized"] = gap
        before = s.gap_sds[-1] if s.gap_sds else NAN
        s.is_gap_tail.append(float(abs(gap) > c.gap_tail_k * before))
        s.gaps.append(gap)
        window = _window(s.gaps, c.gap_lookback_events)
        s.gap_sds.append(window.std(ddof=1) if len(window) >= c.gap_min_events else NAN)
    row["gap_mu"], row["gap_sd"], row["gap_tail"] = s.gap_mu, s.gap_sd, s.gap_tail


def _all_events(
    symbol: str, partner: str, own: list[dict], other: list[dict], config: Step2Config
) -> list[dict]:
    tolerance = pd.Timedelta(config.cross_merge_tolerance)
    events, matched, x, y = [], -1, [], []
    for t, row in enumerate(own):
        while matched + 1 < len(other) and other[matched + 1]["date"] <= row["date"]:
            matched += 1
        is_near = matched >= 0 and row["date"] - other[matched]["date"] <= tolerance
        match = other[matched] if is_near else None
        x.append(row["r_cc"])
        y.append(match["r_cc"] if match else NAN)
        family = _family(row, config)
        if family is None or t + 2 >= len(own):
            continue
        event = {"symbol": symbol, "t_idx": t, "family": family}
        event |= {name: row[name] for name in SIGNALS}
        event |= _price(symbol, row, config)
        event |= _label(own, t, event)
        event |= _cross(partner, row, match, x, y, config)
        events.append(event)
    return events


def _family(row: dict, c: Step2Config) -> str | None:
    core = (row["trend_score"], row["pullback_z"], row["sigma"], row["u_atr"])
    if any(math.isnan(value) for value in core):
        return None
    if row["trend_score"] > c.trend_in:
        return "trend_long"
    is_pullback = row["trend_score"] > c.trend_regime_min and row["pullback_z"] < -c.pullback_z
    return "pullback_long" if is_pullback else None


def _price(symbol: str, row: dict, c: Step2Config) -> dict:
    is_overnight = row["entry_overnight"]
    spread = c.spread_half_bps.get(symbol, c.spread_half_default_bps) * BPS
    slip = c.slip_base_bps * BPS + c.slip_vol_mult * row["sigma"]
    slip += c.slip_spike_add_bps * BPS if row["vol_spike"] else 0.0
    slip += c.overnight_slip_add_bps * BPS if is_overnight else 0.0
    cost = 2 * (spread + slip) + c.commission_round_trip_bps * BPS
    target = (c.tp_mult_overn if is_overnight else c.tp_mult_intra) * row["u_atr"]
    stop = (c.sl_mult_overn if is_overnight else c.sl_mult_intra) * row["u_atr"]
    return {
        "entry_overnight": int(is_overnight),
        "a_tp": target,
        "b_sl": stop,
        "H": c.horizon_overn if is_overnight else c.horizon_intra,
        "cost_rt": cost,
        "spread_half": spread,
        "slip_half": slip,
        "tp_to_cost": target / cost,
    }


def _label(bars: list[dict], t: int, event: dict) -> dict:
    entry, last = t + 1, len(bars) - 2
    price = bars[entry]["open"]
    target, stop = price * math.exp(event["a_tp"]), price * math.exp(-event["b_sl"])
    reason, is_both, at = "horizon", False, min(entry + event["H"], last)
    for scanned in range(entry, at + 1):
        is_high, is_low = bars[scanned]["high"] >= target, bars[scanned]["low"] <= stop
        if is_high or is_low:
            reason, is_both, at = "sl" if is_low else "tp", is_high and is_low, scanned
            break
    held = at + 1 - entry
    gross = math.log(bars[at + 1]["open"] / price)
    net = gross - event["cost_rt"]
    return {
        "decision_time_utc": str(bars[t]["date"]),
        "entry_time_utc": str(bars[entry]["date"]),
        "exit_time_utc": str(bars[at + 1]["date"]),
        "entry_open": price,
        "exit_open": bars[at + 1]["open"],
        "exit_reason": reason,
        "gross_logret": gross,
        "net_logret": net,
        "y": int(net > 0),
        "label_end_idx": at + 1,
        "truncated_horizon": int(entry + event["H"] > last),
        "touch_delay_bars": min(held, event["H"]) if reason == "horizon" else held,
        "same_bar_ambiguous": int(is_both),
    }


def _cross(
    partner: str, row: dict, match: dict | None, x: list[float], y: list[float], c: Step2Config
) -> dict:
    prefix = partner.lower()
    out = {f"{prefix}_{name}": match[name] if match else NAN for name in PARTNER_SIGNALS}
    out[f"{prefix}_age_min"] = NAN
    out |= {"rs_log": NAN, "ret_spread": NAN, "regime_agree": 0.0, "beta_proxy": NAN}
    if match:
        out[f"{prefix}_age_min"] = (row["date"] - match["date"]).total_seconds() / 60
        out["rs_log"] = math.log(row["close"] / match["close"])
        out["ret_spread"] = row["r_cc"] - match["r_cc"]
        signs = np.sign([row["trend_score"], match["trend_score"]])
        out["regime_agree"] = float(signs[0] == signs[1])
    ours, theirs = np.array(x[-c.beta_window :]), np.array(y[-c.beta_window :])
    both = ours * theirs
    known_ours, known_theirs = ours[~np.isnan(ours)], theirs[~np.isnan(theirs)]
    known_both = both[~np.isnan(both)]
    if min(len(known_both), len(known_ours), len(known_theirs)) >= c.beta_min_periods:
        covariance = known_both.mean() - known_ours.mean() * known_theirs.mean()
        variance = known_theirs.var(ddof=1)
        out["beta_proxy"] = covariance / variance if variance else NAN
    return out


def _ema(before: float, value: float, span: int) -> float:
    return value if math.isnan(before) else before + 2 / (span + 1) * (value - before)


def _window(values: list[float], length: int) -> np.ndarray:
    window = np.array(values[-length:])
    return window[~np.isnan(window)]


def _rank(window: np.ndarray, value: float, c: Step2Config) -> float:
    if len(window) < c.rank_min_periods or math.isnan(value):
        return NAN
    return ((window < value).sum() + ((window == value).sum() + 1) / 2) / len(window)
