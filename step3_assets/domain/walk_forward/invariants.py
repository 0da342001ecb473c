"""Invariants of the tables, computed in another way than the tables were.

Belongs here: checks over stored rows; each returns its violations as sentences. Does not belong
here: types and nullability (:mod:`step3_assets.domain.core.validation`).
"""

from typing import Any

import pandas as pd

from step3_assets.domain.core.keys import ALL_SYMBOLS, EVENT_KEY
from step3_assets.domain.folds.build import TRAINING_ROLES


def _name_rows(rows: pd.DataFrame, count: int = 3) -> str:
    names = [f"{r.symbol} {r.decision_time_utc}" for r in rows.head(count).itertuples()]
    more = f" and {len(rows) - count} more" if len(rows) > count else ""
    return ", ".join(names) + more


def purge_violations(
    members: pd.DataFrame, manifest: pd.DataFrame, events: pd.DataFrame
) -> list[str]:
    """Training rows of a fold whose label reaches the test month or its embargo.

    Computed from the events alone, on the common clock and on the symbol's rows.

    Parameters
    ----------
    members, manifest : DataFrame
        One or more months of ``fold_members`` and ``folds``.
    events : DataFrame
        ``symbol``, ``decision_time_utc``, ``exit_time_utc``, ``label_end_idx`` and ``maturity`` of
        every event the folds looked at.
    """
    training = members[members["role"].isin(TRAINING_ROLES)]
    rows = training.merge(events.drop(columns="month", errors="ignore"), on=EVENT_KEY, how="left")
    bounds = manifest[
        ["month", "symbol", "first_test_idx", "embargo_bars", "embargo_start_utc", "test_start_utc"]
    ]
    rows = rows.merge(bounds, on=["month", "symbol"], how="left")
    limit = rows["first_test_idx"] - rows["embargo_bars"]
    faults = {
        "has no event": rows["maturity"].isna(),
        "trains on a label that is not final": rows["maturity"].ne("final"),
        "has a label ending in its own test month": rows["label_end_idx"] >= rows["first_test_idx"],
        "has a label ending within the embargo": rows["label_end_idx"] >= limit,
        "ends, on the clock, within the embargo": rows["exit_time_utc"]
        >= rows["embargo_start_utc"],
        "is decided in its own test month": rows["decision_time_utc"] >= rows["test_start_utc"],
    }
    return [
        f"fold_members: {int(mask.sum())} training row(s) {what}: {_name_rows(rows[mask])}"
        for what, mask in faults.items()
        if mask.any()
    ]


def role_violations(members: pd.DataFrame, manifest: pd.DataFrame) -> list[str]:
    """Counts of the manifest that differ from the membership rows."""
    counted: dict[Any, int] = (
        members.groupby(["month", "symbol", "role"], observed=True).size().to_dict()
    )
    problems = []
    for row in manifest.to_dict("records"):
        for name in (c for c in manifest.columns if c.startswith("n_") and c != "n_inner_folds"):
            found = counted.get((row["month"], row["symbol"], name.removeprefix("n_")), 0)
            if found != row[name]:
                problems.append(
                    f"folds: {row['symbol']} {row['month']:%Y-%m} says {name} = {row[name]}, "
                    f"fold_members holds {found}"
                )
    return problems


def alignment_violations(events: pd.DataFrame, bars: pd.DataFrame) -> list[str]:
    """Events whose ``t_idx`` is a bar that starts at another time, or no bar at all.

    Happens when ``events`` and ``bar_features`` come from different deliveries.
    """
    rows = events.merge(
        bars[["symbol", "bar_idx", "date", "bar_end_utc"]],
        left_on=["symbol", "t_idx"],
        right_on=["symbol", "bar_idx"],
        how="left",
    )
    wrong = rows["date"].isna() | (rows["date"] != rows["decision_time_utc"])
    wrong |= rows["bar_end_utc"] != rows["decision_instant_utc"]
    if not wrong.any():
        return []
    return [
        f"events: {int(wrong.sum())} row(s) whose t_idx names another bar of bar_features: "
        f"{_name_rows(rows[wrong])}"
    ]


def gate_violations(scores: pd.DataFrame, members: pd.DataFrame) -> list[str]:
    """Test events without a score, and gates that contradict their own values."""
    problems = []
    test = members.loc[members["role"] == "test", ["month", *EVENT_KEY]]
    joined = test.merge(scores, on=["month", *EVENT_KEY], how="outer", indicator=True)
    for side, what in (("left_only", "test event(s) without a score"), ("right_only", "extra")):
        rows = joined[joined["_merge"] == side]
        if len(rows):
            problems.append(f"scores: {len(rows)} {what}: {_name_rows(rows)}")
    passed = scores["gate_reason"] == "pass"
    contradictory = scores.loc[passed != scores["is_gated"]]
    if len(contradictory):
        problems.append(f"scores: is_gated contradicts gate_reason: {_name_rows(contradictory)}")
    below = scores[scores["is_gated"] & ~(scores["ev_final"] > scores["ev_threshold"])]
    if len(below):
        problems.append(f"scores: gated at or below their threshold: {_name_rows(below)}")
    is_crossed = (scores["q10"] > scores["q50"]) | (scores["q50"] > scores["q90"])
    crossed = scores.loc[is_crossed]
    if len(crossed):
        problems.append(f"scores: quantiles cross: {_name_rows(crossed)}")
    return problems


def backtest_violations(
    summary: pd.DataFrame, trades: pd.DataFrame, capital_usd: float, tolerance: float = 1e-12
) -> list[str]:
    """Fold returns that differ from the sum of the fold's trades."""
    pnl: dict[Any, float] = trades.groupby("month")["pnl_usd"].sum().to_dict()
    problems = []
    for row in summary[summary["symbol"] == ALL_SYMBOLS].to_dict("records"):
        ledger = pnl.get(row["month"], 0.0) / capital_usd
        if not abs(ledger - row["return_frac"]) <= tolerance:
            problems.append(
                f"fold_backtests: {row['month']:%Y-%m} returned {row['return_frac']!r}, "
                f"its trades {ledger!r}"
            )
    return problems
