"""Outcomes: which barrier is touched first, and the return of the trade that results.

Belongs here: the triple-barrier label of each candidate (López de Prado, Advances in
Financial Machine Learning, ch. 3) on the bars' highs and lows. Does not belong here: cost and
barrier distances, which are known at the decision.

The entry is the open of the bar after the decision. Bars from the entry to entry + H are scanned,
but not the last bar of the data, because the exit is the open of the bar after the touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.step2.knobs import Step2Config

TARGET, STOP, HORIZON = "tp", "sl", "horizon"

# Candidates are scanned this many at a time, which bounds the memory of a long history.
_CHUNK = 131_072


@dataclass(frozen=True)
class Touches:
    """First touch of each candidate: its bar (-1 for none) and which barriers that bar reached."""

    bar: np.ndarray
    is_target: np.ndarray
    is_stop: np.ndarray


def is_labelled(rows: np.ndarray, n_bars: int) -> np.ndarray:
    """Whether a candidate has an outcome: its entry bar and at least one bar after it exist."""
    return rows + 2 < n_bars


def label_candidates(
    bars: pd.DataFrame, rows: np.ndarray, priced: pd.DataFrame, config: Step2Config
) -> pd.DataFrame:
    """Outcome of each candidate.

    Parameters
    ----------
    bars : DataFrame
        Bars of the symbol in time order.
    rows : ndarray of int
        Candidates' rows; each satisfies `is_labelled`.
    priced : DataFrame
        ``a_tp``, ``b_sl``, ``H`` and ``cost_rt`` of each, in the same order.
    config : Step2Config

    Returns
    -------
    DataFrame
        ``entry_open``, ``exit_open``, ``exit_reason``, ``gross_logret``, ``net_logret``, ``y``,
        ``label_end_idx`` (row of the exit bar), ``truncated_horizon``, ``touch_delay_bars`` and
        ``same_bar_ambiguous``. Known at the exit bar's open, and final only if
        ``truncated_horizon`` is 0; otherwise the scan was cut by the end of the data.

    Notes
    -----
    ``touch_delay_bars`` counts from 1 at the entry bar; a horizon exit counts the bars held,
    at most H. A bar that reaches both barriers is ambiguous and counts as the stop (or the
    target, under the policy ``best``); both exit at the same open.
    """
    opens = bars["open"].to_numpy()
    entry = rows + 1
    horizon = priced["H"].to_numpy()
    last_scanned = np.minimum(entry + horizon, len(bars) - 2)
    touches = first_touches(bars, entry, last_scanned, priced)

    is_touched = touches.bar >= 0
    is_ambiguous = touches.is_target & touches.is_stop
    is_stop = touches.is_stop & ~(is_ambiguous & (config.same_bar_policy == "best"))
    exit_bar = np.where(is_touched, touches.bar, last_scanned) + 1
    held = np.where(is_touched, exit_bar - entry, np.minimum(exit_bar - entry, horizon))
    gross = np.log(opens[exit_bar] / opens[entry])
    net = gross - priced["cost_rt"].to_numpy()
    reason = np.where(is_touched, np.where(is_stop, STOP, TARGET), HORIZON)
    return pd.DataFrame(
        {
            "entry_open": opens[entry],
            "exit_open": opens[exit_bar],
            "exit_reason": pd.array(reason, dtype="str"),
            "gross_logret": gross,
            "net_logret": net,
            "y": (net > 0).astype(np.int64),
            "label_end_idx": exit_bar,
            "truncated_horizon": (entry + horizon > len(bars) - 2).astype(np.int64),
            "touch_delay_bars": held,
            "same_bar_ambiguous": is_ambiguous.astype(np.int64),
        }
    )


def first_touches(
    bars: pd.DataFrame, entry: np.ndarray, last_scanned: np.ndarray, priced: pd.DataFrame
) -> Touches:
    """First touch of each candidate.

    Parameters
    ----------
    bars : DataFrame
        ``open``, ``high``, ``low`` of the symbol in time order.
    entry, last_scanned : ndarray of int
        Rows of the entry bar and of the last bar scanned; both exist.
    priced : DataFrame
        ``a_tp`` and ``b_sl`` of each.

    Notes
    -----
    All candidates of a chunk are scanned together, one bar after the other.
    """
    opens, highs, lows = (bars[name].to_numpy() for name in ("open", "high", "low"))
    target = opens[entry] * np.exp(priced["a_tp"].to_numpy())
    stop = opens[entry] * np.exp(-priced["b_sl"].to_numpy())
    bar = np.full(len(entry), -1)
    is_target = np.zeros(len(entry), dtype=bool)
    is_stop = np.zeros(len(entry), dtype=bool)
    for first in range(0, len(entry), _CHUNK):
        untouched = np.arange(first, min(first + _CHUNK, len(entry)))
        at = entry[untouched]
        while len(untouched):
            is_high = highs[at] >= target[untouched]
            is_low = lows[at] <= stop[untouched]
            is_hit = is_high | is_low
            hit = untouched[is_hit]
            bar[hit], is_target[hit], is_stop[hit] = at[is_hit], is_high[is_hit], is_low[is_hit]
            goes_on = ~is_hit & (at < last_scanned[untouched])
            untouched, at = untouched[goes_on], at[goes_on] + 1
    return Touches(bar=bar, is_target=is_target, is_stop=is_stop)
