"""The weekly recalibration: a calibrator fitted on labels final at the start of a week.

Belongs here: which labels were final when, the fit, its validation against the calibrator in force,
the row of a week. Does not belong here: how a calibrator is fitted
(:mod:`step3_assets.domain.models.calibration`), which models score a week
(:mod:`step3_assets.domain.live.base_model`), training a week's models again
(:mod:`step3_assets.domain.live.retraining`).

Every raw probability here is the prediction of a fold for its own test month, so no model had seen
the label. A week depends on those labels and on the base model only. The chain of the weeks before
it is recomputed from the same labels and never read from their rows, so weeks may be made in any
order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.catalogue.live import RECALIBRATIONS
from step3_assets.config import Step3Config
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.label_end import latest_exit_idx
from step3_assets.domain.core.months import month_start
from step3_assets.domain.core.weeks import Session, week_of
from step3_assets.domain.decisions.outcomes import with_outcomes
from step3_assets.domain.live.base_model import BaseModel
from step3_assets.domain.models.calibration import Split, calibrate, choose_calibrator
from step3_assets.domain.models.probability_scores import (
    brier,
    expected_calibration_error,
    log_loss,
)
from step3_assets.domain.models.text_format import Numbers, dump_numbers, payload_sha256
from step3_assets.domain.models.training import weigh

CALIBRATOR = "calibrator"  # the method that refits the calibrator only
CHECK_METRICS = ("brier", "log_loss", "ece")
FORECASTS = ("raw", "fold", "incumbent", "new")
CHOICE_BLOCKS = 4  # blocks of the pool in time, on which isotonic regression is compared with Platt


@dataclass(frozen=True)
class Fit:
    """A calibrator and what it was fitted on.

    Attributes
    ----------
    rows : ndarray of bool
        Over the labels.
    weights : ndarray
        Average uniqueness of those rows.
    numbers : dict or None
        None where `problem` says why nothing could be fitted.
    problem : str
        A reason of table ``recalibrations``, or empty.
    """

    rows: np.ndarray
    weights: np.ndarray
    numbers: Numbers | None
    problem: str


@dataclass(frozen=True)
class Incumbent:
    """The calibrator in force before a week.

    Attributes
    ----------
    numbers : dict
    week : date or None
        Week it was fitted for; None for the base model's own.
    since : Timestamp
        It saw no label that became final from here on.
    """

    numbers: Numbers
    week: date | None
    since: pd.Timestamp


@dataclass(frozen=True)
class _Link:
    """One week of the chain."""

    fit: Fit
    checked: np.ndarray  # bool over the labels
    metrics: dict[str, float]
    reason: str


@dataclass(frozen=True)
class WeekInputs:
    """The inputs of one week's recalibration; it is sent to a worker process.

    Attributes
    ----------
    labels : DataFrame
        As :func:`final_labels` gives them, of the windows of the whole chain.
    base : BaseModel or None
        None for a week without a session.
    chain : tuple of Session
        First session of each week since the base model came into force.
    data_end : Timestamp or None
        End of the last bar before the first session of the week.
    config : Step3Config
    """

    labels: pd.DataFrame
    base: BaseModel | None
    chain: tuple[Session, ...]
    data_end: pd.Timestamp | None
    config: Step3Config

    @classmethod
    def no_session(cls, labels: pd.DataFrame, config: Step3Config) -> "WeekInputs":
        """The inputs of a week in which the exchange is closed."""
        return cls(labels=labels.iloc[:0], base=None, chain=(), data_end=None, config=config)


def final_labels(
    scores: pd.DataFrame, events: pd.DataFrame, bars: pd.DataFrame, models: pd.DataFrame
) -> pd.DataFrame:
    """Out-of-sample raw probabilities with their final labels, and when each became final.

    Parameters
    ----------
    scores : DataFrame
        ``month``, ``symbol``, ``decision_time_utc``, ``p_raw`` of table ``scores``.
    events : DataFrame
        ``symbol``, ``decision_time_utc``, ``t_idx``, ``H``, ``label_end_idx``, ``y``, ``maturity``.
    bars : DataFrame
        ``symbol``, ``bar_idx``, ``bar_end_utc``.
    models : DataFrame
        ``month``, ``head``, ``config_hash`` of table ``calibrated_models``.

    Returns
    -------
    DataFrame
        ``month``, ``symbol``, ``decision_time_utc``, ``p_raw``, ``y``, ``t_idx``,
        ``label_end_idx``, ``config_hash`` (of the models that gave ``p_raw``) and
        ``final_at_utc``: the end of bar ``t_idx + H + 2``, with which a delivery first calls the
        label final, and never before its exit bar. Rows without such a bar are left out. In the
        order of decision time and symbol.
    """
    hashes = models.loc[models["head"] == "calibrator", ["month", "config_hash"]]
    known = scores.loc[scores["p_raw"].notna(), ["month", *EVENT_KEY, "p_raw"]]
    rows = with_outcomes(known, events, ["t_idx", "H", "label_end_idx", "y"])
    rows = rows.astype({"t_idx": "int64", "H": "int64", "label_end_idx": "int64", "y": "float64"})
    rows = rows.merge(hashes, on="month")
    rows = rows.assign(final_at_utc=final_instants(rows, bars))
    rows = rows[rows["final_at_utc"].notna()].drop(columns="H")
    return rows.sort_values(["decision_time_utc", "symbol"], kind="stable", ignore_index=True)


def final_instants(events: pd.DataFrame, bars: pd.DataFrame) -> pd.Series:
    """When each event's label is first called final: the end of bar ``t_idx + H + 2``.

    Parameters
    ----------
    events : DataFrame, n rows
        ``symbol``, ``t_idx``, ``H``.
    bars : DataFrame
        ``symbol``, ``bar_idx``, ``bar_end_utc``.

    Returns
    -------
    Series of datetime64[us, UTC], n rows
        On the index of `events`; NaT where there is no such bar.
    """
    wanted = pd.DataFrame(
        {
            "symbol": events["symbol"].to_numpy(),
            "bar_idx": latest_exit_idx(events["t_idx"], events["H"]).to_numpy(dtype=np.int64),
        }
    )
    ends = bars[["symbol", "bar_idx", "bar_end_utc"]]
    found = wanted.merge(ends, on=["symbol", "bar_idx"], how="left", validate="many_to_one")
    return found["bar_end_utc"].dt.as_unit("us").set_axis(events.index)


def labels_before(labels: pd.DataFrame, instant: pd.Timestamp) -> np.ndarray:
    """Mask of the labels that were final before an instant."""
    return (labels["final_at_utc"] < instant).to_numpy(copy=True)


def is_comparable(labels: pd.DataFrame, base: BaseModel) -> np.ndarray:
    """Mask of the labels whose raw probability came from models with the base model's settings."""
    return (labels["config_hash"] == base.config_hash).to_numpy(copy=True)


