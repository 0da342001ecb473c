"""Labels and costs, computed again from bars and events alone.

Belongs here: the barrier scan in its simplest form, the arithmetic of a round trip, the cost of
each trade. Does not belong here: the code that labels (:mod:`step3_assets.domain.step2.labels`) or
simulates, none of which is used.
"""

import numpy as np
import pandas as pd

from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, name_rows, verdict_of
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.step2.knobs import Step2Config

TOLERANCE = 1e-9
"""Tolerance of returns (files keep every digit), and of costs relative to them."""


def check_labels(inputs: AuditInputs) -> Evidence:
    """Check first touch, exit, returns and outcome of every final label, and its cost."""
    events = inputs.events[inputs.events["maturity"] == "final"].reset_index(drop=True)
    scanned = _scan(events, inputs.bars, inputs.knobs)
    entry, leave = (events[c].to_numpy(dtype=np.float64) for c in ("entry_open", "exit_open"))
    gross = np.log(leave / entry)
    gross_stored, net, cost = (
        events[c].to_numpy(dtype=np.float64) for c in ("gross_logret", "net_logret", "cost_rt")
    )
    halves = events[["spread_half", "slip_half"]].to_numpy(dtype=np.float64).sum(axis=1)
    parts = 2.0 * halves + inputs.knobs.commission_round_trip_bps / 1e4
    is_scanned = scanned["exit_idx"].notna().to_numpy()
    faults = {
        "with an exit other than the open after the first touch": is_scanned
        & (scanned["exit_idx"] != events["label_end_idx"]).to_numpy(),
        "with another exit reason than the barrier touched": is_scanned
        & (scanned["reason"] != events["exit_reason"]).to_numpy(),
        "whose gross return is not that of their opens": ~_close(gross_stored, gross),
        "whose net return is not gross less cost": ~_close(net, gross_stored - cost),
        "whose outcome is not that of their net return": events["y"].to_numpy() != (net > 0.0),
        "whose cost is not the sum of its parts": ~_close(cost, parts),
        "without a cost": ~(cost > 0.0),
    }
    return verdict_of(
        _sentences(events, faults, "event(s)"),
        f"{len(events):,} final labels computed again from bars: first touch, exit, gross and net "
        "return, outcome, and cost as the sum of its parts.",
    )


def check_costs(inputs: AuditInputs) -> Evidence:
    """Check that every trade paid at least half of its round-trip cost on each side."""
    costs = inputs.events[[*EVENT_KEY, "cost_rt"]]
    trades = inputs.trades.merge(costs, on=EVENT_KEY, how="left").reset_index(drop=True)
    half = trades["cost_rt"].to_numpy(dtype=np.float64) / 2.0
    faults = {}
    sides = (
        ("entry", trades["notional_usd"]),
        ("exit", trades["units"] * trades["exit_open"]),
    )
    for side, value in sides:
        due = half * value.to_numpy(dtype=np.float64)
        paid = trades[f"cost_{side}_usd"].to_numpy(dtype=np.float64)
        faults[f"that paid less at the {side} than half the modelled cost"] = ~(
            paid >= due * (1.0 - TOLERANCE)
        )
    return verdict_of(
        _sentences(trades, faults, "trade(s)"),
        f"Each of {len(trades):,} trades paid at least half of its event's round-trip cost on each "
        "side.",
    )


def _scan(events: pd.DataFrame, bars: pd.DataFrame, knobs: Step2Config) -> pd.DataFrame:
    """Exit bar and reason of each event, bar by bar; null where the bars are not there."""
    found = pd.DataFrame(
        {"exit_idx": np.full(len(events), np.nan), "reason": ""}, index=events.index
    )
    for symbol, rows in events.groupby("symbol"):
        own = bars[bars["symbol"] == symbol].sort_values("bar_idx")
        first = int(own["bar_idx"].iloc[0]) if len(own) else 0
        opens, highs, lows = (own[c].to_numpy(dtype=np.float64) for c in ("open", "high", "low"))
        entry = rows["t_idx"].to_numpy(dtype=np.int64) + 1 - first
        horizon = rows["H"].to_numpy(dtype=np.int64)
        is_there = (entry >= 0) & (entry + horizon + 1 < len(own))
        rows, entry, horizon = rows[is_there], entry[is_there], horizon[is_there]
        target = opens[entry] * np.exp(rows["a_tp"].to_numpy(dtype=np.float64))
        stop = opens[entry] * np.exp(-rows["b_sl"].to_numpy(dtype=np.float64))
        exit_bar = entry + horizon + 1
        reason = np.full(len(rows), "horizon", dtype=object)
        is_open = np.ones(len(rows), dtype=bool)
        for ahead in range(int(horizon.max(initial=-1)) + 1):
            at = np.minimum(entry + ahead, len(own) - 1)
            inside = is_open & (ahead <= horizon)
            is_high, is_low = inside & (highs[at] >= target), inside & (lows[at] <= stop)
            hit = is_high | is_low
            is_stop = is_low & ~(is_high & (knobs.same_bar_policy == "best"))
            reason[hit] = np.where(is_stop[hit], "sl", "tp")
            exit_bar[hit] = at[hit] + 1
            is_open &= ~hit
        found.loc[rows.index, "exit_idx"] = exit_bar + first
        found.loc[rows.index, "reason"] = reason
    return found


def _close(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.isclose(left, right, rtol=TOLERANCE, atol=1e-12)


def _sentences(rows: pd.DataFrame, faults: dict[str, np.ndarray], noun: str) -> list[str]:
    return [
        f"{int(np.sum(mask))} {noun} {what}: {name_rows(rows[mask])}"
        for what, mask in faults.items()
        if np.any(mask)
    ]


CHECKS = (
    AuditCheck(
        name="labels_computed_again",
        position=50,
        does="first touch, exit, gross and net return, outcome of every final label, and its "
        "cost as the sum of its parts, computed again from bars",
        planted="exited at the barrier's price; costs halved overnight; labels without cost; "
        "outcomes flipped; a stop that is ignored; stops recorded as targets",
        run=check_labels,
    ),
    AuditCheck(
        name="costs_paid",
        position=160,
        does="each trade paid at least half of its event's round-trip cost on each side",
        planted="half the cost; a lower cost overnight; no cost",
        run=check_costs,
    ),
)
