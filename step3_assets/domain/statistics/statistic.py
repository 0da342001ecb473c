"""The record that describes one statistic, and the row that it produces.

Belongs here: the fields that a statistic must declare. Does not belong here: any statistic (one
file each in :mod:`step3_assets.domain.statistics.measures`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from step3_assets.domain.statistics.results import Results


@dataclass(frozen=True)
class StatisticRow:
    """One row of table ``statistics``, without its name.

    Parameters
    ----------
    value : float
        NaN if it is undefined or could not be computed; the sentence gives the reason.
    method : str
        How it was computed.
    sentence : str
    n : int
        Number of sessions, trades, events or trials; the method says which.
    lower, upper, level : float
        Confidence interval and its two-sided level; NaN if there is none.
    """

    value: float
    method: str
    sentence: str
    n: int
    lower: float = math.nan
    upper: float = math.nan
    level: float = math.nan


@dataclass(frozen=True)
class Statistic:
    """Everything that the table, the report and the docs need to know about one statistic.

    Parameters
    ----------
    name : str
        Key of its row; also the name of its file.
    position : int
        Order on the page.
    label : str
        Name in the report.
    decimals : int
        Decimals shown in the report.
    says, method, limits : str
        Cells of the table in ``docs/statistics.md``: what it says, how it is computed, and what it
        does not say.
    compute : callable
        Computes the row from the results. Raises
        :class:`~step3_assets.domain.portfolio.stored_metrics.MissingMetric` or ``ValueError`` if
        it cannot be computed.
    is_probability : bool
        The value is a probability; the report never rounds it to 0 or 100 %.
    """

    name: str
    position: int
    label: str
    decimals: int
    says: str
    method: str
    limits: str
    compute: Callable[[Results], StatisticRow]
    is_probability: bool = False


def chance_text(probability: float) -> str:
    """A probability in percent, never rounded to 0 or 100 %.

    Examples
    --------
    >>> chance_text(0.9312), chance_text(0.99996)
    ('93.1%', '>99.9%')
    """
    if 0.0 < probability < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 <= probability < 1.0 else f"{probability:.1%}"
