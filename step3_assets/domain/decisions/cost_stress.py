"""Cost stress: the same decisions made again under higher costs.

Belongs here: the effect of higher costs on expected values and on events. Does not belong here: the
gate (:mod:`step3_assets.domain.decisions.ev_gate`), the simulation of the trades, the verdict.
"""

import numpy as np
import pandas as pd

from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.decisions.decide import DecisionSettings, decide
from step3_assets.plugins.sizing_methods import METHOD_OF

_NET = ("ev_struct", "ev_ml", "ev_final", "q10", "q50", "q90")


def stress_scores(
    scores: pd.DataFrame,
    events: pd.DataFrame,
    factor: float,
    settings: DecisionSettings,
) -> pd.DataFrame:
    """Decide again under costs times `factor`.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    events : DataFrame
        ``symbol``, ``decision_time_utc``, ``cost_rt``, ``tp_to_cost``, ``entry_overnight`` of
        table ``events``, with the modelled costs; ``sigma`` too if sizes are computed again.
    factor : float
        At least 1.
    settings : DecisionSettings
        The settings that `scores` was decided with. A size that is not constant is computed again
        from the lower expected value.

    Returns
    -------
    DataFrame
        `scores` with the expected values and quantiles of the net return lowered by the extra
        cost, and ``ev_threshold``, ``is_gated``, ``gate_reason``, ``size_frac`` decided again. A
        row that was refused before stays refused.

    Raises
    ------
    ValueError
        If `factor` is below 1, or a scored row has no event.

    Notes
    -----
    An expected net return falls by exactly the extra cost, so ``ev_final`` falls by it for any
    blend weights. Models are not fitted again on labels with higher costs: they rank events as they
    did under the modelled costs.
    """
    if not factor >= 1.0:
        raise ValueError(f"cost stress: factor {factor} is below 1")
    is_resized = not METHOD_OF[settings.sizing.method].is_constant
    known = scores[EVENT_KEY].merge(
        events[
            [
                *EVENT_KEY,
                "cost_rt",
                "tp_to_cost",
                "entry_overnight",
                *(["sigma"] if is_resized else []),
            ]
        ],
        on=EVENT_KEY,
        how="left",
        validate="many_to_one",
    )
    n_lost = int(known["cost_rt"].isna().sum())
    if n_lost:
        raise ValueError(f"cost stress: {n_lost} scored row(s) have no event")
    extra = (factor - 1.0) * known["cost_rt"].to_numpy()
    out = scores.assign(**{name: scores[name].to_numpy(dtype="float64") - extra for name in _NET})
    ev_final, q10, q90 = (out[name].to_numpy() for name in ("ev_final", "q10", "q90"))
    again = decide(stress_events(known, factor), ev_final, q10, q90, settings)
    was_gated = scores["is_gated"].to_numpy(dtype=bool)
    is_gated = again.is_gated & was_gated
    size = scores["size_frac"].to_numpy(dtype="float64")
    if is_resized:
        size, inputs = again.sizes.size_frac, again.sizes.inputs_frame(out.index)
        out = out.assign(**{str(name): inputs[name] for name in inputs})
    is_kept = again.is_gated & ~was_gated
    return out.assign(
        ev_threshold=again.gate["ev_threshold"].to_numpy(),
        is_gated=is_gated,
        gate_reason=np.where(is_kept, scores["gate_reason"], again.gate["gate_reason"]),
        size_frac=np.where(is_gated, size, 0.0),
    )


def stress_events(events: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Events whose round trip costs `factor` times as much, as input of gate and simulator."""
    return events.assign(
        cost_rt=events["cost_rt"] * factor, tp_to_cost=events["tp_to_cost"] / factor
    )
