"""From candidate to trade: how many candidates each stage refused, and why.

Belongs here: counting decisions. Does not belong here: deciding
(:mod:`step3_assets.domain.decisions`, :mod:`step3_assets.domain.risk`), or drawing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from step3_assets.catalogue.decisions import GATE_REASONS
from step3_assets.catalogue.portfolio import RISK_RULES, TRADE_STATUSES
from step3_assets.plugins.risk_rules import RULES

_PLAIN: Mapping[str, str] = {
    "ev_below_cost": "expected value below k × cost",
    "overnight_ev_below_cost": "overnight, expected value below the higher bar",
    "tp_to_cost_below_phi": "target too near for its cost",
    "q10_below_floor": "10% quantile below the floor",
    "no_model": "no model for the month",
    "no_paying_cut": "no threshold was profitable on the inner folds",
    "p_below_cut": "probability below its threshold",
    "ev_below_cut": "expected value below its threshold",
    "position_open": "symbol already has a position",
    "zero_size": "size too small to trade",
    "not_final": "label not final",
    "no_equity": "no equity left",
    "no_buying_power": "no cash left at the fill",
    "unrecorded": "no decision on record",
    **{rule.name: rule.loss for rule in RULES},
}


@dataclass(frozen=True)
class FunnelStep:
    """One line of the funnel.

    Parameters
    ----------
    label : str
        Text for the reader.
    n_events : int
    is_loss : bool
        Events that were refused here, as opposed to events that reached this stage.
    """

    label: str
    n_events: int
    is_loss: bool


def gate_funnel(decided: pd.DataFrame, decisions: pd.DataFrame, series: str) -> list[FunnelStep]:
    """Numbers of candidates and trades, and of what gate, size, account and risk rules refused.

    Parameters
    ----------
    decided : DataFrame
        ``scores``, or ``mock_baseline``: one row per candidate with ``is_gated`` and
        ``gate_reason``.
    decisions : DataFrame
        Table ``portfolio_decisions``.
    series : str
        The rows of ``decisions`` that belong to ``decided``.

    Returns
    -------
    list of FunnelStep
        Each stage is the stage before minus the losses between them. Events that passed the gate
        but are missing from ``decisions`` are listed as a separate loss, so that counts add up.
    """
    is_gated = decided["is_gated"].astype(bool)
    refused = decided.loc[~is_gated, "gate_reason"].value_counts()
    status = decisions.loc[decisions["series"] == series, "status"].value_counts()
    n_traded = int(status.get("traded", 0))
    lost = status.drop("traded", errors="ignore")
    unrecorded = int(is_gated.sum()) - int(status.sum())
    if unrecorded > 0:
        lost = pd.concat([lost, pd.Series({"unrecorded": unrecorded})])
    n_gated = int(is_gated.sum())
    unsized, refused_by_rule, unfilled = (
        lost[lost.index.isin(names)]
        for names in (("zero_size", "not_final"), RISK_RULES, ("no_buying_power",))
    )
    blocked = lost.drop([*unsized.index, *refused_by_rule.index, *unfilled.index])
    n_sized = n_gated - int(unsized.sum())
    return [
        FunnelStep("Candidates", len(decided), False),
        *_losses(refused, GATE_REASONS),
        FunnelStep("Passed the gate", n_gated, False),
        *_losses(unsized, TRADE_STATUSES),
        FunnelStep("Sized", n_sized, False),
        *_losses(blocked, TRADE_STATUSES),
        FunnelStep("Reached the risk rules", n_sized - int(blocked.sum()), False),
        *_losses(refused_by_rule, TRADE_STATUSES),
        *_losses(unfilled, TRADE_STATUSES),
        FunnelStep("Traded", n_traded, False),
    ]


def _losses(counts: pd.Series, order: tuple[str, ...]) -> list[FunnelStep]:
    known = [r for r in order if r in counts.index]
    names = [*known, *sorted(set(counts.index) - set(known))]
    return [FunnelStep(_PLAIN.get(name, str(name)), int(counts[name]), True) for name in names]
