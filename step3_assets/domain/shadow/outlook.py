"""The outlook at an instant: known entries and exits, and placeholders for the unknown ones.

Belongs here: placeholders for bars and outcomes that do not exist yet, so that the simulator can
run on an account with open positions. Does not belong here: the simulation, or cutting off its
result at the instant (:mod:`step3_assets.domain.shadow.book`).

No decision of the simulator depends on what becomes known later, so placeholders after an instant
change nothing before it, to the bit. A placeholder bar is a bar of the exchange calendar at the
last close; results on it are discarded.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.bar_columns import SHADOW_BARS
from step3_assets.domain.core.calendar import bar_end, bars_between
from step3_assets.domain.core.instants import instant_us, utc_index
from step3_assets.domain.execution.candidates import EVENT_COLUMNS
from step3_assets.domain.execution.marking import LedgerError, stamps_us
from step3_assets.domain.step2.labels import HORIZON, first_touches

NEEDED_EVENT_COLUMNS = (*EVENT_COLUMNS, "a_tp", "b_sl", "H", "exit_reason")

_PLACEHOLDERS = 2  # after the last pending entry: one bar to hold, one to exit at
_AHEAD = pd.Timedelta(days=14)  # longer than any closure of the exchange so far
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Outlook:
    """Events and bars known at an instant, completed with placeholders for the simulator.

    Attributes
    ----------
    until : Timestamp
        The instant: the end of the last bar that every symbol has.
    events : DataFrame
        ``EVENT_COLUMNS``; every row has an outcome and is marked final. A fill at or after its
        symbol's `next_open_us` is a placeholder.
    bars : DataFrame
        ``SHADOW_BARS``: the bars that had ended, then the placeholders.
    next_open_us : dict of str to int
        Start of each symbol's first bar to come, microseconds UTC.
    """

    until: pd.Timestamp
    events: pd.DataFrame
    bars: pd.DataFrame
    next_open_us: dict[str, int]


def known_until(bars: pd.DataFrame) -> pd.Timestamp:
    """The end of the last bar that every symbol has: the account waits for a symbol that lags."""
    return bars.groupby("symbol")["bar_end_utc"].max().min()


def look_ahead(events: pd.DataFrame, bars: pd.DataFrame, until: pd.Timestamp) -> Outlook:
    """Lay out events and bars as they are known at an instant.

    Parameters
    ----------
    events : DataFrame
        ``NEEDED_EVENT_COLUMNS`` of table ``events``; those decided after `until` are left out.
    bars : DataFrame
        ``SHADOW_BARS`` of table ``bar_features``.
    until : Timestamp
        See :func:`known_until`.

    Returns
    -------
    Outlook

    Raises
    ------
    LedgerError
        If a bar that an entry needs is missing.

    Notes
    -----
    A delivered outcome is used where its exit bar has ended, unless it is a horizon exit caused by
    the end of the data (``truncated_horizon``). Every other event is evaluated here by the
    definition of the label, and one bar further than a label can be: the last bar may touch a
    barrier or end the horizon, and then the exit at the next open is known, but not its price.
    """
    decided = events[events["decision_instant_utc"] <= until]
    parts, laid, next_open = [], [], {}
    for symbol, rows in bars[bars["bar_end_utc"] <= until].groupby("symbol", sort=True):
        known = rows.sort_values("date", ignore_index=True)
        candidates = decided[decided["symbol"] == symbol]
        later = bars[(bars["symbol"] == symbol) & (bars["bar_end_utc"] > until)]
        under_way = later.loc[later["date"] < until, "date"]
        ahead = _placeholders(known, [candidates["entry_time_utc"], under_way], until)
        laid += [known[SHADOW_BARS], ahead]
        next_open[str(symbol)] = int(stamps_us(ahead["date"])[0])
        parts.append(_with_outcomes(candidates, known, ahead))
    columns = list(EVENT_COLUMNS)
    outcomes = pd.concat(parts, ignore_index=True) if parts else decided[columns]
    frame = pd.concat(laid, ignore_index=True) if laid else bars.loc[:0, SHADOW_BARS]
    return Outlook(until, outcomes[columns], frame, next_open)


def _placeholders(known: pd.DataFrame, named: list[pd.Series], until: pd.Timestamp) -> pd.DataFrame:
    """Placeholder bars of a symbol: those of the calendar, and those named that come later."""
    waiting = np.concatenate([stamps_us(stamps) for stamps in named])
    waiting = waiting[waiting > stamps_us(known["date"])[-1]]
    last = max([instant_us(until), *waiting.tolist()])
    calendar = bars_between(until, utc_index(np.array([last]))[0] + _AHEAD)
    starts = pd.DatetimeIndex(calendar).as_unit("us").asi8
    starts = starts[: int(np.searchsorted(starts, last, side="right")) + _PLACEHOLDERS]
    starts = np.unique(np.concatenate([starts, waiting]))
    ends = bar_end(utc_index(starts)).as_unit("us")
    end_us = np.where(ends.isna(), starts + _HOUR_US, ends.asi8)
    end_us[:-1] = np.minimum(end_us[:-1], starts[1:])
    close = float(known["close"].iloc[-1])
    frame = pd.DataFrame({"symbol": known["symbol"].iloc[0], "date": utc_index(starts)})
    frame["bar_end_utc"] = utc_index(end_us)
    for name in ("open", "high", "low", "close"):
        frame[name] = close
    return frame


def _with_outcomes(events: pd.DataFrame, known: pd.DataFrame, ahead: pd.DataFrame) -> pd.DataFrame:
    """One symbol's events with the entry and exit that are known, or placeholders."""
    starts, n = stamps_us(known["date"]), len(known)
    all_starts = np.concatenate([starts, stamps_us(ahead["date"])])
    opens = np.concatenate([known["open"].to_numpy(), ahead["open"].to_numpy()])
    entry_us, exit_us = stamps_us(events["entry_time_utc"]), stamps_us(events["exit_time_utc"])
    entry = np.searchsorted(all_starts, entry_us)
    _require_bars(events, all_starts[np.minimum(entry, len(all_starts) - 1)] != entry_us)
    is_truncated = (events["maturity"] != "final") & (events["exit_reason"] == HORIZON)
    is_delivered = events["exit_open"].notna() & ~is_truncated
    is_delivered = is_delivered.to_numpy() & (exit_us < all_starts[n]) & (entry < n)
    entry_open = np.where(
        is_delivered, events["entry_open"].to_numpy(dtype="float64", na_value=np.nan), opens[entry]
    )
    exit_bar = np.full(len(events), len(all_starts) - 1)  # the last placeholder: not known yet
    scanned = np.flatnonzero(~is_delivered & (entry < n))
    if len(scanned):
        exit_bar[scanned] = _exit_bars(events.iloc[scanned], known, entry[scanned], exit_bar[0])
    return events.assign(
        entry_open=entry_open,
        exit_time_utc=utc_index(np.where(is_delivered, exit_us, all_starts[exit_bar])),
        exit_open=np.where(
            is_delivered,
            events["exit_open"].to_numpy(dtype="float64", na_value=np.nan),
            opens[exit_bar],
        ),
        maturity="final",
    )


def _exit_bars(
    events: pd.DataFrame, known: pd.DataFrame, entry: np.ndarray, not_yet: int
) -> np.ndarray:
    """Row of the bar at whose open each event exits; `not_yet` where nothing has touched."""
    last_scanned = entry + events["H"].to_numpy()
    touched = first_touches(known, entry, np.minimum(last_scanned, len(known) - 1), events).bar
    at_horizon = np.where(last_scanned < len(known), last_scanned, -1)
    leaves_after = np.where(touched >= 0, touched, at_horizon)
    return np.where(leaves_after >= 0, leaves_after + 1, not_yet)


def _require_bars(events: pd.DataFrame, absent: np.ndarray) -> None:
    if absent.any():
        row = events[absent].iloc[0]
        raise LedgerError(
            f"bars: {row['symbol']} has no bar that starts at {row['entry_time_utc']}, where its "
            f"candidate of {row['decision_time_utc']} enters; {int(absent.sum())} such"
        )
