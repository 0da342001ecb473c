"""The other symbol's signals at each bar, and the two symbols against each other.

Belongs here: the as-of join and what is computed across it. Does not belong here: the choice
of the other symbol (`build`).

The other bar is the latest that starts no later than this one, at most the tolerance ago; it
then also ends no later on the exchange's grid, so everything here is known at this bar's END.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import PARTNER_SIGNALS, RELATIVE_SIGNALS, partner_prefix

# What a partner has to bring; the rest of its bar features may be dropped before the join.
PARTNER_COLUMNS = ("date", "close", "r_cc", *PARTNER_SIGNALS)


def compute_cross_features(
    own: pd.DataFrame, other: pd.DataFrame, partner: str, config: Step2Config
) -> pd.DataFrame:
    """Join the other symbol's bar features backward as-of and relate the two.

    Parameters
    ----------
    own : DataFrame
        Bar features of the symbol, in time order.
    other : DataFrame
        Bar features of the partner (`PARTNER_COLUMNS`), in time order.
    partner : str
        The other symbol: its lower-case name prefixes its columns.
    config : Step2Config

    Returns
    -------
    DataFrame
        One row per row of `own`: ``{partner}_*`` signals, ``{partner}_age_min`` (minutes),
        ``rs_log``, ``ret_spread``, ``beta_proxy`` and ``regime_agree`` (0 or 1). Where no bar
        of the partner lies within the tolerance all are NaN, except that ``regime_agree`` is 0
        and ``beta_proxy`` rests on the rest of its window.
    """
    row, age = _match(own["date"], other["date"], config)
    matched = {name: _take(other[name], row) for name in PARTNER_COLUMNS if name != "date"}
    prefix = partner_prefix(partner)
    out = {f"{prefix}_{name}": matched[name] for name in PARTNER_SIGNALS}
    out[f"{prefix}_age_min"] = age
    out["rs_log"] = np.log(own["close"].to_numpy() / matched["close"])
    out["ret_spread"] = own["r_cc"].to_numpy() - matched["r_cc"]
    out["beta_proxy"] = _beta(own["r_cc"], pd.Series(matched["r_cc"], index=own.index), config)
    same_sign = np.sign(own["trend_score"].to_numpy()) == np.sign(matched["trend_score"])
    out["regime_agree"] = same_sign.astype(float)
    return pd.DataFrame(out, index=own.index)


def no_cross_features(index: pd.Index) -> pd.DataFrame:
    """The same columns for a symbol without a partner: prefix ``none``, all NaN."""
    prefix = partner_prefix(None)
    names = [f"{prefix}_{name}" for name in (*PARTNER_SIGNALS, "age_min")]
    return pd.DataFrame(np.nan, index=index, columns=[*names, *RELATIVE_SIGNALS])


def _match(own: pd.Series, other: pd.Series, config: Step2Config) -> tuple[np.ndarray, np.ndarray]:
    """Row of the other symbol for each own bar (-1 for none) and its age in minutes."""
    own_us, other_us = own.array.asi8, other.array.asi8
    if not len(other_us):
        return np.full(len(own_us), -1), np.full(len(own_us), np.nan)
    row = np.searchsorted(other_us, own_us, side="right") - 1
    age_us = own_us - other_us[row.clip(min=0)]
    tolerance_us = pd.Timedelta(config.cross_merge_tolerance) // pd.Timedelta(microseconds=1)
    is_matched = (row >= 0) & (age_us <= tolerance_us)
    return np.where(is_matched, row, -1), np.where(is_matched, age_us / 60_000_000, np.nan)


def _take(values: pd.Series, row: np.ndarray) -> np.ndarray:
    array = values.to_numpy()
    if not len(array):
        return np.full(len(row), np.nan)
    return np.where(row >= 0, array[row], np.nan)


def _beta(own: pd.Series, other: pd.Series, config: Step2Config) -> np.ndarray:
    """Rolling E[xy] - E[x]E[y] over the sample variance of the other's return."""

    def window(values: pd.Series):
        return values.rolling(config.beta_window, min_periods=config.beta_min_periods)

    covariance = window(own * other).mean() - window(own).mean() * window(other).mean()
    variance = window(other).var()
    return (covariance / variance.where(variance != 0)).to_numpy()
