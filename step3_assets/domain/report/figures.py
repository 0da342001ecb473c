"""The report's figures, each usable alone.

Belongs here: the list of figures and which tables each is drawn from. Does not belong here: the
drawing (:mod:`~step3_assets.domain.report.money_figures`,
:mod:`~step3_assets.domain.report.score_figures`,
:mod:`~step3_assets.domain.report.drift_figures`,
:mod:`~step3_assets.domain.report.importance_figures`).
"""

from typing import TypedDict

from step3_assets.domain.report.drift_figures import outcomes_figure, psi_figure
from step3_assets.domain.report.importance_figures import importance_figure
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.money_figures import (
    drawdown_figure,
    equity_figure,
    monthly_pnl_figure,
)
from step3_assets.domain.report.score_figures import (
    drop_reasons_figure,
    ev_calibration_figure,
    gate_funnel_figure,
    reliability_figure,
)

__all__ = [
    "FIGURE_FOLDER",
    "draw_figures",
    "drawdown_figure",
    "drop_reasons_figure",
    "equity_figure",
    "ev_calibration_figure",
    "gate_funnel_figure",
    "importance_figure",
    "monthly_pnl_figure",
    "outcomes_figure",
    "psi_figure",
    "reliability_figure",
]

FIGURE_FOLDER = "figures"


class Look(TypedDict):
    """What every figure is told."""

    is_synthetic: bool
    small: bool


def draw_figures(inputs: ReportInputs, *, small: bool = False) -> dict[str, bytes]:
    """Every figure of the page as PNG, by file name.

    Parameters
    ----------
    inputs : ReportInputs
    small : bool
        Phone size, at most 25 kB each.
    """
    look = Look(is_synthetic=inputs.is_synthetic, small=small)
    outcomes, limits = inputs.events_outcomes, inputs.config.acceptance
    return {
        "equity.png": equity_figure(inputs.portfolio_equity, inputs.portfolio_months, **look),
        "drawdown.png": drawdown_figure(
            inputs.portfolio_equity, max_drawdown_frac=limits.max_drawdown_frac, **look
        ),
        "monthly_pnl.png": monthly_pnl_figure(inputs.portfolio_months, **look),
        "reliability.png": reliability_figure(
            inputs.reliability_bins, inputs.scores, outcomes, **look
        ),
        "ev_calibration.png": ev_calibration_figure(inputs.scores, outcomes, **look),
        "gate_funnel.png": gate_funnel_figure(inputs.scores, inputs.portfolio_decisions, **look),
        "drop_reasons.png": drop_reasons_figure(inputs.folds, **look),
        "importances.png": importance_figure(inputs.importances, **look),
        "drift_features.png": psi_figure(inputs.drift, **look),
        "drift_outcomes.png": outcomes_figure(inputs.drift, **look),
    }
