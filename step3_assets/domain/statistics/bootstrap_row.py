"""The row of a statistic that has a bootstrap confidence interval.

Belongs here: the row and the sentence of an interval. Does not belong here: the bootstrap itself
(:mod:`step3_assets.domain.statistics.bootstrap`).
"""

import math

from step3_assets.domain.portfolio.stored_metrics import MissingMetric
from step3_assets.domain.statistics.bootstrap import BootstrapInterval
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import StatisticRow

BOOTSTRAP = "stationary bootstrap"


def bootstrap_row(
    found: BootstrapInterval, results: Results, unit: str, sentence: str
) -> StatisticRow:
    """The row of an interval over `unit` (sessions or trades).

    Raises
    ------
    MissingMetric
        If there is no interval.
    """
    if math.isnan(found.value) or math.isnan(found.lower):
        raise MissingMetric(f"{found.n} {unit} that hardly vary, or too few, have no interval")
    method = (
        f"{BOOTSTRAP}, {results.resampling.n_resamples} resamples of {found.n} {unit}, "
        f"mean block {found.block_length:.1f} (Politis-White)"
    )
    return StatisticRow(
        value=found.value,
        method=method,
        sentence=sentence,
        n=found.n,
        lower=found.lower,
        upper=found.upper,
        level=found.level,
    )


def interval_text(found: BootstrapInterval, decimals: int) -> str:
    """``value (90% interval lower to upper)``."""
    value, lower, upper = (f"{x:.{decimals}f}" for x in (found.value, found.lower, found.upper))
    return f"{value} ({found.level:.0%} interval {lower} to {upper})"


def reading(
    found: BootstrapInterval,
    words: tuple[str, str, str] = ("above 0", "below 0", "not distinguishable from 0"),
) -> str:
    """The word for an interval that is above 0, below 0, or contains 0."""
    above, below, between = words
    return above if found.lower > 0.0 else below if found.upper < 0.0 else between
