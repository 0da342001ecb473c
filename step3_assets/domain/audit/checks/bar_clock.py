"""The clock of bars: signals, entries, exits and fills must match the bars that they name.

Belongs here: events and trades compared with the bar table. Does not belong here: how a signal is
computed (:mod:`~step3_assets.domain.audit.checks.prefix`).
"""

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, name_rows, verdict_of
from step3_assets.domain.core.keys import EVENT_KEY

NY = "America/New_York"
OWN_SIGNALS = tuple(
    c.name
    for c in EVENTS.columns
    if c.known_at is KnownAt.DECISION
    and c.name in BAR_FEATURES.by_name
    and c.name != "entry_overnight"
)
CROSS_SIGNALS = tuple(
    c.name
    for c in EVENTS.columns
    if c.name.startswith("cross_") and c.name.removeprefix("cross_") in OWN_SIGNALS
)


def check_signals(inputs: AuditInputs) -> Evidence:
    """Compare an event's signals with its decision bar, and with the other symbol's last bar."""
    events = inputs.events
    decision_bar = _at_bars(events, inputs.bars, events["symbol"], events["decision_time_utc"])
    faults = _differing(events, decision_bar, {name: name for name in OWN_SIGNALS}, "its own bar")
    has_other = events["cross_age_min"].notna()
    crossed = events[has_other].reset_index(drop=True)
    stamps = crossed["decision_time_utc"] - pd.to_timedelta(crossed["cross_age_min"], unit="min")
    other = _at_bars(crossed, inputs.bars, crossed["cross_symbol"], stamps)
    names = {name: name.removeprefix("cross_") for name in CROSS_SIGNALS}
    faults += _differing(crossed, other, names, "the other symbol's bar")
    late = crossed[(other["bar_end_utc"] > crossed["decision_instant_utc"]).to_numpy(dtype=bool)]
    if len(late):
        faults.append(f"{len(late)} event(s) see a bar of the other still open: {name_rows(late)}")
    return verdict_of(
        faults,
        f"{len(OWN_SIGNALS)} signals of {len(events):,} events are those of their decision bar, "
        f"{len(CROSS_SIGNALS)} of {len(crossed):,} those of the other symbol's last ended bar.",
    )


def check_label_clock(inputs: AuditInputs) -> Evidence:
    """Check that events decide at a bar's end, enter at the next open and exit in time."""
    events = inputs.events[inputs.events["maturity"] == "final"].reset_index(drop=True)
    bars = inputs.bars[["symbol", "bar_idx", "date", "bar_end_utc", "open"]]
    decision, entry, leave = (
        events[["symbol"]]
        .assign(bar_idx=rows.astype("int64"))
        .merge(bars, on=["symbol", "bar_idx"], how="left")
        for rows in (events["t_idx"], events["t_idx"] + 1, events["label_end_idx"])
    )
    days = [s.dt.tz_convert(NY).dt.date for s in (decision["date"], entry["date"])]
    faults = {
        "decided on another bar than t_idx names": _ne(
            decision["date"], events["decision_time_utc"]
        ),
        "decided before their bar had ended": ~(
            events["decision_instant_utc"] >= decision["bar_end_utc"]
        ),
        "entered before they were decided": ~(
            events["entry_time_utc"] >= events["decision_instant_utc"]
        ),
        "not entered at the next bar's open": _ne(entry["date"], events["entry_time_utc"])
        | _ne(entry["open"], events["entry_open"]),
        "not left at an open": _ne(leave["date"], events["exit_time_utc"])
        | _ne(leave["open"], events["exit_open"]),
        "left after their horizon": events["label_end_idx"] > events["t_idx"] + events["H"] + 2,
        "wrong about the night": (days[0] != days[1]) != (events["entry_overnight"] > 0),
    }
    return verdict_of(
        _sentences(events, faults, "event(s)"),
        f"{len(events):,} final labels: decided at the end of their bar, entered at the next open, "
        "left at an open within the horizon.",
    )


