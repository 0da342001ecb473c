"""Time travel: if later data change, models and scores must stay the same to the bit.

Belongs here: the change, retraining and scoring again, the comparison with what is stored. Does
not belong here: training and scoring themselves. Equal bits also show that the stored results can
be reproduced.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import EVENTS
from step3_assets.config import Step3Config
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, verdict_of
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months, month_label, month_start
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.walk_forward.month_steps import (
    FoldInputs,
    ScoringInputs,
    TrainingInputs,
    scoring_step,
    training_rows,
    training_step,
)

MODEL_COLUMNS = ["head", "payload_sha256", "n_rows", "features_hash", "members_hash"]
_CLOCK = ("label_end_idx", "exit_time_utc", "maturity", "truncated_horizon")


def change_future(events: pd.DataFrame, instant: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Events with everything after an instant changed.

    Parameters
    ----------
    events : DataFrame
        Rows of table ``events``.
    instant : Timestamp
    seed : int

    Returns
    -------
    DataFrame
        The same rows. Labels that end at the instant or later get other outcomes and end later;
        decisions at the instant or later get other signals, geometry and costs. Keys, and
        everything known before, are unchanged.
    """
    rng = np.random.default_rng(seed)
    changed = events.copy()
    is_open = ~(events["exit_time_utc"] < instant).to_numpy(dtype=bool)
    is_later = (events["decision_instant_utc"] >= instant).to_numpy(dtype=bool)
    for column in EVENTS.columns:
        rows = {KnownAt.OUTCOME: is_open, KnownAt.DECISION: is_later}.get(column.known_at)
        if rows is None or column.name in _CLOCK or not rows.any():
            continue
        old = changed.loc[rows, column.name]
        if column.dtype == "DOUBLE":
            factor = 1.0 + 0.5 * np.abs(rng.standard_normal(len(old)))
            changed.loc[rows, column.name] = old.to_numpy(dtype=np.float64) * factor
        elif column.dtype == "BIGINT":
            new = 1 - old if column.unit == "0/1" or column.name == "y" else old + 3
            changed.loc[rows, column.name] = new.astype(old.dtype)
    changed.loc[is_open, "label_end_idx"] += 1
    changed.loc[is_open, "exit_time_utc"] += pd.Timedelta(hours=2)
    for name in ("gross_logret", "net_logret"):
        changed.loc[is_open, name] += 0.01 * rng.standard_normal(int(is_open.sum()))
    return changed


def check_models(inputs: AuditInputs) -> Evidence:
    """Retrain sampled folds with everything known after their start changed."""
    faults = _foreign_models(inputs)
    if faults:
        return verdict_of(faults, "")
    n_models, n_changed = 0, 0
    for month in inputs.sampled:
        events = _window(inputs, month)
        start = month_start(month)
        changed = change_future(events, start, inputs.config.audit.seed)
        n_changed += int((~(events["exit_time_utc"] < start)).sum())
        again = train_again(changed, inputs.bars, month, inputs.config_of(month))
        stored = inputs.models[inputs.models["month"] == month]
        n_models += len(stored)
        faults += _model_faults(stored, again, month)
    return verdict_of(
        faults,
        f"{n_models} models of {_named(inputs.sampled)} came out the same bytes after "
        f"{n_changed:,} events of their future were changed and its bars withheld.",
    )


def train_again(
    events: pd.DataFrame, bars: pd.DataFrame, month: date, config: Step3Config
) -> pd.DataFrame:
    """The models of a fold, from the bars before its test month only."""
    past = bars[bars["date"] < month_start(month)]
    rows = training_rows(FoldInputs(events=events, bars=past, month=month, config=config.folds))
    inputs = TrainingInputs(rows=rows, config=config.models)
    return training_step(inputs)["calibrated_models"]


def _foreign_models(inputs: AuditInputs) -> list[str]:
    """Sampled months whose models were trained with other settings than those in force."""
    current = {m: inputs.config_of(m).models.content_hash() for m in set(inputs.models["month"])}
    expected = inputs.models["month"].map(current)
    months = inputs.models.loc[inputs.models["config_hash"] != expected, "month"]
    return [
        f"{month_label(m)}: the stored models are of other settings; train the month again"
        for m in sorted(set(months))
    ]


