"""Metrics of stored results: a number from the tables, or the reason why there is none.

Belongs here: reading rows and metrics for criteria and statistics, with a message if one is
missing. Does not belong here: thresholds and verdicts
(:mod:`step3_assets.domain.acceptance.verdict`).
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.domain.core.keys import ALL_SYMBOLS
from step3_assets.domain.core.months import add_months, month_label, month_range, month_start
from step3_assets.domain.portfolio.metrics import cagr, calmar, max_drawdown
from step3_assets.domain.portfolio.series import PLATFORM

Tables = Mapping[str, pd.DataFrame]


class MissingMetric(Exception):
    """The metric is not available; the message says why."""


@dataclass(frozen=True)
class Finding:
    """Result of a criterion: value, threshold, sentence and, if it has one, confidence interval.

    ``value`` is NaN if it is not available. ``caveat`` is a text that the verdict must add.
    """

    value: float
    threshold: float
    evidence: str
    lower: float = math.nan
    upper: float = math.nan
    caveat: str = ""


def table_of(tables: Tables, name: str) -> pd.DataFrame:
    """The table, if it is there."""
    if name not in tables:
        raise MissingMetric(f"table {name} is not there")
    return tables[name]


def series_of(tables: Tables, name: str, series: str) -> pd.DataFrame:
    """The rows of one series, if there are any."""
    rows = table_of(tables, name)
    rows = rows[rows["series"] == series]
    if rows.empty:
        raise MissingMetric(f"{name} has no rows of {series}")
    return rows


def metric_of(tables: Tables, series: str, column: str) -> float:
    """A finite metric of one series from table ``portfolio``."""
    rows = series_of(tables, "portfolio", series)
    value = finite(rows[column].iloc[0]) if len(rows) == 1 else None
    if value is None:
        raise MissingMetric(f"{column} of {series} is no number")
    return value


def finite(value: object) -> float | None:
    """The value as a number; None for a null, text or infinity."""
    if isinstance(value, int | float | np.number) and math.isfinite(float(value)):
        return float(value)
    return None


def extreme_month(rows: pd.DataFrame, column: str, *, lowest: bool) -> tuple[date, float]:
    """The month with the lowest or highest value, and the value."""
    values = rows[column].to_numpy(dtype="float64", na_value=np.nan)
    if len(values) == 0 or not np.isfinite(values).all():
        raise MissingMetric(f"{column} of a month is no number")
    at = int(np.argmin(values) if lowest else np.argmax(values))
    return list(rows["month"])[at], float(values[at])


def months_of_period(tables: Tables) -> list[date]:
    """Every month of the platform's period, which its monthly table must hold without a gap."""
    months = sorted(series_of(tables, "portfolio_months", PLATFORM)["month"])
    if months != month_range(months[0], months[-1]):
        raise MissingMetric("portfolio_months does not hold every calendar month")
    return months


def all_folds(tables: Tables) -> pd.DataFrame:
    """The fold backtest of all symbols, of every month of the period."""
    months, folds = months_of_period(tables), table_of(tables, "fold_backtests")
    is_wanted = (folds["symbol"] == ALL_SYMBOLS) & folds["month"].isin(months)
    folds = folds[is_wanted].reset_index(drop=True)
    lost = sorted(set(months) - set(folds["month"]))
    if lost:
        raise MissingMetric(f"fold_backtests lacks {named_months(lost)}")
    return folds


def calmar_over_months_of(tables: Tables, baseline: str) -> tuple[float, int]:
    """The platform's Calmar over the months that a baseline covers, and their number."""
    platform, reference = (series_of(tables, "portfolio_months", s) for s in (PLATFORM, baseline))
    covered = sorted(reference["month"])
    if covered == sorted(platform["month"]):
        return metric_of(tables, PLATFORM, "calmar"), len(covered)
    before = platform.loc[platform["month"] < covered[0]].sort_values("month")["equity_usd"]
    start = metric_of(tables, PLATFORM, "start_equity_usd")
    if len(before):
        start = float(before.iloc[-1])
    marks = series_of(tables, "portfolio_equity", PLATFORM).sort_values("bar_end_utc")
    first, after = month_start(covered[0]), month_start(add_months(covered[-1], 1))
    inside = (marks["bar_end_utc"] > first) & (marks["bar_end_utc"] <= after)
    values = marks.loc[inside, "equity_usd"].to_numpy()
    if len(values) == 0:
        raise MissingMetric(f"the platform has no marks over the months of {baseline}")
    growth = cagr(start, float(values[-1]), len(covered))
    return calmar(growth, max_drawdown(values, start)), len(covered)


def named_months(months: Collection[date]) -> str:
    """The first months at fault, and how many there are."""
    ordered = sorted(months)
    more = f" and {len(ordered) - 4} more" if len(ordered) > 4 else ""
    return ", ".join(month_label(m) for m in ordered[:4]) + more
