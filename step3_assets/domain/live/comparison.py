"""Does weekly recalibration help? The walk-forward's decisions with and without it.

Belongs here: deciding the scored events again with the calibrator or the models of their week, the
table ``recalibration_comparison``. Does not belong here: the recalibration itself
(:mod:`step3_assets.domain.live.recalibration`), gate, sizes and simulation, which the
platform provides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.decisions import SCORES
from step3_assets.catalogue.live import RECALIBRATION_COMPARISON
from step3_assets.config import Step3Config
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.weeks import weeks_of
from step3_assets.domain.decisions.decide import DecisionSettings, decide
from step3_assets.domain.decisions.outcomes import with_outcomes
from step3_assets.domain.decisions.scoring import FORECASTS, predict_forecasts
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.models.blend import blended_ev
from step3_assets.domain.models.calibration import calibrate
from step3_assets.domain.models.payoff import structural_ev
from step3_assets.domain.models.probability_scores import (
    brier,
    expected_calibration_error,
    log_loss,
)
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    Numbers,
    load_numbers,
    payload_sha256,
    read_payloads,
)
from step3_assets.domain.portfolio.metrics import summarise
from step3_assets.domain.portfolio.variants import Period, run_account
from step3_assets.domain.registry.entries import artefacts_hash, payload_artefacts
from step3_assets.domain.statistics.brier import brier_gain

WITHOUT, CHECKED, ALWAYS = "walk_forward", "weekly", "weekly_unchecked"
HEADS_NEEDED = ("payoff", "blend")

Calibrators = Mapping[date, Numbers]
WeekPayloads = Mapping[date, Mapping[str, str]]


@dataclass(frozen=True)
class Walked:
    """Stored results of the walk-forward for the months compared.

    Attributes
    ----------
    scores, events, bars, models : DataFrame
        Tables ``scores``, ``events``, ``bar_features`` (and the month after) and, of
        ``calibrated_models``, at least the heads ``payoff`` and ``blend``.
    base_rates : mapping of date to float
        Share of winners among each fold's training labels.
    months : sequence of date
        Consecutive.
    settings : mapping of date to Step3Config
        The configuration of each month.
    """

    scores: pd.DataFrame
    events: pd.DataFrame
    bars: pd.DataFrame
    models: pd.DataFrame
    base_rates: Mapping[date, float]
    months: Sequence[date]
    settings: Mapping[date, Step3Config]


def stored_calibrators(recalibrations: pd.DataFrame, *, checked: bool) -> dict[date, Numbers]:
    """Calibrator by week, where it is not the base model's own.

    Parameters
    ----------
    recalibrations : DataFrame
        Table of that name.
    checked : bool
        The calibrator in force; otherwise the new one, whatever its validation said.

    Raises
    ------
    ModelIntegrityError
        If a calibrator does not match its hash.
    """
    column = "in_force" if checked else "calibrator"
    found: dict[date, Numbers] = {}
    for row in recalibrations.to_dict("records"):
        text = row[column]
        if not isinstance(text, str) or (checked and not isinstance(row["in_force_week"], date)):
            continue
        if payload_sha256(text) != row[f"{column}_sha256"]:
            raise ModelIntegrityError(f"recalibrations: {column} of {row['week']} was altered")
        found[row["week"]] = load_numbers(text)
    return found


def stored_models(
    recalibrations: pd.DataFrame, weekly_models: pd.DataFrame, *, checked: bool
) -> dict[date, dict[str, str]]:
    """Every head's payload by week, where it is not the base model's own.

    Parameters
    ----------
    recalibrations, weekly_models : DataFrame
        Tables of these names.
    checked : bool
        The models in force; otherwise those trained for the week itself, which are not validated
        yet.

    Raises
    ------
    ModelIntegrityError
        If models in force are not stored, or were altered.
    """
    of_week = {week: rows for week, rows in weekly_models.groupby("week") if len(rows)}
    found: dict[date, dict[str, str]] = {}
    for row in recalibrations.to_dict("records"):
        trained = row["in_force_week"] if checked else row["week"]
        if pd.isna(trained) or (not checked and trained not in of_week):
            continue
        payloads = read_payloads(of_week.get(trained, weekly_models[:0]))
        if checked and artefacts_hash(payload_artefacts(payloads)) != row["in_force_hash"]:
            raise ModelIntegrityError(
                f"recalibrations: week {row['week']} runs on models of week {trained} that are not "
                f"those stored in weekly_models; `step3 recalibrate --from {trained} --to "
                f"{row['week']}` makes both"
            )
        found[row["week"]] = payloads
    return found


def decide_again(
    walked: Walked, calibrators: Calibrators, models: WeekPayloads | None = None
) -> pd.DataFrame:
    """Scores as they would be with the calibrators, or with the models, of their weeks.

    Parameters
    ----------
    walked : Walked
    calibrators : mapping of date to dict
        By week; a week that is not there keeps its fold's own calibrator.
    models : mapping of date to mapping of str to str, optional
        Payloads by week; a week that is not there keeps its fold's own models.

    Returns
    -------
    DataFrame
        Rows of table ``scores`` in the order of `walked`. Where a fold's own calibrator is given,
        equal to the bit to what the walk-forward stored.
    """
    parts = [_month_again(walked, month, calibrators, models or {}) for month in walked.months]
    return pd.concat(parts)[SCORES.names] if parts else walked.scores


def _month_again(
    walked: Walked, month: date, calibrators: Calibrators, models: WeekPayloads
) -> pd.DataFrame:
    scores = walked.scores[walked.scores["month"] == month]
    models_of_month = walked.models[walked.models["month"] == month]
    payloads = read_payloads(models_of_month[models_of_month["head"].isin(HEADS_NEEDED)])
    if scores.empty or not payloads:
        return scores
    rows = scores[EVENT_KEY].merge(walked.events, on=EVENT_KEY, how="left", validate="one_to_one")
    forecasts = scores[list(FORECASTS)].reset_index(drop=True)
    p = forecasts["p_calibrated"].to_numpy(dtype=np.float64).copy()
    p_raw = forecasts["p_raw"].to_numpy(dtype=np.float64)
    weeks = weeks_of(scores["decision_time_utc"]).to_numpy()
    for week in sorted(set(weeks) & set(calibrators)):
        p[weeks == week] = calibrate(calibrators[week], p_raw[weeks == week])
    ev_struct = structural_ev(load_numbers(payloads["payoff"]), p, rows)
    ev_ml = forecasts["ev_ml"].to_numpy(dtype=np.float64)
    ev_final = blended_ev(load_numbers(payloads["blend"]), ev_struct, ev_ml)
    forecasts = forecasts.assign(p_calibrated=p, ev_struct=ev_struct, ev_final=ev_final)
    for week in sorted(set(weeks) & set(models)):
        here = weeks == week
        forecasts.loc[here] = predict_forecasts(dict(models[week]), rows[here])
    ev_final = forecasts["ev_final"].to_numpy(dtype=np.float64)
    config = walked.settings[month]
    q10, q90 = (forecasts[name].to_numpy(dtype=np.float64) for name in ("q10", "q90"))
    decisions = decide(rows, ev_final, q10, q90, DecisionSettings.of(config))
    again = scores.copy()
    for frame in (forecasts, decisions.columns()):
        for name in frame.columns:
            again[name] = frame[name].to_numpy()
    return again


def compare(
    walked: Walked,
    recalibrations: pd.DataFrame,
    config: Step3Config,
    weekly_models: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Table ``recalibration_comparison``: without, with, and with everything new used unvalidated.

    Parameters
    ----------
    walked : Walked
    recalibrations : DataFrame
        Rows of that table: every week that holds a decision of the months, made by one method.
    config : Step3Config
        Of it, the account, rules, statistics and method of recalibration are used.
    weekly_models : DataFrame, optional
        Rows of that table, of those weeks and of the weeks in force in them; needed where weeks are
        retrained.

    Raises
    ------
    ModelIntegrityError
        If a calibrator or models were altered, or models in force are not stored.
    """
    period = Period(walked.months, MarkClock.from_bars(walked.bars), dict(walked.settings))
    rows = []
    for position, arm in enumerate((WITHOUT, CHECKED, ALWAYS), start=1):
        calibrators: dict[date, Numbers] = {}
        models: dict[date, dict[str, str]] = {}
        if arm != WITHOUT and config.recalibration.is_retrained:
            assert weekly_models is not None
            models = stored_models(recalibrations, weekly_models, checked=arm == CHECKED)
        elif arm != WITHOUT:
            calibrators = stored_calibrators(recalibrations, checked=arm == CHECKED)
        decided = decide_again(walked, calibrators, models)
        ledger = run_account(decided, walked.events, period, config)
        metrics = summarise(
            ledger.equity, ledger.trades, walked.months, config.execution.initial_capital_usd
        )
        rows.append(
            {
                "arm": arm,
                "position": position,
                "method": config.recalibration.method,
                "first_month": walked.months[0],
                "last_month": walked.months[-1],
                "n_weeks": len(recalibrations),
                "n_weeks_recalibrated": len(calibrators) + len(models),
                "n_gated": int(decided["is_gated"].sum()),
                **_probabilities(walked, decided, config),
                **metrics,
            }
        )
    return pd.DataFrame(rows)[RECALIBRATION_COMPARISON.names]


