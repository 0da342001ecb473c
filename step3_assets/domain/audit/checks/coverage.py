"""Coverage: no month or event is left out, and no label is used that may still change.

Belongs here: which rows are in the results. Does not belong here: the values in the rows.
"""

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
from step3_assets.domain.core.months import month_label, month_range


def check_every_month(inputs: AuditInputs) -> Evidence:
    """Check that every calendar month is a fold and that every event of it is scored.

    Months with few trades tend to be bad months, so leaving them out improves the results.
    """
    months, folds = inputs.months, set(inputs.folds["month"])
    faults = [
        f"{month_label(m)} is no fold" for m in month_range(months[0], months[-1]) if m not in folds
    ]
    inside = inputs.events[inputs.events["month"].isin(months)]
    members = inputs.fold_members[inputs.fold_members["role"] == "test"]
    for table, rows in (("a test event of its fold", members), ("scored", inputs.scores)):
        joined = inside[["month", *EVENT_KEY]].merge(
            rows[["month", *EVENT_KEY]], how="left", indicator=True
        )
        lost = joined[joined["_merge"] == "left_only"]
        if len(lost):
            faults.append(f"{len(lost)} event(s) not {table}: {name_rows(lost)}")
        twice = rows.duplicated(["month", *EVENT_KEY])
        if twice.any():
            faults.append(f"{int(twice.sum())} event(s) twice {table}")
    n_empty = len(months) - inside["month"].nunique()
    return verdict_of(
        faults,
        f"{len(months)} calendar months in a row are folds, {n_empty} of them without an event; "
        f"all {len(inside):,} events in them are scored.",
    )


def check_maturity(inputs: AuditInputs) -> Evidence:
    """Check that only final labels are trained on or traded."""
    maturity = inputs.events[[*EVENT_KEY, "maturity"]]
    training = inputs.fold_members[inputs.fold_members["role"].isin(TRAINING_ROLES)]
    faults = []
    for what, rows in (("training row(s)", training), ("trade(s)", inputs.trades)):
        joined = rows[EVENT_KEY].merge(maturity, on=EVENT_KEY, how="left")
        wrong = joined[joined["maturity"] != "final"]
        if len(wrong):
            faults.append(f"{len(wrong)} {what} on a label not final: {name_rows(wrong)}")
    n_open = int((maturity["maturity"] != "final").sum())
    return verdict_of(
        faults,
        f"{len(training):,} training rows and {len(inputs.trades):,} trades rest on final labels; "
        f"{n_open} label(s) that are not final are left out.",
    )


def check_overlap_after_gate(inputs: AuditInputs) -> Evidence:
    """Check that candidates were only blocked by a position that was really open."""
    gated = inputs.scores.loc[inputs.scores["is_gated"], EVENT_KEY]
    joined = gated.merge(inputs.decisions, on=EVENT_KEY, how="outer", indicator=True)
    faults = []
    for side, what in (("left_only", "gated but never decided"), ("right_only", "never gated")):
        rows = joined[joined["_merge"] == side]
        if len(rows):
            faults.append(f"{len(rows)} candidate(s) {what}: {name_rows(rows)}")
    blocked = inputs.decisions.loc[inputs.decisions["status"] == "position_open", EVENT_KEY]
    instants = inputs.events[[*EVENT_KEY, "entry_time_utc"]]
    blocked = blocked.merge(instants, on=EVENT_KEY, how="left")
    unexplained = blocked[~_is_held(blocked, inputs.trades)]
    if len(unexplained):
        faults.append(
            f"{len(unexplained)} candidate(s) kept out by no position: {name_rows(unexplained)}"
        )
    return verdict_of(
        faults,
        f"{len(gated):,} gated candidates were all decided; each of {len(blocked):,} that met an "
        "open position met one that was traded.",
    )


def _is_held(rows: pd.DataFrame, trades: pd.DataFrame) -> pd.Series:
    """Whether a trade of the row's symbol was decided before it and exits at its entry or later."""
    held = pd.Series(False, index=rows.index, dtype=bool)
    for symbol, positions in trades.groupby("symbol"):
        blocked = rows[rows["symbol"] == symbol]
        decided = blocked["decision_time_utc"].to_numpy()[:, None]
        entered = blocked["entry_time_utc"].to_numpy()[:, None]
        is_earlier = positions["decision_time_utc"].to_numpy() < decided
        is_open = positions["exit_time_utc"].to_numpy() >= entered
        held[blocked.index] = (is_earlier & is_open).any(axis=1)
    return held


CHECKS = (
    AuditCheck(
        name="every_month_counts",
        position=60,
        does="every calendar month is a fold, and every event of it is scored once",
        planted="a month without trades left out; events not scored; one scored twice",
        run=check_every_month,
    ),
    AuditCheck(
        name="labels_are_final",
        position=70,
        does="only final labels are trained on or traded",
        planted="a provisional label in training; a trade on a pending one",
        run=check_maturity,
    ),
    AuditCheck(
        name="overlap_after_gate",
        position=140,
        does="every gated candidate was decided, and only a traded position blocked another",
        planted="a refused row that blocks another; a gated row without decision",
        run=check_overlap_after_gate,
    ),
)
