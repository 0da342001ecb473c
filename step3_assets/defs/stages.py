"""What each asset's work is called while it runs, and how long it takes beside the others.

Belongs here: the words of progress and the shares of a run's time. Does not belong here: showing
them (:mod:`step3_assets.cli.progress`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One asset's work.

    Parameters
    ----------
    label : str
        What is done, for a person.
    unit_s : float
        Seconds a partition, or of the whole where there are none, as the demo takes on two quiet
        cores. Only the ratios matter: they divide the overall bar.
    is_whole : bool
        It has no partitions.
    """

    label: str
    unit_s: float
    is_whole: bool = False


STAGES = {
    "bar_features": Stage("storing bars", 0.03),
    "events": Stage("storing events", 0.04),
    "folds": Stage("cutting folds", 0.2),
    "calibrated_models": Stage("training models", 2.6),
    "mock_baseline": Stage("training the mock baseline", 0.1),
    "scores": Stage("scoring candidates", 0.05),
    "fold_backtests": Stage("backtesting months", 0.08),
    "drift": Stage("watching for drift", 1.5, is_whole=True),
    "importances": Stage("explaining models", 2.0, is_whole=True),
    "portfolio": Stage("simulating the portfolio", 3.0, is_whole=True),
    "audit": Stage("auditing for leakage", 12.0, is_whole=True),
    "statistics": Stage("measuring chance", 1.5, is_whole=True),
    "acceptance": Stage("evaluating the criteria", 3.0, is_whole=True),
    "model_registry": Stage("registering models", 0.6, is_whole=True),
    "step3_report": Stage("writing the report", 8.0, is_whole=True),
}


def stage_label(asset: str) -> str:
    """What an asset's work is called."""
    return STAGES[asset].label
