"""Signals of one symbol on every bar: the bar features file.

Belongs here: the definition of each bar feature. Does not belong here: the other symbol
(`cross`), candidates (`events`), outcomes (`labels`).

Every signal at a bar uses that bar and earlier ones, so it is known at the bar's END. The only
column that looks ahead is ``gap_ret_realized``, which contains the next open.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import BAR_FEATURES_SCHEMA


def compute_bar_features(
    bars: pd.DataFrame,
    config: Step2Config,
    *,
    symbol: str = "",
    is_last_bar_overnight: bool = False,
) -> pd.DataFrame:
    """Compute every bar feature of one symbol.

    Parameters
    ----------
    bars : DataFrame
        Checked bars (`bars.check_bars`) in time order.
    config : Step2Config
    symbol : str
        Fills the column ``symbol``.
    is_last_bar_overnight : bool
        ``entry_overnight`` of the last bar, which has no next row. A build as of a given time
        takes it from the exchange calendar; a plain build leaves it False.

    Returns
    -------
    DataFrame
        The 38 columns of a bar features file, one row per bar. Ratios are in return units,
        ``sigma`` in log return per bar, ``atr`` and the averages in price units. NaN until a
        window has its minimum number of observations.
    """
    signals = bars.copy(deep=False)
    close = bars["close"]
    _add_volatility(signals, bars, config)
    _add_trend(signals, close, config)
    _add_ranks(signals, bars, config)
    _add_gaps(signals, bars, config, is_last_bar_overnight)
    window = signals["sigma"].rolling(config.sigma_rank_window, min_periods=config.rank_min_periods)
    signals["vol_spike"] = signals["sigma"] > window.quantile(config.vol_spike_q)
    signals["symbol"] = pd.Series(symbol, index=signals.index, dtype="str")
    return signals[BAR_FEATURES_SCHEMA.names]


def _add_volatility(signals: pd.DataFrame, bars: pd.DataFrame, config: Step2Config) -> None:
    """Returns, EWMA volatility and average true range."""
    close = bars["close"]
    signals["log_close"] = np.log(close)
    signals["r_cc"] = signals["log_close"].diff()
    squared = signals["r_cc"].fillna(0.0) ** 2
    signals["ewm_var"] = squared.ewm(alpha=config.ewma_var_alpha, adjust=False).mean()
    signals["sigma"] = np.sqrt(signals["ewm_var"])
    before = close.shift(1)
    high, low = bars["high"], bars["low"]
    # np.maximum keeps NaN: the first bar has no close before it and hence no true range.
    signals["tr"] = np.maximum(high - low, np.maximum((high - before).abs(), (low - before).abs()))
    signals["atr"] = signals["tr"].ewm(span=config.atr_span, adjust=False).mean()
    signals["u_atr"] = signals["atr"] / close
    signals["range_ratio"] = (high - low) / close


def _add_trend(signals: pd.DataFrame, close: pd.Series, config: Step2Config) -> None:
    """Two exponential averages, their distance in volatilities, and the pullback from the fast."""
    fast = close.ewm(span=config.trend_fast_span, adjust=False).mean()
    slow = close.ewm(span=config.trend_slow_span, adjust=False).mean()
    signals["ema_fast"], signals["ema_slow"] = fast, slow
    signals["trend_raw"] = (fast - slow) / close
    signals["trend_score"] = signals["trend_raw"] / _or_nan(signals["sigma"])
    signals["ema_fast_slope"] = fast.diff() / close
    distance = signals["log_close"] - np.log(fast)
    deviation = distance.ewm(span=config.trend_slow_span, adjust=False).std(bias=False)
    signals["pullback_z"] = distance / _or_nan(deviation)


def _add_ranks(signals: pd.DataFrame, bars: pd.DataFrame, config: Step2Config) -> None:
    """Volume, volatility and price relative to their recent past."""
    # A volume of zero has no logarithm, so such a bar is left out of the window.
    log_volume = pd.Series(np.log(_or_nan(bars["volume"])))
    window = log_volume.rolling(config.volume_window, min_periods=config.volume_min_periods)
    signals["vol_z"] = (log_volume - window.mean()) / _or_nan(window.std())
    least = config.rank_min_periods
    for name, length in (("sigma", config.sigma_rank_window), ("u_atr", config.atr_rank_window)):
        ranks = signals[name].rolling(length, min_periods=least).rank(pct=True)
        signals[f"{name}_prank"] = ranks
    close = bars["close"]
    before = close.shift(1).rolling(config.high_window, min_periods=config.high_min_periods)
    signals["dist_to_hi"] = (close - before.max()) / close
    score = (signals["r_cc"] / _or_nan(signals["sigma"].shift(1))).abs()
    is_tail = (score > config.intraday_tail_z).astype(float).where(score.notna())
    signals["intraday_tail_frac"] = is_tail.rolling(
        config.intraday_tail_window, min_periods=config.intraday_tail_min_periods
    ).mean()


def _add_gaps(
    signals: pd.DataFrame, bars: pd.DataFrame, config: Step2Config, is_last_bar_overnight: bool
) -> None:
    """Overnight gaps: which bars precede one, and the statistics of the gaps before it.

    A gap belongs to the bar before it. The statistics are shifted by one gap, so that the bar
    before a gap has those of all earlier gaps but not of its own, and are carried forward.
    """
    is_overnight = _is_overnight(bars["ny_time"], is_last_bar_overnight)
    signals["entry_overnight"] = is_overnight
    gap = pd.Series(np.log(bars["open"].shift(-1) / bars["close"])).where(is_overnight)
    signals["gap_ret_realized"] = gap
    gaps = gap[is_overnight]
    window = gaps.rolling(config.gap_lookback_events, min_periods=config.gap_min_events)
    deviation = window.std()
    # Whether a gap is a tail is decided by the deviation of the gaps before it.
    is_tail = (gaps.abs() > config.gap_tail_k * deviation.shift(1)).astype(float)
    tails = is_tail.rolling(config.gap_lookback_events, min_periods=config.gap_min_events).sum()
    for name, values in (("gap_mu", window.mean()), ("gap_sd", deviation), ("gap_tail", tails)):
        signals[name] = values.shift(1).reindex(signals.index).ffill()


def _is_overnight(ny_time: pd.Series, is_last_bar_overnight: bool) -> pd.Series:
    """Whether the next row is on another New York date; given as an argument for the last row."""
    days = ny_time.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    flags = np.full(len(days), is_last_bar_overnight)
    flags[:-1] = days[1:] != days[:-1]
    return pd.Series(flags, index=ny_time.index)


def _or_nan(values: pd.Series) -> pd.Series:
    """NaN in place of zero, which has no logarithm and is no divisor."""
    return values.where(values != 0)
