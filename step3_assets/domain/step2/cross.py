"""Signals of the other symbol at each bar, and signals computed from both symbols.

Belongs here: the as-of join and what is computed from joined bars. Does not belong here: the choice
of the other symbol (`build`).

The other symbol's bar is the latest one that starts no later than this bar, at most the tolerance
before it, and ends no later. On the exchange's grid the first condition implies the second; on
another grid it does not. So everything here is known at this bar's END.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from step3_assets.domain.step2.bars import bar_ends
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import PARTNER_SIGNALS, RELATIVE_SIGNALS, partner_prefix

_JOINED = ("close", "r_cc", *PARTNER_SIGNALS)
# Columns needed of a partner; its other bar features may be dropped before the join.
PARTNER_COLUMNS = ("date", "expected_bar_seconds", *_JOINED)


def compute_cross_features(
    bars: pd.DataFrame, other: pd.DataFrame, partner: str, config: Step2Config
) -> pd.DataFrame:
    """Join the other symbol's bar features backward as-of and relate the two.

    Parameters
    ----------
    bars : DataFrame
        Bar features of the symbol, in time order.
    other : DataFrame
        Bar features of the partner (`PARTNER_COLUMNS`), in time order.
    partner : str
        The other symbol; its lower-case name is the prefix of its columns.
    config : Step2Config

    Returns
    -------
    DataFrame
        One row per bar: ``{partner}_*`` signals, ``{partner}_age_min`` (minutes),
        ``rs_log``, ``ret_spread``, ``beta_proxy`` and ``regime_agree`` (0 or 1). Where no bar
        of the partner lies within the tolerance all are NaN, except that ``regime_agree`` is 0
        and ``beta_proxy`` uses the rest of its window.
    """
    row, age = _match(bars, other, config)
    matched = {name: _take(other[name], row) for name in _JOINED}
    prefix = partner_prefix(partner)
    out = {f"{prefix}_{name}": matched[name] for name in PARTNER_SIGNALS}
    out[f"{prefix}_age_min"] = age
    out["rs_log"] = np.log(bars["close"].to_numpy() / matched["close"])
    out["ret_spread"] = bars["r_cc"].to_numpy() - matched["r_cc"]
    out["beta_proxy"] = _beta(bars["r_cc"], pd.Series(matched["r_cc"], index=bars.index), config)
    same_sign = np.sign(bars["trend_score"].to_numpy()) == np.sign(matched["trend_score"])
    out["regime_agree"] = same_sign.astype(float)
    return pd.DataFrame(out, index=bars.index)


def no_cross_features(index: pd.Index) -> pd.DataFrame:
    """The same columns for a symbol without a partner: prefix ``none``, all NaN."""
    prefix = partner_prefix(None)
    names = [f"{prefix}_{name}" for name in (*PARTNER_SIGNALS, "age_min")]
    return pd.DataFrame(np.nan, index=index, columns=[*names, *RELATIVE_SIGNALS])


def _match(
    bars: pd.DataFrame, other: pd.DataFrame, config: Step2Config
) -> tuple[np.ndarray, np.ndarray]:
    """Row of the other symbol's bar for each bar (-1 for none) and its age in minutes."""
    start_us, other_us = (_microseconds(frame["date"]) for frame in (bars, other))
    if not len(other_us):
        return np.full(len(start_us), -1), np.full(len(start_us), np.nan)
    end_us, other_end_us = (_microseconds(bar_ends(frame)) for frame in (bars, other))
    started = np.searchsorted(other_us, start_us, side="right") - 1
    ended = np.searchsorted(np.maximum.accumulate(other_end_us), end_us, side="right") - 1
    row = np.minimum(started, ended)
    age_us = start_us - other_us[row.clip(min=0)]
    tolerance_us = pd.Timedelta(config.cross_merge_tolerance) // pd.Timedelta(microseconds=1)
    is_matched = (row >= 0) & (age_us <= tolerance_us)
    return np.where(is_matched, row, -1), np.where(is_matched, age_us / 60_000_000, np.nan)


def _microseconds(stamps: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    return pd.DatetimeIndex(stamps).as_unit("us").asi8


def _take(values: pd.Series, row: np.ndarray) -> np.ndarray:
    array = values.to_numpy()
    if not len(array):
        return np.full(len(row), np.nan)
    return np.where(row >= 0, array[row], np.nan)


def _beta(returns: pd.Series, other: pd.Series, config: Step2Config) -> np.ndarray:
    """Rolling E[xy] - E[x]E[y] over the sample variance of the other's return."""

    def window(values: pd.Series):
        return values.rolling(config.beta_window, min_periods=config.beta_min_periods)

    covariance = window(returns * other).mean() - window(returns).mean() * window(other).mean()
    variance = window(other).var()
    return (covariance / variance.where(variance != 0)).to_numpy()
