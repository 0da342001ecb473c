"""The main job without an orchestrator: the same domain functions in a plain loop.

Belongs here: what the asset graph does to one delivery in memory, for certification on synthetic
worlds and as the rival that the orchestration's cost is measured against. Does not belong here:
storage, partitions, or any step of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance import judge, verdict
from step3_assets.domain.backtest import backtest_fold
from step3_assets.domain.folds import Fold, build_fold
from step3_assets.domain.months import add_months
from step3_assets.domain.portfolio import MOCK, PLATFORM, PortfolioResult, run_portfolio

LOOK_BACK_MONTHS = 36


@dataclass(frozen=True)
class MonthRun:
    """Everything one test month came to: rows of the tables of the same names."""

    folds: pd.DataFrame
    fold_members: pd.DataFrame
    calibrated_models: pd.DataFrame
    model_metrics: pd.DataFrame
    reliability_bins: pd.DataFrame
    scores: pd.DataFrame
    mock_baseline: pd.DataFrame
    fold_backtests: pd.DataFrame
    fold_trades: pd.DataFrame


@dataclass(frozen=True)
class PipelineResult:
    """Every month's tables in one frame each, the portfolio, the gates and the verdict."""

    tables: dict[str, pd.DataFrame]
    portfolio: PortfolioResult
    acceptance: pd.DataFrame
    verdict: str


def run_month(
    events: pd.DataFrame, bars: pd.DataFrame, month: date, config: Step3Config
) -> MonthRun:
    """One test month from fold to backtest.

    Parameters
    ----------
    events, bars : DataFrame
        Canonical rows of the look-back and the month; of the bars the next month too.
    month : date
        The test month.
    config : Step3Config
    """
    from threadpoolctl import threadpool_limits

    from step3_assets.domain.mock_baseline import mock_baseline_fold
    from step3_assets.domain.scoring import score_fold
    from step3_assets.domain.training import train_fold

    with threadpool_limits(limits=1):
        until_month = bars[bars["month"] <= month]
        fold: Fold = build_fold(events, until_month, month, config.folds)
        trained = train_fold(events, fold, config.models)
        test = events[events["month"] == month]
        size = config.execution.size_frac
        scores = score_fold(trained.models, test, month, config.models, config.gate, size)
        mock = mock_baseline_fold(events, fold, config.models, size)
    base = trained.metrics
    base = base[(base["head"] == "base_rate") & (base["metric"] == "p_mean")]["value"]
    backtest = backtest_fold(
        scores,
        test,
        bars[bars["month"] >= month],
        month,
        config,
        base_rate=float(base.iloc[0]) if len(base) else None,
    )
    return MonthRun(
        fold.manifest,
        fold.members,
        trained.models,
        trained.metrics,
        trained.reliability,
        scores,
        mock,
        backtest.summary,
        backtest.trades,
    )


def run_pipeline(
    events: pd.DataFrame,
    bars: pd.DataFrame,
    months: Sequence[date],
    config: Step3Config,
    *,
    workers: int = 1,
    published_baseline: dict | None = None,
    on_month: Callable[[], None] | None = None,
) -> PipelineResult:
    """Every test month, then portfolio, gates and verdict.

    Parameters
    ----------
    events, bars : DataFrame
        Canonical tables ``events`` and ``bar_features`` of a whole delivery.
    months : sequence of date
        Consecutive test months.
    config : Step3Config
    workers : int
        Processes that run months side by side.
    published_baseline : dict, optional
        As the delivery brought it.
    on_month : callable, optional
        Called after each month, for progress.
    """
    tasks = ((_window(events, m, m), _window(bars, m, add_months(m, 1)), m) for m in months)
    runs = []
    for run in _mapped(tasks, config, workers):
        runs.append(run)
        if on_month is not None:
            on_month()
    tables = {
        name: pd.concat([getattr(run, name) for run in runs], ignore_index=True)
        for name in MonthRun.__dataclass_fields__
    }
    result = run_portfolio(
        {PLATFORM: tables["scores"], MOCK: tables["mock_baseline"]},
        events[events["month"].isin(months)],
        bars[(bars["month"] >= months[0]) & (bars["month"] <= add_months(months[-1], 1))],
        months,
        config,
        published_baseline,
    )
    gates = judge(
        {
            **tables,
            "portfolio": result.summary,
            "portfolio_months": result.months,
            "portfolio_equity": result.equity,
            "portfolio_trades": result.trades,
        },
        config,
    )
    return PipelineResult(tables, result, gates, verdict(gates))


def _window(frame: pd.DataFrame, month: date, last: date) -> pd.DataFrame:
    """The look-back of a test month, through ``last``."""
    first = add_months(month, -LOOK_BACK_MONTHS)
    return frame[(frame["month"] >= first) & (frame["month"] <= last)]


def _mapped(tasks, config: Step3Config, workers: int):
    if workers <= 1:
        for events, bars, month in tasks:
            yield run_month(events, bars, month, config)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=f"{2 * workers}")
    yield from pool(
        delayed(run_month)(events, bars, month, config) for events, bars, month in tasks
    )
