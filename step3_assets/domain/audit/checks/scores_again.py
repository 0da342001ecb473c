"""Scores and gate decisions, computed again from the stored models' numbers.

Belongs here: the arithmetic from a head's raw prediction to a decision, in its simplest form. Does
not belong here: the code that scores (:mod:`step3_assets.domain.decisions`), none of which is used;
the heads themselves, whose raw predictions are taken from their stored text.

Scoring again (:mod:`step3_assets.domain.audit.checks.time_travel`) shows that a score uses nothing
of the future, but not that it is right: a slope that was doubled is doubled again.
"""

from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import GateConfig
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, name_rows, verdict_of
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import month_label
from step3_assets.domain.models.heads import predict_heads, quantile_heads
from step3_assets.domain.models.text_format import load_numbers, read_payloads

RELATIVE, ABSOLUTE = 1e-9, 1e-12
LEAST_P = 1e-12
"""Probabilities are kept this far off 0 and 1 where a logarithm is taken."""


def check_scores_again(inputs: AuditInputs) -> Evidence:
    """Check calibrated probabilities, expected values, quantiles and gate of sampled months."""
    faults, n_scores, n_gated = [], 0, 0
    for month in inputs.sampled:
        stored = inputs.scores[inputs.scores["month"] == month]
        payloads = read_payloads(inputs.models[inputs.models["month"] == month])
        if stored.empty:
            continue
        rows = stored.merge(inputs.events, on=EVENT_KEY, how="left", suffixes=("", "_of_event"))
        n_scores, n_gated = n_scores + len(rows), n_gated + int(rows["is_gated"].sum())
        found = _faults(rows, payloads, inputs.config_of(month).gate)
        faults += [
            f"{month_label(month)}: {np.sum(mask)} score(s) {what} ({name_rows(rows[mask], 1)})"
            for what, mask in found.items()
            if np.any(mask)
        ]
    return verdict_of(
        faults,
        f"{n_scores:,} scores computed again from the numbers of the stored models: calibrated "
        f"probability, both expected values and their blend, quantiles in order; {n_gated:,} of "
        "them exceed their threshold and no other does.",
    )


def _faults(
    rows: pd.DataFrame, payloads: dict[str, str], gate: GateConfig
) -> dict[str, np.ndarray]:
    column = {
        name: rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in (
            "p_calibrated", "ev_struct", "ev_ml", "ev_final", "q10", "q50", "q90",
            "a_tp", "b_sl", "u_atr", "cost_rt", "tp_to_cost", "ev_threshold",
        )
    }  # fmt: skip
    is_night = rows["entry_overnight"].to_numpy() > 0
    faults = {}
    if payloads:
        faults = _forecast_faults(rows, payloads, column, is_night)
    factor = np.where(is_night, max(1.0, gate.overnight_multiplier), 1.0)
    threshold = gate.k * column["cost_rt"] * factor
    passes = (column["ev_final"] > threshold) & (column["tp_to_cost"] >= gate.phi)
    if gate.q10_floor is not None:
        passes &= column["q10"] >= gate.q10_floor
    is_gated = rows["is_gated"].to_numpy(dtype=bool)
    return {
        **faults,
        "let through that the gate refuses": is_gated & ~passes,
        "refused that the gate lets through": ~is_gated & passes,
        "with a size though refused": ~is_gated & (rows["size_frac"].to_numpy() > 0),
    }


def _forecast_faults(
    rows: pd.DataFrame,
    payloads: dict[str, str],
    column: dict[str, np.ndarray],
    is_night: np.ndarray,
) -> dict[str, np.ndarray]:
    heads = predict_heads(payloads, rows)
    blend, payoff, calibrator = (
        load_numbers(payloads[name]) for name in ("blend", "payoff", "calibrator")
    )
    scale, cost, night = column["u_atr"], column["cost_rt"], is_night.astype(int)
    p = _calibrated(calibrator, heads.p_raw)
    gain, loss = (np.asarray(payoff[name], dtype=np.float64)[night] for name in ("gain", "loss"))
    ev_struct = p * gain * column["a_tp"] - (1.0 - p) * loss * column["b_sl"] - cost
    centre = blend["mean_centre"]
    level = blend.get("mean_level", centre)
    ev_ml = scale * (level + blend["mean_slope"] * (heads.mean_scaled - centre)) - cost
    ev_final = blend["w_struct"] * ev_struct + blend["w_mean"] * ev_ml
    levels = np.sort([heads.of(head) for head in quantile_heads()], axis=0) * scale - cost
    return {
        "with another calibrated probability": _differ(column["p_calibrated"], p),
        "with another ev_struct": _differ(column["ev_struct"], ev_struct),
        "with another ev_ml": _differ(column["ev_ml"], ev_ml),
        "with another ev_final": _differ(column["ev_final"], ev_final),
        "with other quantiles, or crossed ones": np.any(
            [_differ(column[n], q) for n, q in zip(("q10", "q50", "q90"), levels, strict=True)],
            axis=0,
        ),
    }


def _calibrated(numbers: dict[str, Any], p: np.ndarray) -> np.ndarray:
    """A calibrator applied, written out for each kind."""
    kind, share = numbers["kind"], float(numbers.get("share", 1.0))
    log_won = np.log(np.maximum(p, LEAST_P))
    log_lost = np.log(np.maximum(1.0 - p, LEAST_P))
    if kind == "identity":
        whole = p
    elif kind == "platt":
        whole = _logistic(numbers["intercept"] + numbers["slope"] * (log_won - log_lost))
    elif kind == "beta":
        whole = _logistic(numbers["intercept"] + numbers["a"] * log_won - numbers["b"] * log_lost)
    elif kind == "base_rate":
        whole = np.full(len(p), float(numbers["rate"]))
    else:
        whole = np.interp(p, numbers["x"], numbers["y"])
    if share == 1.0:
        return whole
    odds = np.log(np.maximum(whole, LEAST_P)) - np.log(np.maximum(1.0 - whole, LEAST_P))
    return _logistic((1.0 - share) * (log_won - log_lost) + share * odds)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def _differ(stored: np.ndarray, again: np.ndarray) -> np.ndarray:
    return ~np.isclose(stored, again, rtol=RELATIVE, atol=ABSOLUTE)


CHECKS = (
    AuditCheck(
        name="scores_computed_again",
        position=130,
        does="computed a second time from the heads' raw predictions and the stored "
        "numbers: calibrated probability, both expected values, their blend, "
        "quantiles in order, and every decision of the gate",
        planted="the mean slope doubled; crossed quantiles; a stretched probability; a gate "
        "that is looser than its settings, or stricter",
        run=check_scores_again,
    ),
)
