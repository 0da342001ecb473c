"""Table ``statistics``: every statistic of the results, with one row and one sentence each.

Belongs here: computing every statistic. A statistic that is undefined or cannot be computed gets a
row without a value; its sentence gives the reason. Does not belong here: a statistic
(:mod:`step3_assets.domain.statistics.measures`), thresholds
(:mod:`step3_assets.domain.acceptance.verdict`).
"""

import math

import pandas as pd

from step3_assets.catalogue.results import STATISTICS
from step3_assets.config import Step3Config
from step3_assets.domain.portfolio.stored_metrics import MissingMetric, Tables
from step3_assets.domain.statistics.measures import all_statistics
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import StatisticRow
from step3_assets.domain.statistics.trials import Trials


def statistics_table(
    tables: Tables, outcomes: pd.DataFrame, config: Step3Config, trials: Trials | None = None
) -> pd.DataFrame:
    """Every statistic of the platform's results.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``portfolio``, ``portfolio_months``, ``portfolio_equity``, ``portfolio_trades``,
        ``portfolio_decisions``, ``scores``, ``model_metrics``.
    outcomes : DataFrame
        ``month``, ``symbol``, ``decision_time_utc``, ``y``, ``net_logret``, ``maturity`` of the
        test events.
    config : Step3Config
    trials : Trials, optional
        Without it the configuration shown is the only trial.

    Returns
    -------
    DataFrame
        Table ``statistics``, one row per statistic in the order of the page. ``value`` is NaN if
        it is undefined or could not be computed.
    """
    results = Results(tables=tables, outcomes=outcomes, config=config, trials=trials or Trials())
    rows = []
    for position, statistic in enumerate(all_statistics(), start=1):
        try:
            row = statistic.compute(results)
        except (MissingMetric, ValueError) as missing:
            row = StatisticRow(
                value=math.nan, method="none", sentence=f"Not computed: {missing}.", n=0
            )
        rows.append({"name": statistic.name, "position": position, **vars(row)})
    return pd.DataFrame(rows)[STATISTICS.names]


def statistic_names() -> tuple[str, ...]:
    """Names of all statistics, in the order of the page."""
    return tuple(statistic.name for statistic in all_statistics())
