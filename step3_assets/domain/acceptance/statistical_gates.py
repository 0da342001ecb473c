"""Gates over table ``statistics``: a result that chance explains is not promoted.

Belongs here: which statistic is held against which threshold. Does not belong here: the statistics
themselves (:mod:`step3_assets.domain.statistics`), the verdict
(:mod:`step3_assets.domain.acceptance.verdict`).
"""

from collections.abc import Callable
from typing import Any

from step3_assets.config import Step3Config
from step3_assets.domain.portfolio.stored_figures import (
    Finding,
    MissingFigure,
    Tables,
    finite,
    table_of,
)

Gate = Callable[[Tables, Step3Config], Finding]


def _statistic(tables: Tables, name: str) -> dict[str, Any]:
    """The one row of a statistic."""
    rows = table_of(tables, "statistics")
    rows = rows[rows["name"] == name]
    if len(rows) != 1:
        raise MissingFigure(f"statistics has {len(rows)} rows of {name}")
    return {str(name): value for name, value in rows.iloc[0].items()}


def _value(row: dict[str, Any], column: str = "value") -> float:
    value = finite(row[column])
    if value is None:
        raise MissingFigure(str(row["sentence"]).removesuffix("."))
    return value


def _lower_above_zero(name: str) -> Gate:
    """The whole interval lies above 0."""

    def gate(tables: Tables, _config: Step3Config) -> Finding:
        row = _statistic(tables, name)
        lower, upper = _value(row, "lower"), _value(row, "upper")
        return Finding(lower, 0.0, str(row["sentence"]), lower, upper)

    return gate


def _probabilistic_sharpe(tables: Tables, config: Step3Config) -> Finding:
    row = _statistic(tables, "probabilistic_sharpe")
    return Finding(_value(row), config.acceptance.min_probabilistic_sharpe, str(row["sentence"]))


def _deflated_sharpe(tables: Tables, config: Step3Config) -> Finding:
    row = _statistic(tables, "deflated_sharpe")
    return Finding(_value(row), config.acceptance.min_deflated_sharpe, str(row["sentence"]))


def _backtest_overfitting(tables: Tables, config: Step3Config) -> Finding:
    """One trial alone was not chosen from any: nothing to overfit by choosing, hence 0."""
    row = _statistic(tables, "backtest_overfitting")
    value = 0.0 if finite(row["n"]) == 1.0 and finite(row["value"]) is None else _value(row)
    return Finding(value, config.acceptance.max_pbo, str(row["sentence"]))


def _gate_permutation(tables: Tables, config: Step3Config) -> Finding:
    row = _statistic(tables, "gate_permutation_p")
    return Finding(_value(row), config.acceptance.max_permutation_p, str(row["sentence"]))


STATISTICAL_GATES: dict[str, tuple[str, Gate]] = {
    "calmar_lower_bound": (">", _lower_above_zero("calmar")),
    "probabilistic_sharpe": (">=", _probabilistic_sharpe),
    "deflated_sharpe": (">=", _deflated_sharpe),
    "backtest_overfitting": ("<=", _backtest_overfitting),
    "gate_permutation_p": ("<=", _gate_permutation),
    "ev_slope_lower_bound": (">", _lower_above_zero("ev_slope")),
}