def fit_calibrator(
    labels: pd.DataFrame,
    instant: pd.Timestamp,
    base: BaseModel,
    config: Step3Config,
) -> Fit:
    """Fit a calibrator on the labels that were final at an instant.

    Parameters
    ----------
    labels : DataFrame
        As :func:`final_labels` gives them; those final at `instant` or later are not used.
    instant : Timestamp
    base : BaseModel
        Only labels scored by models with its settings are used: others are not comparable.
    config : Step3Config
    """
    since = instant - pd.Timedelta(weeks=config.recalibration.window_weeks)
    mask = labels_before(labels, instant) & is_comparable(labels, base)
    mask &= (labels["decision_time_utc"] >= since).to_numpy()
    rows = labels[mask]
    won = rows["y"].to_numpy(dtype=np.float64)
    weights = weigh(rows).weights
    if len(rows) < config.recalibration.min_rows:
        return Fit(mask, weights, None, "too_few_labels")
    if len(np.unique(won)) < 2:
        return Fit(mask, weights, None, "one_outcome")
    p_raw = rows["p_raw"].to_numpy(dtype=np.float64)
    numbers = choose_calibrator(
        p_raw, won, weights, _forward_splits(rows), config.models.calibration
    )
    return Fit(mask, weights, numbers, "")


def _forward_splits(rows: pd.DataFrame) -> list[Split]:
    """Blocks of equal span in time, each with the labels that were final before it began."""
    decided, final = rows["decision_time_utc"], rows["final_at_utc"]
    edges = pd.date_range(decided.iloc[0], decided.iloc[-1], CHOICE_BLOCKS + 1)
    splits = []
    for start, end in zip(edges[1:-1], [*edges[2:-1], None], strict=True):
        is_in_block = decided >= start if end is None else (decided >= start) & (decided < end)
        splits.append(((final < start).to_numpy(), is_in_block.to_numpy()))
    return splits


