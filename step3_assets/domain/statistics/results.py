"""The results from which statistics are computed, and values that several statistics share.

Belongs here: reading each stored table once. Does not belong here: any statistic.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.decisions.outcomes import with_outcomes
from step3_assets.domain.portfolio.reference_lines import BUY_AND_HOLD
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import (
    MissingMetric,
    Tables,
    metric_of,
    months_of_period,
    series_of,
    table_of,
)
from step3_assets.domain.statistics.alpha import equal_weight
from step3_assets.domain.statistics.bootstrap import (
    AccountIntervals,
    Resampling,
    bootstrap_account,
    session_paths,
)
from step3_assets.domain.statistics.sharpe_probability import SharpeMoments, sharpe_moments
from step3_assets.domain.statistics.trials import Trials

BPS = 1e4


@dataclass(frozen=True)
class Results:
    """The stored results of one run.

    Parameters
    ----------
    tables : mapping of str to DataFrame
    outcomes : DataFrame
        Test events with their outcomes and maturity.
    config : Step3Config
    trials : Trials
    """

    tables: Tables
    outcomes: pd.DataFrame
    config: Step3Config
    trials: Trials

    @property
    def resampling(self) -> Resampling:
        """Level, number of resamples and seed of the bootstraps."""
        settings = self.config.statistics
        return Resampling(
            level=settings.level, n_resamples=settings.n_resamples, seed=settings.seed
        )

    @cached_property
    def n_months(self) -> int:
        """Number of calendar months of the results."""
        return len(months_of_period(self.tables))

    @cached_property
    def paths(self) -> pd.DataFrame:
        """Session paths of the platform's account."""
        return self.paths_of(PLATFORM)

    def paths_of(self, series: str) -> pd.DataFrame:
        """Session paths of one account; see :func:`.bootstrap.session_paths`."""
        marks = series_of(self.tables, "portfolio_equity", series).sort_values("bar_end_utc")
        return session_paths(marks, metric_of(self.tables, series, "start_equity_usd"))

    @cached_property
    def buy_and_hold(self) -> pd.DataFrame:
        """Session paths of equal-weight buy-and-hold of all symbols, on the account's sessions.

        Buy-and-hold is sold at the end of the period, but the account's last trades are marked
        until their exits. In those last sessions buy-and-hold is in cash.

        Raises
        ------
        MissingMetric
            If the results have no buy-and-hold series, or one lacks sessions before its end.
        """
        equity = table_of(self.tables, "portfolio_equity")
        names = sorted({str(s) for s in equity["series"] if str(s).startswith(BUY_AND_HOLD)})
        if not names:
            raise MissingMetric("the results hold no buy-and-hold series")
        held, sessions = equal_weight([self.paths_of(name) for name in names]), self.paths.index
        lost = sessions.difference(held.index)
        if len(held.index.difference(sessions)) or (len(lost) and lost[0] <= held.index[-1]):
            raise MissingMetric("the account and buy-and-hold have different sessions")
        in_cash = {"growth": 1.0, "high": 1.0, "low": 1.0, "drawdown_frac": 0.0}
        return held.reindex(sessions).fillna(in_cash)

    @cached_property
    def account(self) -> AccountIntervals:
        """Confidence intervals of the platform's Calmar and Sharpe ratios."""
        return bootstrap_account(self.paths, self.n_months, self.resampling)

    @cached_property
    def moments(self) -> SharpeMoments:
        """Moments of the platform's session returns."""
        moments = sharpe_moments(self.paths["growth"].to_numpy() - 1.0)
        if math.isnan(moments.sharpe):
            raise MissingMetric(moments.undefined)
        return moments

    @cached_property
    def scored(self) -> pd.DataFrame:
        """Scores and outcomes of test events with a final label."""
        return with_outcomes(table_of(self.tables, "scores"), self.outcomes, ["y", "net_logret"])
