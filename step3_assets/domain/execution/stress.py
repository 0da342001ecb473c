"""Cost stress: the same decisions taken again as if trading cost more.

Belongs here: what higher costs do to expected values, to the gate and to the events. Does not
belong here: the gate's own figures, the simulation of what is left, the verdict.
"""

import numpy as np
import pandas as pd

from step3_assets.config import GateConfig

_KEY = ["symbol", "decision_time_utc"]


def stress_scores(
    scores: pd.DataFrame, events: pd.DataFrame, factor: float, gate_config: GateConfig
) -> pd.DataFrame:
    """Decide again under costs times `factor`.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    events : DataFrame
        ``symbol``, ``decision_time_utc``, ``cost_rt``, ``tp_to_cost``, ``entry_overnight`` of
        table ``events``, unstressed.
    factor : float
        At least 1.
    gate_config : GateConfig
        The gate that made `scores`.

    Returns
    -------
    DataFrame
        `scores` with ``ev_struct``, ``ev_ml``, ``ev_final`` and the quantiles lowered by the extra
        cost, and ``ev_threshold``, ``is_gated``, ``gate_reason``, ``size_frac`` decided again. Rows
        that had no model stay refused; a row that was refused is never let through.

    Raises
    ------
    ValueError
        If `factor` is below 1, or a scored row has no event.

    Notes
    -----
    An expected net return falls by exactly the extra cost, so ``ev_final`` falls by it whatever
    the blend weights are. Models are not fitted again on dearer labels: their ranking of events is
    that of the costs they were trained on.
    """
    if not factor >= 1.0:
        raise ValueError(f"cost stress: factor {factor} is below 1")
    known = scores[_KEY].merge(
        events[[*_KEY, "cost_rt", "tp_to_cost", "entry_overnight"]],
        on=_KEY,
        how="left",
        validate="many_to_one",
    )
    if known["cost_rt"].isna().any():
        raise ValueError(
            f"cost stress: {int(known['cost_rt'].isna().sum())} scored row(s) have no event"
        )
    extra = (factor - 1.0) * known["cost_rt"].to_numpy()
    out = scores.copy()
    for name in ("ev_struct", "ev_ml", "ev_final", "q10", "q50", "q90"):
        out[name] = scores[name].to_numpy(dtype="float64") - extra
    is_night = known["entry_overnight"].to_numpy().astype(bool)
    threshold = factor * known["cost_rt"].to_numpy() * gate_config.k
    threshold = np.where(is_night, threshold * gate_config.overnight_multiplier, threshold)
    out["ev_threshold"] = np.where(scores["ev_threshold"].isna(), np.nan, threshold)
    reason = _reasons(out, known["tp_to_cost"].to_numpy() / factor, is_night, gate_config)
    had_no_model = (scores["gate_reason"] == "no_model").to_numpy()
    reason[had_no_model] = "no_model"
    was_refused = ~scores["is_gated"].to_numpy().astype(bool)
    reason = np.where(was_refused & (reason == "pass"), scores["gate_reason"], reason)
    out["gate_reason"] = reason
    out["is_gated"] = reason == "pass"
    out["size_frac"] = np.where(out["is_gated"], scores["size_frac"], 0.0)
    return out


def _reasons(
    scores: pd.DataFrame, tp_to_cost: np.ndarray, is_night: np.ndarray, config: GateConfig
) -> np.ndarray:
    """The gate's answer for each row, by the gate's own words."""
    is_short = ~(scores["ev_final"] > scores["ev_threshold"]).to_numpy()
    reason = np.full(len(scores), "pass", dtype=object)
    if config.q10_floor is not None:
        reason[~(scores["q10"] >= config.q10_floor).to_numpy()] = "q10_below_floor"
    reason[is_short] = np.where(is_night, "overnight_ev_below_cost", "ev_below_cost")[is_short]
    reason[~(tp_to_cost >= config.phi)] = "tp_to_cost_below_phi"
    return reason


def stress_events(events: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Events whose round trip costs `factor` times as much, as the simulator charges it."""
    return events.assign(cost_rt=events["cost_rt"] * factor)
