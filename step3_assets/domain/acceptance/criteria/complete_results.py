"""The criterion ``complete_results``: no month, score or mark is missing, and the tables agree."""

import numpy as np
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.core.months import month_label
from step3_assets.domain.portfolio.metrics import max_drawdown
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    Tables,
    metric_of,
    months_of_period,
    named_months,
    series_of,
    table_of,
)

SCORED = ("p_raw", "p_calibrated", "ev_final")
TOLERANCE = 1e-9
"""Relative tolerance; both numbers come from the same arithmetic on the same marks."""


def _find(tables: Tables, _config: Step3Config) -> Finding:
    problems = [*_months(tables), *_scores(tables), *_marks(tables)]
    sentence = "Every month, event and mark is there, and the tables agree with one another."
    if problems:
        sentence = f"The results are not complete: {'; '.join(problems)}."
    return Finding(float(len(problems)), 0.0, sentence, caveat=_shortened(tables))


def _shortened(tables: Tables) -> str:
    """A caveat if the data allow a longer span than that of the results; empty if they do not."""
    spans = tables.get("longest_span")
    if spans is None or spans.empty:
        return ""
    first, last = spans["first_month"].iloc[0], spans["last_month"].iloc[0]
    months = months_of_period(tables)
    if months[0] <= first and months[-1] >= last:
        return ""
    return (
        f"over {month_label(months[0])} to {month_label(months[-1])} only, the data allow "
        f"{month_label(first)} to {month_label(last)}"
    )


def _months(tables: Tables) -> list[str]:
    """Months that have a fold but are not in the portfolio, and the reverse."""
    folds, months = set(table_of(tables, "folds")["month"]), set(months_of_period(tables))
    cut, bare = folds - months, months - folds
    problems = [f"portfolio_months lacks {named_months(cut)}"] if cut else []
    return problems + ([f"folds lack {named_months(bare)}"] if bare else [])


def _scores(tables: Tables) -> list[str]:
    """Months with test events that are not scored, and scores that are not finite."""
    scores = table_of(tables, "scores")
    wanted = table_of(tables, "folds").groupby("month")["n_test"].sum()
    counted = scores.groupby("month").size().reindex(wanted.index, fill_value=0)
    short = [month for month in wanted.index if counted[month] != wanted[month]]
    problems = [f"scores do not hold every test event of {named_months(short)}"] if short else []
    with_model = scores[scores["gate_reason"] != "no_model"]
    values = with_model[list(SCORED)].to_numpy(dtype=np.float64, na_value=np.nan)
    n_unknown = int((~np.isfinite(values).all(axis=1)).sum()) if len(values) else 0
    return problems + ([f"{n_unknown} scores are not finite"] if n_unknown else [])


def _marks(tables: Tables) -> list[str]:
    """Marks that are not finite or missing, and a summary that contradicts the marks."""
    marks = series_of(tables, "portfolio_equity", PLATFORM).sort_values("bar_end_utc")
    equity = marks["equity_usd"].to_numpy(dtype=np.float64, na_value=np.nan)
    n_unknown = int((~np.isfinite(equity)).sum())
    if n_unknown:
        return [f"{n_unknown} marks of the equity are not finite"]
    instants = pd.DatetimeIndex(marks["bar_end_utc"]) - pd.Timedelta(microseconds=1)
    marked = {instant.date() for instant in instants.tz_localize(None).to_period("M").start_time}
    bare = [month for month in months_of_period(tables) if month not in marked]
    problems = [f"the equity has no mark in {named_months(bare)}"] if bare else []
    start = metric_of(tables, PLATFORM, "start_equity_usd")
    found = {"end_equity_usd": equity[-1], "max_drawdown_frac": max_drawdown(equity, start)}
    for column, value in found.items():
        stored = metric_of(tables, PLATFORM, column)
        if not abs(stored - value) <= TOLERANCE * max(1.0, abs(value)):
            problems.append(f"{column} is {stored:.6g}, the marks give {value:.6g}")
    return problems


CRITERION = Criterion(
    name="complete_results",
    label="Complete results",
    position=65,
    comparison="==",
    number="tally",
    asks="every fold's month is in the portfolio, every test event has a score that is a number, "
    "every mark is a number, and the summary follows from the marks",
    find=_find,
)
