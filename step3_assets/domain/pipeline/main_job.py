"""The main job without an orchestrator: the same domain functions in a plain loop.

Belongs here: the steps of the asset graph on one delivery in memory, for certification on synthetic
worlds and to measure the cost of orchestration. Does not belong here: storage, partitions, the
leakage audit, or any step that the graph does not have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.verdict import judge, result_criteria, verdict
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.parallel import results_in_order
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.portfolio.allocation import history_months
from step3_assets.domain.portfolio.series import MOCK, PLATFORM, PortfolioResult, run_portfolio
from step3_assets.domain.portfolio.variants import Period
from step3_assets.domain.statistics.table import statistics_table
from step3_assets.domain.statistics.trials import Trials
from step3_assets.domain.walk_forward import month_steps as steps


@dataclass(frozen=True)
class PipelineInputs:
    """The inputs of the main job.

    Parameters
    ----------
    events, bars : DataFrame
        Canonical tables ``events`` and ``bar_features`` of a whole delivery.
    months : sequence of date
        Consecutive test months.
    config : Step3Config
    published_baseline : mapping, optional
        The published baseline from the delivery.
    settings : mapping of date to Step3Config, optional
        Settings of the months for which a search chose them.
    trials : Trials, optional
        The search's ledger of trials.
    """

    events: pd.DataFrame
    bars: pd.DataFrame
    months: Sequence[date]
    config: Step3Config
    published_baseline: Mapping[str, Any] | None = None
    settings: Mapping[date, Step3Config] | None = None
    trials: Trials | None = None

    def settings_of(self, month: date) -> Step3Config:
        """The settings in force for a test month."""
        return (self.settings or {}).get(month, self.config)


@dataclass(frozen=True)
class PipelineResult:
    """The tables of all months, the portfolio, the criteria and the verdict.

    Only criteria that need no stored run are evaluated; the leakage audit is not run here.
    """

    tables: dict[str, pd.DataFrame]
    portfolio: PortfolioResult
    statistics: pd.DataFrame
    acceptance: pd.DataFrame
    verdict: str


@dataclass(frozen=True)
class MonthInputs:
    """The inputs of one test month.

    Parameters
    ----------
    events, bars : DataFrame
        Canonical rows of the look-back and the month; bars also include the next month.
    month : date
        The test month.
    config : Step3Config
        The settings in force for the month.
    """

    events: pd.DataFrame
    bars: pd.DataFrame
    month: date
    config: Step3Config

    @classmethod
    def cut(
        cls, events: pd.DataFrame, bars: pd.DataFrame, month: date, config: Step3Config
    ) -> "MonthInputs":
        """Select the inputs of a month from the tables of a whole delivery."""
        first = add_months(month, -LOOK_BACK_MONTHS)
        next_month = add_months(month, 1)
        return cls(
            events=events[(events["month"] >= first) & (events["month"] <= month)],
            bars=bars[(bars["month"] >= first) & (bars["month"] <= next_month)],
            month=month,
            config=config,
        )


def run_month(
    inputs: MonthInputs, trained: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, pd.DataFrame]:
    """Run one test month from fold to backtest.

    Parameters
    ----------
    inputs : MonthInputs
    trained : mapping of str to DataFrame, optional
        Tables from a run with the same folds and models; only the other tables are computed.

    Returns
    -------
    dict of str to DataFrame
        The month's rows of every table from ``folds`` to ``fold_trades``.
    """
    events, bars = inputs.events, inputs.bars
    month, config = inputs.month, inputs.config
    tables = dict(trained or {})
    if not tables:
        tables |= _trained(inputs)
    test = events[events["month"] == month]
    tables |= steps.scoring_step(
        steps.ScoringInputs(
            models=tables["calibrated_models"], events=test, month=month, config=config
        )
    )
    tables |= steps.backtest_step(
        steps.BacktestInputs(
            scores=tables["scores"],
            events=test,
            bars=bars[bars["month"] >= month],
            month=month,
            config=config,
            base_rate=steps.base_rates(tables["model_metrics"]).get(month),
        )
    )
    return tables


def _trained(inputs: MonthInputs) -> dict[str, pd.DataFrame]:
    """The month's fold, its models and its mock baseline."""
    bars, config = inputs.bars, inputs.config
    rows = steps.training_rows(
        steps.FoldInputs(
            events=inputs.events,
            bars=bars[bars["month"] <= inputs.month],
            month=inputs.month,
            config=config.folds,
        )
    )
    mock = steps.MockInputs(
        events=inputs.events,
        fold=rows.fold,
        config=config.models,
        size_frac=config.execution.size_frac,
    )
    return {
        "folds": rows.fold.manifest,
        "fold_members": rows.fold.members,
        **steps.training_step(steps.TrainingInputs(rows=rows, config=config.models)),
        **steps.mock_step(mock),
    }


def run_pipeline(
    inputs: PipelineInputs, *, workers: int = 1, on_month: Callable[[], None] | None = None
) -> PipelineResult:
    """Run every test month, then portfolio, acceptance and verdict.

    Parameters
    ----------
    inputs : PipelineInputs
    workers : int
        Number of processes that run months in parallel.
    on_month : callable, optional
        Called after each month, for progress.
    """
    cuts = (
        MonthInputs.cut(inputs.events, inputs.bars, month, inputs.settings_of(month))
        for month in inputs.months
    )
    runs = []
    for run in results_in_order(run_month, cuts, workers):
        runs.append(run)
        if on_month is not None:
            on_month()
    return pipeline_result(runs, inputs)


def pipeline_result(
    runs: Sequence[Mapping[str, pd.DataFrame]], inputs: PipelineInputs
) -> PipelineResult:
    """Portfolio, acceptance and verdict from the months' tables; see :func:`run_pipeline`."""
    events, bars, months, config = inputs.events, inputs.bars, inputs.months, inputs.config
    tables = {name: pd.concat([r[name] for r in runs], ignore_index=True) for name in runs[0]}
    before = add_months(months[0], -history_months(config.allocation))
    result = run_portfolio(
        {PLATFORM: tables["scores"], MOCK: tables["mock_baseline"]},
        events[events["month"].isin(months)],
        Period.of_bars(
            months,
            bars[(bars["month"] >= before) & (bars["month"] <= add_months(months[-1], 1))],
            inputs.settings,
        ),
        config,
        inputs.published_baseline,
    )
    results = {
        **tables,
        "portfolio": result.summary,
        "portfolio_months": result.months,
        "portfolio_equity": result.equity,
        "portfolio_trades": result.trades,
        "portfolio_decisions": result.decisions,
    }
    statistics = statistics_table(
        results, events[events["month"].isin(months)], config, inputs.trials
    )
    criteria = result_criteria()
    acceptance = judge({**results, "statistics": statistics}, config, criteria)
    return PipelineResult(
        tables=tables,
        portfolio=result,
        statistics=statistics,
        acceptance=acceptance,
        verdict=verdict(acceptance, criteria),
    )
