"""Calmar ratio of the platform's account, with a bootstrap interval."""

from step3_assets.domain.statistics.bootstrap_row import bootstrap_row, interval_text, reading
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    found = results.account.calmar
    sentence = f"Calmar {interval_text(found, 3)}: {reading(found)}."
    return bootstrap_row(found, results, "sessions", sentence)


STATISTIC = Statistic(
    name="calmar",
    position=1,
    label="Calmar",
    decimals=3,
    says="how much the ratio varies over other draws of the same sessions",
    method="stationary bootstrap of New York sessions (`arch`), mean block by Politis and White; a "
    "session keeps its path of bar closes, so the value is that of `portfolio`",
    limits="anything about regimes that the period does not contain; resampling breaks up falls "
    "longer than a block, so the interval is biased towards smaller drawdowns",
    compute=_compute,
)
