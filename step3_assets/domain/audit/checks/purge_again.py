"""Purge and embargo, computed again from events and bars alone.

Belongs here: the rule in its simplest form, for outer folds and inner blocks. Does not belong here:
the code that cuts the folds (:mod:`step3_assets.domain.folds.purge`), none of which is used.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import (
    TRAINING_ROLES,
    AuditInputs,
    Evidence,
    name_rows,
    verdict_of,
)
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months, month_label, month_of, month_start

LABEL_COLUMNS = [*EVENT_KEY, "exit_time_utc", "label_end_idx", "H"]
STOPPED_TRADING = pd.Timedelta(days=31)

Clock = dict[str, pd.DataFrame]


def check_purge(inputs: AuditInputs) -> Evidence:
    """Check that no training label reaches its test month or inner block, or its embargo."""
    clock = {
        str(symbol): part.sort_values("date", ignore_index=True)
        for symbol, part in inputs.bars[["symbol", "bar_idx", "date"]].groupby("symbol")
    }
    labels = inputs.events[LABEL_COLUMNS]
    faults, n_rows, n_blocks = [], 0, 0
    for month, members in inputs.fold_members.groupby("month"):
        window = add_months(month, -inputs.config.folds.train_months)  # type: ignore[arg-type]
        rows = members[members["role"].isin(TRAINING_ROLES)].merge(labels, on=EVENT_KEY, how="left")
        horizon = _longest_horizon(labels, window, month)  # type: ignore[arg-type]
        name = month_label(month)  # type: ignore[arg-type]
        early = rows["decision_time_utc"] < month_start(window)
        if early.any():
            faults.append(f"{name}: {int(early.sum())} row(s) before the window")
        faults += _reaching(rows, clock, month_start(month), horizon, name)  # type: ignore[arg-type]
        n_rows += len(rows)
        for block in sorted(rows["inner_fold"].dropna().unique()):
            validated = rows.loc[rows["inner_fold"] == block, "decision_time_utc"]
            start = month_start(month_of(validated).min())
            fit = rows[rows["inner_train_from"] <= block]
            faults += _reaching(fit, clock, start, horizon, f"{name} inner block {int(block)}")
            n_blocks += 1
    return verdict_of(
        faults,
        f"{n_rows:,} training rows of {inputs.fold_members['month'].nunique()} folds and "
        f"{n_blocks} inner blocks end before their boundary and its embargo, on their symbol's "
        "bars and on every symbol's clock.",
    )


def _longest_horizon(labels: pd.DataFrame, first: date, after: date) -> int:
    """Longest horizon among the decisions of the window."""
    stamps = labels["decision_time_utc"]
    inside = (stamps >= month_start(first)) & (stamps < month_start(after))
    return int(labels.loc[inside, "H"].max()) if inside.any() else 0


def _reaching(
    rows: pd.DataFrame, clock: Clock, start: pd.Timestamp, horizon: int, name: str
) -> list[str]:
    """Faults of training rows against one boundary."""
    first_idx: dict[str, int] = {}
    embargo_from = start
    for symbol, bars in clock.items():
        at = int(bars["date"].searchsorted(start))
        known = len(bars) > at
        first_idx[symbol] = int(bars["bar_idx"].iloc[at if known else -1]) + (0 if known else 1)
        if horizon and at and start - bars["date"].iloc[at - 1] <= STOPPED_TRADING:
            embargo_from = min(embargo_from, bars["date"].iloc[max(at - horizon, 0)])
    first = rows["symbol"].map(first_idx).to_numpy(dtype=np.float64)
    end = rows["label_end_idx"].to_numpy(dtype=np.float64)
    faults = {
        "decided in it": rows["decision_time_utc"] >= start,
        "with a label that reaches it": ~(end < first) | ~(rows["exit_time_utc"] < start),
        "with a label inside its embargo": ~(end + horizon < first),
        "ending, on the clock, inside its embargo": ~(rows["exit_time_utc"] < embargo_from),
    }
    return [
        f"{name}: {int(np.sum(mask))} training row(s) {what} ({name_rows(rows[mask], 1)})"
        for what, mask in faults.items()
        if np.any(mask)
    ]


CHECKS = (
    AuditCheck(
        name="purge_and_embargo",
        position=80,
        does="computed again from events and bars, outer folds and inner blocks, on rows and "
        "on the clock",
        planted="purged, embargoed and test rows in training; an inner block that trains on "
        "itself; an embargo that is two bars too short; a purge on the symbol's own "
        "bars only; a row before the window",
        run=check_purge,
    ),
)
