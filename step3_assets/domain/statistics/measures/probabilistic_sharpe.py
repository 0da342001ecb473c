"""Probability that the true Sharpe ratio is above 0."""

from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.sharpe_probability import probabilistic_sharpe
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow, chance_text


def _compute(results: Results) -> StatisticRow:
    moments = results.moments
    value = probabilistic_sharpe(moments)
    return StatisticRow(
        value=value,
        method="Bailey and Lopez de Prado 2012, session returns",
        sentence=f"The probability that the true Sharpe ratio is above 0 is {chance_text(value)}, "
        f"given {moments.n} sessions, skewness {moments.skewness:.2f} and kurtosis "
        f"{moments.kurtosis:.1f}.",
        n=moments.n,
    )


STATISTIC = Statistic(
    name="probabilistic_sharpe",
    position=5,
    label="Probabilistic Sharpe ratio",
    decimals=3,
    is_probability=True,
    says="probability that the true Sharpe ratio is above 0",
    method="Bailey and López de Prado 2012, eq. 11, on session returns, with their skewness and "
    "kurtosis",
    limits="anything about dependence between sessions, which the formula leaves out",
    compute=_compute,
)