def recalibrate_week(
    labels: pd.DataFrame,
    base: BaseModel,
    chain: Sequence[Session],
    data_end: pd.Timestamp,
    config: Step3Config,
) -> pd.DataFrame:
    """The row of the week that ends a chain.

    Parameters
    ----------
    labels : DataFrame
        As :func:`final_labels` gives them, at least those of the window of every week of the
        chain; those that became final later are not used.
    base : BaseModel
        The models that score the weeks of the chain.
    chain : sequence of Session
        First session of each week since the base model came into force, the week itself last.
    data_end : Timestamp
        End of the last bar before the week's first session: how far the data had come.
    config : Step3Config
        Its ``recalibration``, and of ``models`` calibration and weights.

    Returns
    -------
    DataFrame
        One row of table ``recalibrations``, known at the open of the week's first session.

    Notes ----- The validation: every label that became final since the incumbent was fitted is
    predicted by the incumbent, and by the calibrator that would have been fitted at the start of
    the day of that label. Neither has seen the label. The new calibrator is used if neither its
    Brier score nor its log loss is higher, on at least ``min_check_rows`` labels; a tie goes to the
    new one.
    """
    incumbent = Incumbent(base.calibrator or {}, None, month_start(base.month))
    for session in chain[:-1] if base.calibrator else []:
        link = _link(labels, session.open_utc, incumbent, base, config)
        incumbent = _successor(link, session, incumbent)
    session = chain[-1]
    link = _link(labels, session.open_utc, incumbent, base, config)
    row = _row(link, labels, session, incumbent, base)
    return week_table({**row, "data_end_utc": data_end, "config_hash": settings_hash(config)})


def recalibration_step(inputs: WeekInputs) -> dict[str, pd.DataFrame]:
    """The rows of the week by table; none for a week without a session."""
    if inputs.base is None or inputs.data_end is None:
        return {"recalibrations": pd.DataFrame(columns=RECALIBRATIONS.names)}
    row = recalibrate_week(inputs.labels, inputs.base, inputs.chain, inputs.data_end, inputs.config)
    return {"recalibrations": row}


def _link(
    labels: pd.DataFrame,
    as_of: pd.Timestamp,
    incumbent: Incumbent,
    base: BaseModel,
    config: Step3Config,
) -> _Link:
    """Fit at the start of the week, and validate against the incumbent."""
    fit = fit_calibrator(labels, as_of, base, config)
    nothing = np.zeros(len(labels), dtype=bool)
    if base.calibrator is None:
        return _Link(fit, nothing, {}, "no_model")
    new = labels_before(labels, as_of) & ~labels_before(labels, incumbent.since)
    new &= is_comparable(labels, base)
    p_new = np.full(len(labels), np.nan)
    days = labels["decision_time_utc"].dt.floor("D")
    for day in days[new].unique():
        before = fit_calibrator(labels, day, base, config)
        if before.numbers is not None:
            of_day = new & (days == day).to_numpy()
            p_new[of_day] = calibrate(before.numbers, labels["p_raw"].to_numpy()[of_day])
    checked = new & ~np.isnan(p_new)
    metrics = _validation(labels[checked], p_new[checked], incumbent, base, config)
    reason = fit.problem or reason_of(metrics, int(checked.sum()), config)
    return _Link(fit, checked, metrics, reason)


def _validation(
    checked: pd.DataFrame,
    p_new: np.ndarray,
    incumbent: Incumbent,
    base: BaseModel,
    config: Step3Config,
) -> dict[str, float]:
    """Metrics of every forecast of the labels that the validation uses."""
    if checked.empty:
        return {}
    raw = checked["p_raw"].to_numpy(dtype=np.float64)
    forecasts = {
        "raw": raw,
        "fold": calibrate(base.calibrator or {}, raw),
        "incumbent": calibrate(incumbent.numbers, raw),
        "new": p_new,
    }
    return forecast_metrics(checked["y"], forecasts, config)


