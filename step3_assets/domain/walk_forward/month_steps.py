"""The steps of one test month: from the rows that a step reads to the rows of its tables.

Belongs here: one function per step, with the record of its inputs. The asset graph and the pipeline
without Dagster both call it, in this process or another. Does not belong here: selecting the input
rows, storing the results.

Every step returns a mapping of table name to that month's rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from step3_assets.config import FoldConfig, ModelConfig, Step3Config
from step3_assets.domain.folds.build import Fold, FoldRows, build_fold

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class FoldInputs:
    """Inputs of :func:`fold_step`.

    Parameters
    ----------
    events, bars : DataFrame
        Rows of the look-back and the test month, or any superset.
    month : date
        The test month.
    config : FoldConfig
    """

    events: pd.DataFrame
    bars: pd.DataFrame
    month: date
    config: FoldConfig


@dataclass(frozen=True)
class TrainingInputs:
    """Inputs of :func:`training_step`."""

    rows: FoldRows
    config: ModelConfig


@dataclass(frozen=True)
class ScoringInputs:
    """Inputs of :func:`scoring_step`.

    Parameters
    ----------
    models : DataFrame
        Rows of table ``calibrated_models`` of the month.
    events : DataFrame
        Rows of table ``events`` of the month.
    month : date
        The test month.
    config : Step3Config
        The settings in force for the month.
    """

    models: pd.DataFrame
    events: pd.DataFrame
    month: date
    config: Step3Config


@dataclass(frozen=True)
class MockInputs:
    """Inputs of :func:`mock_step`.

    Parameters
    ----------
    events : DataFrame
        The fold's training and test rows, or any superset.
    fold : Fold
    config : ModelConfig
    size_frac : float
        Share of equity that a passing event asks for.
    """

    events: pd.DataFrame
    fold: Fold
    config: ModelConfig
    size_frac: float


@dataclass(frozen=True)
class BacktestInputs:
    """Inputs of :func:`backtest_step`.

    Parameters
    ----------
    scores, events : DataFrame
        Rows of tables ``scores`` and ``events`` of the month.
    bars : DataFrame
        Bars of the month and of the next one, into which trades may last.
    month : date
        The test month.
    config : Step3Config
        The settings in force for the month.
    base_rate : float, optional
        Share of winners among the fold's training labels.
    """

    scores: pd.DataFrame
    events: pd.DataFrame
    bars: pd.DataFrame
    month: date
    config: Step3Config
    base_rate: float | None


def fold_step(inputs: FoldInputs) -> Tables:
    """Cut the fold: see :func:`step3_assets.domain.folds.build.build_fold`."""
    fold = build_fold(inputs.events, inputs.bars, inputs.month, inputs.config)
    return {"folds": fold.manifest, "fold_members": fold.members}


def training_rows(inputs: FoldInputs) -> FoldRows:
    """Cut the fold and return it together with the rows that it is trained from."""
    fold = build_fold(inputs.events, inputs.bars, inputs.month, inputs.config)
    return FoldRows(fold=fold, events=inputs.events, bars=inputs.bars, config=inputs.config)


def training_step(inputs: TrainingInputs) -> Tables:
    """Fit and calibrate: see :func:`step3_assets.domain.models.training.train_fold`."""
    from step3_assets.domain.models.training import train_fold

    trained = train_fold(inputs.rows, inputs.config)
    return {
        "calibrated_models": trained.models,
        "model_metrics": trained.metrics,
        "reliability_bins": trained.reliability,
    }


def scoring_step(inputs: ScoringInputs) -> Tables:
    """Score, gate and size: see :func:`step3_assets.domain.decisions.scoring.score_fold`."""
    from step3_assets.domain.decisions.decide import DecisionSettings
    from step3_assets.domain.decisions.scoring import score_fold

    config = inputs.config
    settings = DecisionSettings.of(config)
    scores = score_fold(inputs.models, inputs.events, inputs.month, config.models, settings)
    return {"scores": scores}


def mock_step(inputs: MockInputs) -> Tables:
    """Run the mock ML: see :func:`step3_assets.domain.models.mock_baseline.mock_baseline_fold`."""
    from step3_assets.domain.models.mock_baseline import mock_baseline_fold

    decided = mock_baseline_fold(inputs.events, inputs.fold, inputs.config, inputs.size_frac)
    return {"mock_baseline": decided}


def backtest_step(inputs: BacktestInputs) -> Tables:
    """Trade the month, starting without positions.

    See :func:`step3_assets.domain.portfolio.fold_backtest.backtest_fold`.

    Raises
    ------
    ValueError
        If the ledger does not reconcile with its marks and fills.
    """
    from step3_assets.domain.execution.reconcile import reconcile
    from step3_assets.domain.portfolio.fold_backtest import backtest_fold

    result = backtest_fold(
        inputs.scores,
        inputs.events,
        inputs.bars,
        inputs.month,
        inputs.config,
        base_rate=inputs.base_rate,
    )
    problems = reconcile(result.ledger, inputs.config.execution, inputs.bars)
    if problems:
        raise ValueError(f"the ledger does not reconcile: {problems[0]}")
    return {"fold_backtests": result.summary, "fold_trades": result.trades}


def base_rates(model_metrics: pd.DataFrame) -> dict[date, float]:
    """Share of winners among each fold's training labels, as training measured it."""
    rows = model_metrics[
        (model_metrics["head"] == "base_rate") & (model_metrics["metric"] == "p_mean")
    ]
    return dict(zip(rows["month"], rows["value"], strict=True))
