"""The weekly retraining: train every model of a week again, and validate it before use.

Belongs here: the fold of a week, its models, which earlier models are validated on which labels,
the resulting row of table ``recalibrations``. Does not belong here: how folds are
cut (:mod:`step3_assets.domain.folds.build`) and trained
(:mod:`step3_assets.domain.models.training`), refitting a calibrator alone
(:mod:`step3_assets.domain.live.recalibration`).

Models trained at the open of a week know every label that is final then, so no label is left to
validate them on. They are validated a week later, on the labels that became final since. Until then
they are a candidate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import EVENTS
from step3_assets.catalogue.live import RECALIBRATIONS, WEEKLY_MODELS
from step3_assets.config import Step3Config
from step3_assets.domain.core.bar_columns import TRAINING_BARS
from step3_assets.domain.core.hashing import bars_hash, frame_hash, text_hash
from step3_assets.domain.core.months import month_start
from step3_assets.domain.core.weeks import Session, add_weeks, first_session, week_of, week_start
from step3_assets.domain.decisions.scoring import predict_forecasts
from step3_assets.domain.folds.build import (
    LOOK_BACK_MONTHS,
    Fold,
    FoldRows,
    FoldSpan,
    cut_fold,
    months_before,
)
from step3_assets.domain.live.base_model import BaseModel
from step3_assets.domain.live.recalibration import (
    empty_week,
    final_instants,
    forecast_metrics,
    reason_of,
    settings_hash,
    week_table,
)
from step3_assets.domain.models.text_format import dump_numbers, payload_sha256, read_payloads
from step3_assets.domain.models.training import gather_training, train_fold, weigh
from step3_assets.domain.registry.entries import RETRAIN, artefacts_hash, payload_artefacts

Payloads = dict[str, str]


@dataclass(frozen=True)
class Candidate:
    """Models that may score a week.

    Attributes
    ----------
    week : date or None
        Week they were trained for; None for the base model's.
    since : Timestamp
        They know no label that became final from here on.
    payloads : dict of str to str
        Checked; none where nothing could be trained.
    row : mapping
        The columns of ``weekly_models`` that are the same for every head; empty for the base model.
    """

    week: date | None
    since: pd.Timestamp
    payloads: Payloads
    row: Mapping[str, Any]

    @classmethod
    def of_week(cls, models: pd.DataFrame, session: Session) -> "Candidate":
        """From the rows of table ``weekly_models`` of one week."""
        row = {} if models.empty else {str(k): v for k, v in models.iloc[0].items()}
        payloads = {} if models.empty else read_payloads(models)
        return cls(week_of(session.day), session.open_utc, payloads, row)

    @property
    def models_hash(self) -> str | None:
        """Hash of every head's payload; None without models."""
        if not self.payloads:
            return None
        return artefacts_hash(payload_artefacts(self.payloads))


