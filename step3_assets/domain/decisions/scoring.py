"""Scoring a test month: from stored text to a decision for every event.

Belongs here: predictions from the stored models, expected values, calling the gate, and checking
stored models. Does not belong here: training, positions, risk.

An event's score depends only on the stored models and on the event's columns known at the decision,
so it is the same to the bit alone or in a batch, live or in a replay.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.decisions import SCORES
from step3_assets.config import ModelConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.decisions.decide import DecisionSettings, decide
from step3_assets.domain.models.blend import MeanCalibration, blended_ev, mean_ev
from step3_assets.domain.models.calibration import calibrate
from step3_assets.domain.models.heads import predict_heads, stored_features_hash
from step3_assets.domain.models.linear import ELASTICNET, LOGISTIC, RIDGE
from step3_assets.domain.models.payoff import structural_ev
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    load_numbers,
    read_payloads,
)

FORECASTS = (
    "p_raw",
    "p_calibrated",
    "p_logistic",
    "q10",
    "q50",
    "q90",
    "ridge",
    "elasticnet",
    "ev_struct",
    "ev_ml",
    "ev_final",
)


def score_fold(
    models: pd.DataFrame,
    test_events: pd.DataFrame,
    month: date,
    model_config: ModelConfig,
    settings: DecisionSettings,
) -> pd.DataFrame:
    """Score, gate and size every event of the test month, also those without a final label.

    Parameters
    ----------
    models : DataFrame
        Rows of table ``calibrated_models`` of the fold; empty if it could not be trained.
    test_events : DataFrame
        Rows of table ``events``; those of other months are ignored, and no outcome is read.
    month : date
        The test month.
    model_config : ModelConfig
        What the models were trained with.
    settings : DecisionSettings
        Settings of gate and size.

    Returns
    -------
    DataFrame
        Rows of table ``scores`` in the order of symbol and decision time. Known at each event's
        decision. Without models every forecast is NaN and the reason ``no_model``.

    Raises
    ------
    ModelIntegrityError
        If a stored model was altered, is missing, or was trained with another configuration.
    """
    rows = test_events[test_events["month"] == month]
    rows = rows.sort_values(EVENT_KEY, kind="stable", ignore_index=True)
    forecasts = pd.DataFrame(np.nan, index=rows.index, columns=list(FORECASTS))
    payloads = read_payloads(models)
    if payloads:
        _refuse_other_settings(models, payloads, model_config)
        if len(rows):
            forecasts = predict_forecasts(payloads, rows)
    ev_final, q10, q90 = (
        forecasts[name].to_numpy(dtype=np.float64) for name in ("ev_final", "q10", "q90")
    )
    decisions = decide(rows, ev_final, q10, q90, settings).columns()
    scores = pd.concat([rows[EVENT_KEY], forecasts, decisions], axis=1)
    scores["month"] = pd.Series([month] * len(rows), index=rows.index, dtype=object)
    return scores[SCORES.names]


def predict_forecasts(payloads: dict[str, str], events: pd.DataFrame) -> pd.DataFrame:
    """Probabilities, quantiles and expected values of events from stored payloads.

    Parameters
    ----------
    payloads : dict of str to str
        Checked payload of each head.
    events : DataFrame, n rows

    Returns
    -------
    DataFrame, n rows
        Columns :data:`FORECASTS`: probabilities, the others log returns.
    """
    from threadpoolctl import threadpool_limits

    missing = {"calibrator", "payoff", "blend"} - set(payloads)
    if missing:
        raise ModelIntegrityError(f"heads missing: {', '.join(sorted(missing))}")
    with threadpool_limits(limits=1):
        heads = predict_heads(payloads, events)
    blend = load_numbers(payloads["blend"])
    p = calibrate(load_numbers(payloads["calibrator"]), heads.p_raw)
    ev_struct = structural_ev(load_numbers(payloads["payoff"]), p, events)
    ev_ml = mean_ev(heads.mean_scaled, MeanCalibration.of_numbers(blend), events)
    return pd.DataFrame(
        {
            "p_raw": heads.p_raw,
            "p_calibrated": p,
            "p_logistic": heads.of(LOGISTIC),
            "q10": heads.quantiles[:, 0],
            "q50": heads.quantiles[:, 1],
            "q90": heads.quantiles[:, 2],
            "ridge": heads.of(RIDGE),
            "elasticnet": heads.of(ELASTICNET),
            "ev_struct": ev_struct,
            "ev_ml": ev_ml,
            "ev_final": blended_ev(blend, ev_struct, ev_ml),
        },
        index=events.index,
    )[list(FORECASTS)]


def model_problems(models: pd.DataFrame, folds: pd.DataFrame) -> list[str]:
    """Every problem of stored models: altered text, missing heads, rows of another fold.

    Parameters
    ----------
    models, folds : DataFrame
        One or more months of ``calibrated_models`` and ``folds``.
    """
    problems = []
    members = folds.groupby("month")["members_hash"].agg(set)
    for month, rows in models.groupby("month"):
        try:
            payloads = read_payloads(rows)
            stored = stored_features_hash(payloads)
        except (ModelIntegrityError, KeyError) as error:
            problems.append(f"calibrated_models: {error}")
            continue
        if set(rows["features_hash"]) != {stored}:
            problems.append(f"calibrated_models: {month:%Y-%m} has another feature list")
        if month not in members.index or set(rows["members_hash"]) != members[month]:
            problems.append(f"calibrated_models: {month:%Y-%m} was trained on another fold")
    return problems


def _refuse_other_settings(
    models: pd.DataFrame, payloads: dict[str, str], config: ModelConfig
) -> None:
    if set(models["config_hash"]) != {config.content_hash()}:
        raise ModelIntegrityError(
            "the models were trained with another configuration: train the month again"
        )
    if set(models["features_hash"]) != {stored_features_hash(payloads)}:
        raise ModelIntegrityError("the stored feature list does not match its recorded hash")
