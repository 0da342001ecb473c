"""The record of an acceptance criterion: its name, label, comparison and threshold.

Belongs here: the record, its comparison, reading one statistic for it. Does not belong here: any
criterion (:mod:`.criteria`), the verdict (:mod:`.verdict`).
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from step3_assets.config import Step3Config
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    MissingMetric,
    Tables,
    finite,
    table_of,
)

Comparison = Literal[">=", ">", "<=", "=="]
NumberFormat = Literal["probability", "percent", "ratio", "fine_ratio", "tally"]
Find = Callable[[Tables, Step3Config], Finding]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "==": operator.eq,
}


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One rule that a result must satisfy before anything is promoted.

    Parameters
    ----------
    name : str
        Name in table ``acceptance`` and in the verdict.
    label : str
        Name in the report.
    position : int
        Order among the criteria; it must be unique.
    comparison : str
        How the value is compared with the threshold.
    number : str
        How the report formats value and threshold: the name of a function of
        :mod:`step3_assets.domain.report.numbers`.
    asks : str
        When the criterion passes, as one phrase of Markdown for the documentation.
    find : callable
        Returns value, threshold and one sentence from the stored tables. It raises
        ``MissingMetric`` if there is no value; the criterion then fails.
    setting : str or None
        The field of ``AcceptanceConfig`` that sets the threshold; None if it is fixed.
    also : tuple of (str, str)
        Other settings that it uses, as paths in ``Step3Config``, each with the direction that
        loosens the criterion: ``lower`` or ``higher``.
    needs_store : bool
        Whether it reads data that only a stored run has: the leakage audit, or the record of what
        each table was made from.
    """

    name: str
    label: str
    position: int
    comparison: Comparison
    number: NumberFormat
    asks: str
    find: Find
    setting: str | None = None
    also: tuple[tuple[str, str], ...] = ()
    needs_store: bool = False

    def holds(self, value: object, threshold: object) -> bool:
        """Whether the value satisfies the comparison; False for a null or infinite value.

        Examples
        --------
        >>> from step3_assets.domain.acceptance.criteria import CRITERIA
        >>> CRITERIA["max_drawdown"].holds(0.11, 0.12), CRITERIA["max_drawdown"].holds(None, 0.12)
        (True, False)
        """
        left, right = finite(value), finite(threshold)
        return left is not None and right is not None and _COMPARE[self.comparison](left, right)

    def loosened(self, config: Step3Config) -> list[str]:
        """Settings that are looser than the defaults, each with its value and the default.

        Examples
        --------
        >>> from step3_assets.config import AcceptanceConfig
        >>> from step3_assets.domain.acceptance.criteria import CRITERIA
        >>> easy = Step3Config(acceptance=AcceptanceConfig(max_drawdown_frac=0.5))
        >>> CRITERIA["max_drawdown"].loosened(easy)
        ['max_drawdown_frac 0.5 instead of 0.12']
        """
        looser = "lower" if self.comparison.startswith(">") else "higher"
        settings = [*self.also]
        if self.setting is not None:
            settings.insert(0, (f"acceptance.{self.setting}", looser))
        found = []
        for path, direction in settings:
            value, default = _setting(config, path), _setting(Step3Config(), path)
            if value < default if direction == "lower" else value > default:
                found.append(f"{path.split('.')[-1]} {value:g} instead of {default:g}")
        return found


def _setting(config: Step3Config, path: str) -> float:
    section, name = path.split(".")
    return float(getattr(getattr(config, section), name))


def statistic(tables: Tables, name: str) -> dict[str, Any]:
    """The one row of a statistic in table ``statistics``.

    Raises
    ------
    MissingMetric
        If there is no such row, or several.
    """
    rows = table_of(tables, "statistics")
    rows = rows[rows["name"] == name]
    if len(rows) != 1:
        raise MissingMetric(f"statistics has {len(rows)} rows of {name}")
    return {str(column): value for column, value in rows.iloc[0].items()}


def number_of(row: dict[str, Any], column: str = "value") -> float:
    """A finite number of a statistic's row.

    Raises
    ------
    MissingMetric
        If the number is missing; the message is the statistic's sentence.
    """
    value = finite(row[column])
    if value is None:
        raise MissingMetric(str(row["sentence"]).removesuffix("."))
    return value


def lower_bound_above_zero(name: str) -> Find:
    """A finder for criteria that require a statistic's whole confidence interval to be above 0."""

    def find(tables: Tables, _config: Step3Config) -> Finding:
        row = statistic(tables, name)
        lower, upper = number_of(row, "lower"), number_of(row, "upper")
        return Finding(lower, 0.0, str(row["sentence"]), lower, upper)

    return find


def statistic_against(name: str, setting: str) -> Find:
    """A finder for criteria that compare a statistic with a setting of ``AcceptanceConfig``."""

    def find(tables: Tables, config: Step3Config) -> Finding:
        row = statistic(tables, name)
        return Finding(number_of(row), getattr(config.acceptance, setting), str(row["sentence"]))

    return find
