"""Probability of backtest overfitting over the recorded trials."""

import math

import numpy as np

from step3_assets.domain.portfolio.stored_metrics import MissingMetric
from step3_assets.domain.statistics.overfitting import backtest_overfitting, even_blocks
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow

METHOD = "CSCV, Bailey et al. 2017"


def _compute(results: Results) -> StatisticRow:
    trials = results.trials
    if trials.n_trials < 2:
        sentence = "Does not apply: one configuration met the test months, so none was chosen."
        return StatisticRow(value=math.nan, method=METHOD, sentence=sentence, n=1)
    if trials.monthly_returns is None or trials.monthly_returns.shape[1] < 2:
        raise MissingMetric(f"monthly returns of {trials.n_trials} trials are not recorded")
    returns = trials.monthly_returns.to_numpy(dtype=np.float64)
    n_blocks = even_blocks(len(returns), results.config.statistics.pbo_blocks)
    found = backtest_overfitting(returns, n_blocks)
    return StatisticRow(
        value=found.pbo,
        method=f"{METHOD}, {found.n_blocks} blocks, {found.n_splits} splits",
        sentence=f"The configuration that was best in one half of the months came out at or below "
        f"the median of {found.n_trials} in the other half in {found.pbo:.0%} of {found.n_splits} "
        "splits.",
        n=found.n_trials,
    )


STATISTIC = Statistic(
    name="backtest_overfitting",
    position=7,
    label="Probability of backtest overfitting",
    decimals=3,
    is_probability=True,
    says="how often the best configuration of one half of the months is below the median in the "
    "other",
    method="CSCV (Bailey et al. 2017) over the monthly returns of the trials, or of the "
    "configurations run, at most 16 blocks of at least two months",
    limits="whether the best configuration is good; with one trial it does not apply, and its "
    "criterion passes and says so",
    compute=_compute,
)
