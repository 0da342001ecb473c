"""The steps of one test month: from the rows that a step reads to the rows of its tables.

Belongs here: one function per step. The asset graph and the pipeline without Dagster both call it,
in this process or another. Does not belong here: selecting the input rows, storing the results.

Every function returns a mapping of table name to that month's rows.
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from step3_assets.config import FoldConfig, ModelConfig, Step3Config
from step3_assets.domain.folds.build import Fold, FoldRows, build_fold

Tables = Mapping[str, pd.DataFrame]


def fold_step(events: pd.DataFrame, bars: pd.DataFrame, month: date, config: FoldConfig) -> Tables:
    """Cut the fold: see :func:`step3_assets.domain.folds.build.build_fold`."""
    fold = build_fold(events, bars, month, config)
    return {"folds": fold.manifest, "fold_members": fold.members}


def training_step(data: FoldRows, config: ModelConfig) -> Tables:
    """Fit and calibrate: see :func:`step3_assets.domain.models.training.train_fold`."""
    from step3_assets.domain.models.training import train_fold

    trained = train_fold(data, config)
    return {
        "calibrated_models": trained.models,
        "model_metrics": trained.metrics,
        "reliability_bins": trained.reliability,
    }


def scoring_step(
    models: pd.DataFrame,
    events: pd.DataFrame,
    month: date,
    config: Step3Config,
) -> Tables:
    """Score, gate and size: see :func:`step3_assets.domain.decisions.scoring.score_fold`."""
    from step3_assets.domain.decisions.decide import DecisionSettings
    from step3_assets.domain.decisions.scoring import score_fold

    settings = DecisionSettings.of(config)
    return {"scores": score_fold(models, events, month, config.models, settings)}


def mock_step(events: pd.DataFrame, fold: Fold, config: ModelConfig, size_frac: float) -> Tables:
    """Run the mock ML: see :func:`step3_assets.domain.models.mock_baseline.mock_baseline_fold`."""
    from step3_assets.domain.models.mock_baseline import mock_baseline_fold

    return {"mock_baseline": mock_baseline_fold(events, fold, config, size_frac)}


def backtest_step(
    scores: pd.DataFrame,
    events: pd.DataFrame,
    bars: pd.DataFrame,
    month: date,
    config: Step3Config,
    base_rate: float | None,
) -> Tables:
    """Trade the month, starting without positions.

    See :func:`step3_assets.domain.portfolio.fold_backtest.backtest_fold`.

    Raises
    ------
    ValueError
        If the ledger does not reconcile with its marks and fills.
    """
    from step3_assets.domain.execution.reconcile import reconcile
    from step3_assets.domain.portfolio.fold_backtest import backtest_fold

    result = backtest_fold(scores, events, bars, month, config, base_rate=base_rate)
    problems = reconcile(result.ledger, config.execution, bars)
    if problems:
        raise ValueError(f"the ledger does not reconcile: {problems[0]}")
    return {"fold_backtests": result.summary, "fold_trades": result.trades}


def base_rates(model_metrics: pd.DataFrame) -> dict[date, float]:
    """Share of winners among each fold's training labels, as training measured it."""
    rows = model_metrics[
        (model_metrics["head"] == "base_rate") & (model_metrics["metric"] == "p_mean")
    ]
    return dict(zip(rows["month"], rows["value"], strict=True))
