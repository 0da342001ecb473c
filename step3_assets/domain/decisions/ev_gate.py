"""The gate: which events pass, by their expected value, and the reason for each.

Belongs here: thresholds and reasons. Does not belong here: expected values; or sizes, positions and
risk, which come after the gate.
"""

import numpy as np
import pandas as pd

from step3_assets.config import GateConfig


def pass_gate(
    events: pd.DataFrame, ev_final: np.ndarray, q10: np.ndarray, config: GateConfig
) -> pd.DataFrame:
    """Gate each event on what is known at its decision.

    Parameters
    ----------
    events : DataFrame, n rows
        With ``cost_rt``, ``tp_to_cost``, ``entry_overnight``.
    ev_final, q10 : ndarray, shape (n,)
        Log return; NaN where there is no score, which never passes.
    config : GateConfig

    Returns
    -------
    DataFrame
        ``ev_threshold`` (log return), ``is_gated`` and ``gate_reason``, the first that applies:

        ``no_model``
            there is no score;
        ``tp_to_cost_below_phi``
            the target is too near for its cost;
        ``ev_below_cost``
            ``ev_final`` does not exceed ``k * cost_rt``;
        ``overnight_ev_below_cost``
            it does, but by less than an overnight entry requires;
        ``q10_below_floor``
            the 10 % quantile lies below the floor;
        ``pass``
            none of these reasons applies.
    """
    cost = events["cost_rt"].to_numpy(dtype=np.float64)
    overnight = events["entry_overnight"].to_numpy() > 0
    base = config.k * cost
    threshold = np.where(overnight, base * config.overnight_multiplier, base)
    has_score = ~np.isnan(ev_final)
    # Written as "not above", so that NaN fails every comparison.
    far_enough = events["tp_to_cost"].to_numpy(dtype=np.float64) >= config.phi
    tail_ok = np.ones(len(cost), dtype=bool)
    if config.q10_floor is not None:
        tail_ok = q10 >= config.q10_floor
    reason = np.select(
        [~has_score, ~far_enough, ~(ev_final > base), ~(ev_final > threshold), ~tail_ok],
        [
            "no_model",
            "tp_to_cost_below_phi",
            "ev_below_cost",
            "overnight_ev_below_cost",
            "q10_below_floor",
        ],
        "pass",
    )
    return pd.DataFrame(
        {
            "ev_threshold": np.where(has_score, threshold, np.nan),
            "is_gated": reason == "pass",
            "gate_reason": pd.array(reason, dtype="str"),
        },
        index=events.index,
    )
