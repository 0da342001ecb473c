"""Probability that the Sharpe ratio beats the best of all trials without skill."""

import math

from step3_assets.domain.portfolio.metrics import SESSIONS_PER_YEAR
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.sharpe_probability import deflated_sharpe
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow, chance_text


def _compute(results: Results) -> StatisticRow:
    moments, trials = results.moments, results.trials
    known = trials.sharpes(len(results.paths) / results.n_months)
    found = deflated_sharpe(moments, trials.n_trials, known)
    counted = "every configuration on record" if trials.is_recorded else "no record: only this one"
    annual = found.benchmark * math.sqrt(SESSIONS_PER_YEAR)
    return StatisticRow(
        value=found.probability,
        method=f"Bailey and Lopez de Prado 2014, {trials.n_trials} trial(s)",
        sentence=f"The probability that the Sharpe ratio beats the best of {trials.n_trials} "
        f"trial(s) without skill (expected {annual:.2f} a year) is "
        f"{chance_text(found.probability)}; N counts {counted}.",
        n=trials.n_trials,
    )


STATISTIC = Statistic(
    name="deflated_sharpe",
    position=6,
    label="Deflated Sharpe ratio",
    decimals=3,
    is_probability=True,
    says="probability that the Sharpe ratio beats the best of N trials without skill",
    method="Bailey and López de Prado 2014; N counts every configuration of an earlier portfolio "
    "run in this home (table `evaluations`) and every trial of the search; the variance is that "
    "of the trials' Sharpe ratios or, without them, of the estimator at a true ratio of 0",
    limits="anything about trials that were made elsewhere and never recorded",
    compute=_compute,
)