def forecast_metrics(
    y: pd.Series, forecasts: Mapping[str, np.ndarray], config: Step3Config
) -> dict[str, float]:
    """Brier score, log loss and calibration error of forecasts of the same labels."""
    won = y.to_numpy(dtype=np.float64)
    metrics = {}
    for name, p in forecasts.items():
        metrics[f"brier_{name}"] = brier(won, p)
        metrics[f"log_loss_{name}"] = log_loss(won, p)
        metrics[f"ece_{name}"] = expected_calibration_error(
            won, p, config.models.calibration.n_bins
        )
    return metrics


def reason_of(metrics: Mapping[str, float], n_check: int, config: Step3Config) -> str:
    """Whether the new calibrator may be used, as a reason of table ``recalibrations``."""
    if n_check < config.recalibration.min_check_rows:
        return "too_few_new_labels"
    for metric in ("brier", "log_loss"):
        if not metrics[f"{metric}_new"] <= metrics[f"{metric}_incumbent"]:
            return f"worse_{metric}"
    return "no_worse"


def _successor(link: _Link, session: Session, incumbent: Incumbent) -> Incumbent:
    if link.reason != "no_worse" or link.fit.numbers is None:
        return incumbent
    return Incumbent(link.fit.numbers, week_of(session.day), session.open_utc)


def _row(
    link: _Link, labels: pd.DataFrame, session: Session, incumbent: Incumbent, base: BaseModel
) -> dict[str, Any]:
    successor = _successor(link, session, incumbent)
    used = labels[link.fit.rows]  # includes the labels of the validation
    new, in_force = _payload(link.fit.numbers), _payload(successor.numbers or None)
    return {
        **empty_week(session, base),
        "method": CALIBRATOR,
        "new_week": week_of(session.day),
        "n_labels": len(used),
        "n_independent": float(link.fit.weights.sum()),
        "last_final_utc": used["final_at_utc"].max(),
        "labels_hash": labels_hash(used),
        "incumbent_week": incumbent.week,
        "check_from_utc": incumbent.since if base.calibrator else pd.NaT,
        "n_check": int(link.checked.sum()),
        **link.metrics,
        "is_used": link.reason == "no_worse",
        "reason": link.reason,
        "calibrator": new,
        "calibrator_sha256": None if new is None else payload_sha256(new),
        "in_force_week": successor.week,
        "in_force": in_force,
        "in_force_sha256": None if in_force is None else payload_sha256(in_force),
    }


def empty_week(session: Session, base: BaseModel) -> dict[str, Any]:
    """A row of table ``recalibrations`` with the week and its base model, and nothing else yet."""
    return {
        **dict.fromkeys(RECALIBRATIONS.names),
        "week": week_of(session.day),
        "first_session": session.day,
        "as_of_utc": session.open_utc,
        "base_month": base.month,
        "base_source": base.source,
        "base_hash": base.artefact_hash,
        "n_labels": 0,
        "n_independent": 0.0,
        "labels_hash": "",
        "n_check": 0,
        "is_used": False,
        **{f"{metric}_{of}": np.nan for metric in CHECK_METRICS for of in FORECASTS},
    }


def week_table(row: Mapping[str, Any]) -> pd.DataFrame:
    """The row as a table, instants in microseconds."""
    frame = pd.DataFrame([row])
    for column in RECALIBRATIONS.columns:
        if column.dtype == "TIMESTAMPTZ":
            stamps = pd.to_datetime(frame[column.name], utc=True)
            frame[column.name] = stamps.dt.as_unit("us")
    return frame[RECALIBRATIONS.names]


def _payload(numbers: Numbers | None) -> str | None:
    return None if numbers is None else dump_numbers(numbers)


def labels_hash(rows: pd.DataFrame) -> str:
    """SHA-256 over the keys, raw probabilities and outcomes of labels, in their order."""
    return payload_sha256(
        dump_numbers(
            {
                "symbol": rows["symbol"].tolist(),
                "decision_us": rows["decision_time_utc"].dt.as_unit("us").astype("int64").tolist(),
                "p_raw": rows["p_raw"].tolist(),
                "y": rows["y"].tolist(),
            }
        )
    )


def settings_hash(config: Step3Config) -> str:
    """Hash of every setting that a recalibration depends on, besides its base model."""
    text = dump_numbers(
        {
            "recalibration": config.recalibration.content_hash(),
            "calibration": config.models.calibration.content_hash(),
        }
    )
    return payload_sha256(text)[:16]
