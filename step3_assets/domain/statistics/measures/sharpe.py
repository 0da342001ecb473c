"""Sharpe ratio of the platform's account, with a bootstrap interval."""

from step3_assets.domain.statistics.bootstrap_row import bootstrap_row, interval_text, reading
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    found = results.account.sharpe
    sentence = f"Annualised Sharpe ratio {interval_text(found, 2)}: {reading(found)}."
    return bootstrap_row(found, results, "sessions", sentence)


STATISTIC = Statistic(
    name="sharpe",
    position=3,
    label="Sharpe",
    decimals=3,
    says="how much the ratio varies over other draws of the same sessions",
    method="as for `calmar`",
    limits="as for `calmar`",
    compute=_compute,
)