def known_before(
    events: pd.DataFrame, bars: pd.DataFrame, session: Session
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Candidates and bars of a week's look-back that lie before its first open."""
    first = months_before(session.open_utc, LOOK_BACK_MONTHS)
    decided, started = events["decision_time_utc"], bars["date"]
    return (
        events[(decided >= first) & (decided < session.open_utc)],
        bars[(started >= first) & (started < session.open_utc)],
    )


def week_span(session: Session) -> FoldSpan:
    """The time span that the fold of a week tests: from its first open to its end."""
    week = week_of(session.day)
    return FoldSpan(week, session.open_utc, week_start(add_weeks(week, 1)))


def train_week(
    events: pd.DataFrame,
    bars: pd.DataFrame,
    session: Session,
    config: Step3Config,
    stored: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Train every model of a week on the data known at its first open.

    Parameters
    ----------
    events, bars : DataFrame
        Rows of tables ``events`` and ``bar_features``: any superset of the 36 months before the
        open. Nothing that starts at the open or later is used.
    session : Session
        The week's first.
    config : Step3Config
        Its ``folds`` and ``models``.
    stored : DataFrame, optional
        Rows of table ``weekly_models`` of the week: returned where they were trained on the same
        rows and settings that the week would be trained on now.

    Returns
    -------
    DataFrame
        Rows of table ``weekly_models``, known at the open; none where too few labels are known.
    """
    events, bars = known_before(events, bars, session)
    if bars.empty:
        return pd.DataFrame(columns=WEEKLY_MODELS.names)
    fold = cut_fold(events, bars, week_span(session), config.folds)
    rows = gather_training(events, fold.members).rows
    inputs_hash = _inputs_hash(rows, bars, fold, config)
    if stored is not None and len(stored) and set(stored["inputs_hash"]) == {inputs_hash}:
        return stored
    models = train_fold(FoldRows(fold, events, bars, config.folds), config.models).models
    if models.empty:
        return pd.DataFrame(columns=WEEKLY_MODELS.names)
    final = final_instants(rows, bars)
    trained = models.rename(columns={"month": "week"}).assign(
        as_of_utc=session.open_utc,
        n_independent=float(weigh(rows).weights.sum()),
        last_final_utc=final.max(),
        labels_hash=outcomes_hash(rows),
        inputs_hash=inputs_hash,
    )
    stamps = ["as_of_utc", "last_final_utc"]
    return trained.astype(dict.fromkeys(stamps, "datetime64[us, UTC]"))[WEEKLY_MODELS.names]


@dataclass(frozen=True)
class WeekTraining:
    """The inputs of one week's training; it is sent to a worker process.

    Attributes
    ----------
    events, bars : DataFrame
        Rows of tables ``events`` and ``bar_features`` of the look-back.
    week : date
    config : Step3Config
    """

    events: pd.DataFrame
    bars: pd.DataFrame
    week: date
    config: Step3Config


def training_step(inputs: WeekTraining) -> dict[str, pd.DataFrame]:
    """The models of the week by table; none for a week without a session."""
    session = first_session(inputs.week)
    if session is None:
        return untrained_step(None)
    return {"weekly_models": train_week(inputs.events, inputs.bars, session, inputs.config)}


def untrained_step(_inputs: None) -> dict[str, pd.DataFrame]:
    """No models: a week under another method."""
    return {"weekly_models": pd.DataFrame(columns=WEEKLY_MODELS.names)}


def outcomes_hash(rows: pd.DataFrame) -> str:
    """SHA-256 over the keys and outcomes of labels, in the order of decision time and symbol."""
    rows = rows.sort_values(["decision_time_utc", "symbol"], kind="stable")
    return payload_sha256(
        dump_numbers(
            {
                "symbol": rows["symbol"].tolist(),
                "decision_us": rows["decision_time_utc"].dt.as_unit("us").astype("int64").tolist(),
                "y": rows["y"].astype("float64").tolist(),
            }
        )
    )


def _inputs_hash(rows: pd.DataFrame, bars: pd.DataFrame, fold: Fold, config: Step3Config) -> str:
    """Hash of everything that training depends on: rows, their roles, bars, settings."""
    parts = [frame_hash(rows[EVENTS.names], EVENTS), *sorted(set(fold.manifest["members_hash"]))]
    if config.models.drift.is_used:
        parts.append(bars_hash(bars, TRAINING_BARS))
    return text_hash(" ".join([*parts, config.models.content_hash()]))


@dataclass(frozen=True)
class History:
    """The data that the weeks of a chain are trained and validated on.

    Attributes
    ----------
    events, bars : DataFrame
        Rows of tables ``events`` and ``bar_features``: those of the look-back of every week of the
        chain; what is known only at the open of the last week or later is not used.
    stored : DataFrame
        Rows of ``weekly_models``, of any weeks: used where training would give the same models.
    configs : mapping of date to Step3Config
        The settings in force, by the first day of each calendar month.
    """

    events: pd.DataFrame
    bars: pd.DataFrame
    stored: pd.DataFrame
    configs: Mapping[date, Step3Config]

    def config_of(self, session: Session) -> Step3Config:
        """The settings of the calendar month that a session lies in."""
        return self.configs[session.day.replace(day=1)]

    def train(self, session: Session) -> Candidate:
        """The models of a week: the stored ones where training would give the same."""
        stored = self.stored[self.stored["week"] == week_of(session.day)]
        config = self.config_of(session)
        return Candidate.of_week(
            train_week(self.events, self.bars, session, config, stored), session
        )

    def outcomes(self, since: pd.Timestamp) -> pd.DataFrame:
        """Events whose labels became final at an instant or later, and when."""
        rows = self.events[self.events["maturity"] == "final"]
        rows = rows.assign(final_at_utc=final_instants(rows, self.bars))
        rows = rows[rows["final_at_utc"] >= since]
        return rows.sort_values(["decision_time_utc", "symbol"], kind="stable", ignore_index=True)


def retrained_week(
    history: History,
    base: BaseModel,
    base_models: pd.DataFrame,
    chain: Sequence[Session],
    data_end: pd.Timestamp,
) -> pd.DataFrame:
    """The row of table ``recalibrations`` of the week that ends a chain, by retraining.

    Parameters
    ----------
    history : History
    base : BaseModel
        The models that score the weeks of the chain where no retrained models do.
    base_models : DataFrame
        Its rows of ``calibrated_models``.
    chain : sequence of Session
        First session of each week since the base model came into force, the week itself last.
    data_end : Timestamp
        End of the last bar before the week's first session.

    Returns
    -------
    DataFrame
        One row, known at the open of the week's first session.

    Notes
    -----
    In each week of the chain the candidate is the newest earlier week whose models are newer than
    those in force. It is validated on the labels that became final since its own open, of which
    there must be ``min_check_rows``. Neither the candidate nor the models in force, which are
    older, was trained on any of them. The candidate comes into force if neither its Brier score
    nor its log loss is higher; a tie goes to the candidate.
    """
    of_base = Candidate(None, month_start(base.month), read_payloads(base_models), {})
    incumbent = of_base
    trained: list[Candidate] = []
    outcomes = history.outcomes(chain[0].open_utc)
    row: dict[str, Any] = {}
    for session in chain:
        config = history.config_of(session)
        row, incumbent = _decide_week(
            outcomes, session, trained, incumbent, (base, of_base), config
        )
        if base.calibrator is not None and session is not chain[-1]:
            trained.append(history.train(session))
    config_hash = retrain_hash(history.config_of(chain[-1]))
    return week_table({**row, "data_end_utc": data_end, "config_hash": config_hash})


@dataclass(frozen=True)
class RetrainingInputs:
    """The inputs of one retrained week's decision; it is sent to a worker process.

    Attributes
    ----------
    history : History
    base : BaseModel
    base_models : DataFrame
        Its rows of ``calibrated_models``.
    chain : tuple of Session
        First session of each week since the base model came into force.
    data_end : Timestamp or None
        End of the last bar before the first session of the week.
    """

    history: History
    base: BaseModel
    base_models: pd.DataFrame
    chain: tuple[Session, ...]
    data_end: pd.Timestamp | None


def retraining_step(inputs: RetrainingInputs | None) -> dict[str, pd.DataFrame]:
    """The rows of the week by table; none for a week without a session."""
    if inputs is None or inputs.data_end is None:
        return {"recalibrations": pd.DataFrame(columns=RECALIBRATIONS.names)}
    row = retrained_week(
        inputs.history, inputs.base, inputs.base_models, inputs.chain, inputs.data_end
    )
    return {"recalibrations": row}


def retrain_hash(config: Step3Config) -> str:
    """Hash of every setting that a retrained week depends on, besides its base model."""
    parts = (settings_hash(config), config.models.content_hash(), config.folds.content_hash())
    return text_hash(" ".join(parts))[:16]


def labels_between(
    outcomes: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp
) -> pd.DataFrame:
    """Labels that became final at an instant or later, and before another."""
    final = outcomes["final_at_utc"]
    return outcomes[(final >= since) & (final < until)].reset_index(drop=True)


def _decide_week(
    outcomes: pd.DataFrame,
    session: Session,
    trained: Sequence[Candidate],
    incumbent: Candidate,
    base: tuple[BaseModel, Candidate],
    config: Step3Config,
) -> tuple[dict[str, Any], Candidate]:
    """The row of the week, and the models in force in it."""
    about, of_base = base
    row = empty_week(session, about)
    row |= {"method": RETRAIN, "incumbent_week": incumbent.week, "reason": "no_challenger"}
    newer = [c for c in trained if c.since > incumbent.since and c.payloads]
    counted = [(c, labels_between(outcomes, c.since, session.open_utc)) for c in reversed(newer)]
    least = config.recalibration.min_check_rows
    if about.calibrator is None:
        row["reason"] = "no_model"
    elif counted:
        new, labels = next((pair for pair in counted if len(pair[1]) >= least), counted[0])
        row |= _validation(new, labels, incumbent, of_base, config)
        incumbent = new if row["is_used"] else incumbent
    row |= {"in_force_week": incumbent.week, "in_force_hash": incumbent.models_hash}
    return row, incumbent


def _validation(
    new: Candidate, labels: pd.DataFrame, incumbent: Candidate, base: Candidate, config: Step3Config
) -> dict[str, Any]:
    """The columns of the row that describe the candidate and its validation."""
    forecasts: dict[str, np.ndarray] = {}
    if len(labels):
        of_new = predict_forecasts(new.payloads, labels)
        forecasts = {"raw": of_new["p_raw"].to_numpy(), "new": of_new["p_calibrated"].to_numpy()}
        for name, models in (("fold", base), ("incumbent", incumbent)):
            forecasts[name] = predict_forecasts(models.payloads, labels)["p_calibrated"].to_numpy()
    metrics = forecast_metrics(labels["y"], forecasts, config)
    reason = reason_of(metrics, len(labels), config)
    return {
        "new_week": new.week,
        "new_hash": new.models_hash,
        "n_labels": int(new.row["n_rows"]),
        **{name: new.row[name] for name in ("n_independent", "last_final_utc", "labels_hash")},
        "check_from_utc": new.since,
        "n_check": len(labels),
        **metrics,
        "is_used": reason == "no_worse",
        "reason": reason,
    }