def check_fills(inputs: AuditInputs) -> Evidence:
    """Check that trades fill at the open of the bar they name, after their decision."""
    instants = inputs.events[[*EVENT_KEY, "decision_instant_utc"]]
    trades = inputs.trades.merge(instants, on=EVENT_KEY, how="left").reset_index(drop=True)
    entry = _at_bars(trades, inputs.bars, trades["symbol"], trades["entry_time_utc"])
    leave = _at_bars(trades, inputs.bars, trades["symbol"], trades["exit_time_utc"])
    faults = {
        "entered before they were decided": ~(
            trades["entry_time_utc"] >= trades["decision_instant_utc"]
        ),
        "entered at another price than the open": _ne(entry["open"], trades["entry_open"]),
        "left at another price than the open": _ne(leave["open"], trades["exit_open"]),
        "left no later than they were entered": ~(
            trades["exit_time_utc"] > trades["entry_time_utc"]
        ),
        "without a cost": ~((trades["cost_entry_usd"] > 0) & (trades["cost_exit_usd"] > 0)),
    }
    return verdict_of(
        _sentences(trades, faults, "trade(s)"),
        f"{len(trades):,} trades were filled at the opens of the bars they name, each after its "
        "decision, each with its costs.",
    )


def _at_bars(
    rows: pd.DataFrame, bars: pd.DataFrame, symbols: pd.Series, stamps: pd.Series
) -> pd.DataFrame:
    """For each row, the symbol's bar that starts at the stamp; nulls if there is none."""
    wanted = pd.DataFrame({"symbol": symbols.to_numpy(), "date": stamps.to_numpy()})
    wanted["date"] = pd.to_datetime(wanted["date"], utc=True).astype("datetime64[us, UTC]")
    found = wanted.merge(bars, on=["symbol", "date"], how="left", validate="many_to_one")
    return found.set_index(rows.index)


def _ne(left: pd.Series, right: pd.Series) -> np.ndarray:
    """Mask of rows in which two columns differ; a null differs from everything."""
    return ~(left.to_numpy() == right.to_numpy())


def _differing(
    events: pd.DataFrame, bars: pd.DataFrame, names: dict[str, str], where: str
) -> list[str]:
    faults = []
    for name, source in names.items():
        stored = events[name].to_numpy(dtype=np.float64, na_value=np.nan)
        expected = bars[source].to_numpy(dtype=np.float64, na_value=np.nan)
        differ = ~((stored == expected) | (np.isnan(stored) & np.isnan(expected)))
        if differ.any():
            rows = events[differ]
            faults.append(f"{name} is not that of {where} in {len(rows)} row(s): {name_rows(rows)}")
    return faults


def _sentences(rows: pd.DataFrame, faults: dict, noun: str) -> list[str]:
    return [
        f"{int(np.sum(mask))} {noun} {what}: {name_rows(rows[np.asarray(mask)])}"
        for what, mask in faults.items()
        if np.any(mask)
    ]


CHECKS = (
    AuditCheck(
        name="signals_on_their_bars",
        position=20,
        does="an event's signals equal those of its decision bar, the other symbol's those "
        "of a bar that had ended",
        planted="the next bar's signal; a bar of the other symbol that is still open; the "
        "coming gap",
        run=check_signals,
    ),
    AuditCheck(
        name="label_clock",
        position=40,
        does="decided at the bar's end, entered at the next open, exited at an open within "
        "`H + 2` bars; overnight entries are marked",
        planted="decided at the bar's start; entered on the decision bar; exited at the "
        "barrier's price; rows of another build; session ends marked as intraday",
        run=check_label_clock,
    ),
    AuditCheck(
        name="fills_at_opens",
        position=150,
        does="trades fill at the opens of the bars they name, after the decision, with costs",
        planted="filled at another price; before the decision; for free",
        run=check_fills,
    ),
)