def _probabilities(
    walked: Walked, decided: pd.DataFrame, config: Step3Config
) -> dict[str, float | int]:
    """Quality of the probabilities on final labels, and the gain over those of the walk-forward."""
    before = walked.scores[[*EVENT_KEY, "p_calibrated"]].rename(
        columns={"p_calibrated": "p_before"}
    )
    rows = with_outcomes(decided[["month", *EVENT_KEY, "p_calibrated"]], walked.events, ["y"])
    rows = rows.merge(before, on=EVENT_KEY)
    rows = rows[rows["p_calibrated"].notna()]
    if rows.empty:
        nan = float("nan")
        names = ("brier", "brier_base", "log_loss", "ece", "brier_gain")
        names += ("brier_gain_lower", "brier_gain_upper")
        return {"n_labels": 0, **dict.fromkeys(names, nan)}
    won = rows["y"].to_numpy(dtype=np.float64)
    p, p_before = (rows[n].to_numpy(dtype=np.float64) for n in ("p_calibrated", "p_before"))
    base = rows["month"].map(walked.base_rates).to_numpy(dtype=np.float64)
    statistics = config.statistics
    gain = brier_gain(
        p,
        p_before,
        won,
        rows["decision_time_utc"].dt.floor("D").to_numpy(),
        n_lags=statistics.overlap_days,
        level=statistics.level,
    )
    return {
        "n_labels": len(rows),
        "brier": brier(won, p),
        "brier_base": brier(won, base),
        "log_loss": log_loss(won, p),
        "ece": expected_calibration_error(won, p, config.models.calibration.n_bins),
        "brier_gain": gain.gain,
        "brier_gain_lower": gain.lower,
        "brier_gain_upper": gain.upper,
    }


def covered_months(decision_weeks: Mapping[date, set[date]], made: set[date]) -> list[date]:
    """The latest unbroken stretch of months all of whose weeks were recalibrated.

    Parameters
    ----------
    decision_weeks : mapping of date to set of date
        For each scored month, the weeks that its events are decided in.
    made : set of date
        Weeks of table ``recalibrations``.
    """
    months: list[date] = []
    for month in sorted(decision_weeks, reverse=True):
        is_next = not months or month == add_months(months[0], -1)
        if decision_weeks[month] <= made and is_next:
            months.insert(0, month)
        elif months:
            break
    return months
