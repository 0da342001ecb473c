"""The events table: candidates, their signals, both symbols' context and their outcomes.

Belongs here: putting the columns of the events file together, in order and type, including those of
pending rows. Does not belong here: the definition of any column.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from step3_assets.domain.step2.events import PULLBACK, TREND, find_candidates, price_candidates
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.labels import is_labelled, label_candidates
from step3_assets.domain.step2.layout import EVENT_HEAD, OUTCOMES, SIGNALS


def assemble_events(
    features: pd.DataFrame,
    cross: pd.DataFrame,
    *,
    symbol: str,
    config: Step2Config,
    emit_pending: bool,
    next_bar_start: pd.Timestamp | None,
) -> pd.DataFrame:
    """Build the events table of one symbol.

    Parameters
    ----------
    features, cross : DataFrame
        Bar features and cross features, one row per bar.
    symbol : str
    config : Step2Config
    emit_pending : bool
        Keep candidates without an outcome, with the outcome columns null.
    next_bar_start : Timestamp or None
        Start of the bar after the last row, for the last row's ``entry_time_utc``.

    Returns
    -------
    DataFrame
        The 50 columns of an events file in time order. Integer outcome columns are ``int64``,
        or nullable ``Int64`` when a pending row is among them.
    """
    n_bars = len(features)
    rows, is_trend = find_candidates(features, config)
    has_outcome = is_labelled(rows, n_bars)
    if not emit_pending:
        rows, is_trend = rows[has_outcome], is_trend[has_outcome]
    n_labelled = int(has_outcome.sum())  # pending rows come last
    priced = price_candidates(features, rows, symbol, config)
    labels = label_candidates(features, rows[:n_labelled], priced.iloc[:n_labelled], config)

    stamps = _stamp_text(features["date"], next_bar_start)
    known = {
        "symbol": pd.Series(symbol, index=range(len(rows)), dtype="str"),
        "t_idx": rows,
        "decision_time_utc": stamps.array.take(rows),
        "entry_time_utc": stamps.array.take(rows + 1),
        "family": pd.array(np.where(is_trend, TREND, PULLBACK), dtype="str"),
        **{name: priced[name] for name in priced},
        **{name: features[name].to_numpy()[rows] for name in SIGNALS},
        **{name: cross[name].to_numpy()[rows] for name in cross},
    }
    labels["exit_time_utc"] = stamps.array.take(labels["label_end_idx"].to_numpy())
    table = {**known, **{name: _extend(labels[name], len(rows)) for name in OUTCOMES}}
    return pd.DataFrame({name: table[name] for name in (*EVENT_HEAD, *SIGNALS, *cross)})


def _extend(outcome: pd.Series, n_rows: int) -> pd.Series:
    """The outcome with nulls for pending rows at the end; only then do integers become nullable."""
    if len(outcome) == n_rows:
        return outcome
    if outcome.dtype.kind == "i":
        outcome = outcome.astype("Int64")
    return outcome.reindex(range(n_rows))


def _stamp_text(dates: pd.Series, after: pd.Timestamp | None) -> pd.Series:
    """Start of each bar as ``2016-01-21 14:30:00+00:00``, and of the bar that follows the last."""
    stamps = pd.DatetimeIndex(dates).append(pd.DatetimeIndex([after], tz="UTC"))
    seconds = pd.DatetimeIndex(stamps).tz_localize(None).as_unit("s")
    texts = pc.binary_join_element_wise(  # pyright: ignore[reportAttributeAccessIssue]
        pa.array(seconds.to_numpy()).cast(pa.string()), "+00:00", ""
    )
    return pd.Series(pd.array(texts, dtype="str"))
