"""Does recalibrating weekly help? The walk-forward's decisions beside those under its calibrators.

Belongs here: deciding scored events again under the calibrator of their week, the table
``recalibration_comparison``. Does not belong here: the recalibration itself
(:mod:`step3_assets.domain.live.recalibration`), gate, sizes and simulation, which are the
platform's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.calibration_metrics import brier, expected_calibration_error, log_loss
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.gate import decide
from step3_assets.domain.live.weeks import weeks_of
from step3_assets.domain.metrics import summarise
from step3_assets.domain.models.blend import blended_ev
from step3_assets.domain.models.calibration import Numbers, calibrate
from step3_assets.domain.models.payoff import structural_ev
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    load_numbers,
    payload_sha256,
    read_payloads,
)
from step3_assets.domain.months import add_months
from step3_assets.domain.sizing import size_positions
from step3_assets.domain.statistics.brier import brier_gain
from step3_assets.domain.variants import Period, run_account
from step3_assets.schemas import RECALIBRATION_COMPARISON, SCORES

KEY = ["symbol", "decision_time_utc"]
WITHOUT, CHECKED, ALWAYS = "walk_forward", "weekly", "weekly_unchecked"
HEADS_NEEDED = ("payoff", "blend")

Calibrators = Mapping[date, Numbers]


@dataclass(frozen=True)
class Walked:
    """What the walk-forward left of the months compared.

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
        The calibrator in force; otherwise the new one, whatever its check said.

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


def decide_again(walked: Walked, calibrators: Calibrators) -> pd.DataFrame:
    """Scores as they would be under the calibrators of their weeks.

    Parameters
    ----------
    walked : Walked
    calibrators : mapping of date to dict
        By week; a week that is not there keeps its fold's own calibrator.

    Returns
    -------
    DataFrame
        Rows of table ``scores`` in the order of `walked`. Where a fold's own calibrator is given,
        equal to the bit to what the walk-forward stored.
    """
    parts = [_month_again(walked, month, calibrators) for month in walked.months]
    return pd.concat(parts)[SCORES.names] if parts else walked.scores


def _month_again(walked: Walked, month: date, calibrators: Calibrators) -> pd.DataFrame:
    scores = walked.scores[walked.scores["month"] == month]
    mine = walked.models[walked.models["month"] == month]
    payloads = read_payloads(mine[mine["head"].isin(HEADS_NEEDED)])
    if scores.empty or not payloads:
        return scores
    rows = scores[KEY].merge(walked.events, on=KEY, how="left", validate="one_to_one")
    p_raw = scores["p_raw"].to_numpy(dtype=np.float64)
    p = scores["p_calibrated"].to_numpy(dtype=np.float64).copy()
    weeks = weeks_of(scores["decision_time_utc"]).to_numpy()
    for week in sorted(set(weeks) & set(calibrators)):
        p[weeks == week] = calibrate(calibrators[week], p_raw[weeks == week])
    ev_struct = structural_ev(load_numbers(payloads["payoff"]), p, rows)
    ev_ml = scores["ev_ml"].to_numpy(dtype=np.float64)
    ev_final = blended_ev(load_numbers(payloads["blend"]), ev_struct, ev_ml)
    config = walked.settings[month]
    q10, q90 = (scores[name].to_numpy(dtype=np.float64) for name in ("q10", "q90"))
    decisions = decide(rows, ev_final, q10, config.gate)
    most = config.execution.size_frac
    sizes = size_positions(rows, ev_final, q10, q90, config.sizing, most)
    again = scores.assign(p_calibrated=p, ev_struct=ev_struct, ev_final=ev_final)
    for frame in (decisions, sizes.inputs_frame(rows.index)):
        for name in frame.columns:
            again[name] = frame[name].to_numpy()
    again["size_frac"] = np.where(decisions["is_gated"], sizes.size_frac, 0.0)
    return again


def compare(walked: Walked, recalibrations: pd.DataFrame, config: Step3Config) -> pd.DataFrame:
    """Table ``recalibration_comparison``: without, with, and with every new calibrator used.

    Parameters
    ----------
    walked : Walked
    recalibrations : DataFrame
        Table of that name; holds every week of the months.
    config : Step3Config
        Its account, rules and statistics count.
    """
    period = Period(walked.months, MarkClock.from_bars(walked.bars), dict(walked.settings))
    inside = recalibrations["week"].isin(set(weeks_of(walked.scores["decision_time_utc"])))
    weeks = recalibrations[inside]
    in_force = stored_calibrators(weeks, checked=True)
    always = stored_calibrators(weeks, checked=False)
    arms: list[tuple[str, dict[date, Numbers]]] = [
        (WITHOUT, {}),
        (CHECKED, in_force),
        (ALWAYS, always),
    ]
    rows = []
    for position, (arm, calibrators) in enumerate(arms, start=1):
        decided = decide_again(walked, calibrators)
        ledger = run_account(decided, walked.events, period, config)
        figures = summarise(
            ledger.equity, ledger.trades, walked.months, config.execution.initial_capital_usd
        )
        rows.append(
            {
                "arm": arm,
                "position": position,
                "first_month": walked.months[0],
                "last_month": walked.months[-1],
                "n_weeks": len(weeks),
                "n_weeks_recalibrated": len(calibrators),
                "n_gated": int(decided["is_gated"].sum()),
                **_probabilities(walked, decided, config),
                **figures,
            }
        )
    return pd.DataFrame(rows)[RECALIBRATION_COMPARISON.names]


def _probabilities(
    walked: Walked, decided: pd.DataFrame, config: Step3Config
) -> dict[str, float | int]:
    """How good the probabilities are on final labels, and the gain over the walk-forward's own."""
    final = walked.events.loc[walked.events["maturity"] == "final", [*KEY, "y"]]
    before = walked.scores[[*KEY, "p_calibrated"]].rename(columns={"p_calibrated": "p_before"})
    rows = decided[["month", *KEY, "p_calibrated"]].merge(final, on=KEY).merge(before, on=KEY)
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