def _model_faults(stored: pd.DataFrame, again: pd.DataFrame, month: date) -> list[str]:
    name = month_label(month)
    old, new = (f[MODEL_COLUMNS].set_index("head").sort_index() for f in (stored, again))
    if not old.index.equals(new.index):
        return [f"{name}: stored heads {list(old.index)}, trained again {list(new.index)}"]
    differ = (old.to_numpy() != new.to_numpy()).any(axis=1)
    if not differ.any():
        return []
    return [f"{name}: {', '.join(old.index[differ])} differ once the future is changed"]


def check_scores(inputs: AuditInputs) -> Evidence:
    """Score sampled folds again: outcomes changed, then with later decisions withheld."""
    faults, n_scores, n_alone = [], 0, 0
    rng = np.random.default_rng(inputs.config.audit.seed)
    for month in inputs.sampled:
        stored = inputs.scores[inputs.scores["month"] == month]
        events = inputs.events[inputs.events["month"] == month]
        if stored.empty:
            continue
        blind = change_future(events, month_start(month), inputs.config.audit.seed)
        known = [c.name for c in EVENTS.columns if c.known_at is KnownAt.DECISION]
        blind[known] = events[known]
        n_scores += len(stored)
        faults += _score_faults(stored, _score_again(inputs, blind, month), "outcomes are changed")
        count = min(inputs.config.audit.sampled_decisions, len(events))
        for at in sorted(rng.choice(len(events), size=count, replace=False)):
            instant = events["decision_instant_utc"].iloc[at]
            then = blind[blind["decision_instant_utc"] <= instant]
            again = _score_again(inputs, then, month)
            # Decisions after the instant are not there; those up to it must be as they were.
            kept = stored.merge(then[EVENT_KEY])
            n_alone += 1
            faults += _score_faults(kept, again, f"what follows {instant:%Y-%m-%d %H:%M} is gone")
    return verdict_of(
        list(dict.fromkeys(faults)),
        f"{n_scores:,} scores of {_named(inputs.sampled)} are the same bits with every outcome "
        f"changed, and at {n_alone} instants with everything after them withheld.",
    )


def _score_again(inputs: AuditInputs, events: pd.DataFrame, month: date) -> pd.DataFrame:
    scoring = ScoringInputs(
        models=inputs.models[inputs.models["month"] == month],
        events=events,
        month=month,
        config=inputs.config_of(month),
    )
    return scoring_step(scoring)["scores"]


def _score_faults(stored: pd.DataFrame, again: pd.DataFrame, when: str) -> list[str]:
    ours = stored.sort_values(EVENT_KEY, ignore_index=True)
    theirs = again.sort_values(EVENT_KEY, ignore_index=True)[list(ours.columns)]
    if len(ours) != len(theirs) or not ours[EVENT_KEY].equals(theirs[EVENT_KEY]):
        return [f"{len(ours)} stored scores, {len(theirs)} when {when}"]
    differ = [
        name
        for name in ours.columns
        if not _same(ours[name].to_numpy(dtype=object), theirs[name].to_numpy(dtype=object))
    ]
    month = month_label(ours["month"].iloc[0]) if len(ours) else ""
    return [f"{month}: {', '.join(differ)} differ when {when}"] if differ else []


def _same(left: np.ndarray, right: np.ndarray) -> bool:
    return bool(((left == right) | (pd.isna(left) & pd.isna(right))).all())


def _window(inputs: AuditInputs, month: date) -> pd.DataFrame:
    months = inputs.events["month"]
    first = add_months(month, -LOOK_BACK_MONTHS)
    return inputs.events[(months >= first) & (months <= month)].reset_index(drop=True)


def _named(months: list[date]) -> str:
    return " and ".join(month_label(m) for m in months)


CHECKS = (
    AuditCheck(
        name="time_travel_models",
        position=110,
        does="sampled folds retrained with everything known after their start changed, and "
        "its bars withheld: the same bytes",
        planted="a drift guard that reads the test month; a scale fitted on the full sample; "
        "no purge; bars of the test month in the drift head; altered bytes",
        run=check_models,
        trains_models=True,
    ),
    AuditCheck(
        name="time_travel_scores",
        position=120,
        does="sampled months scored again with every outcome changed, and up to sampled "
        "instants with the rest withheld: the same bits",
        planted="a score that reads the outcome; one ranked within the month",
        run=check_scores,
    ),
)
