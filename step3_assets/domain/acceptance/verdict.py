"""The verdict: results compared with every criterion, and the outcome in one line.

Belongs here: table ``acceptance`` and the verdict that follows from it. Does not belong here: any
criterion (:mod:`step3_assets.domain.acceptance.criteria`), the report.

A criterion passes only if its value exists, is a finite number and satisfies the comparison. If a
table, row, month or value is missing, the criterion fails, and its sentence says what is missing.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from step3_assets.catalogue.results import ACCEPTANCE
from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criteria import CRITERIA
from step3_assets.domain.portfolio.stored_metrics import Finding, MissingMetric, Tables

PROMOTE = "PROMOTE"


def every_criterion() -> tuple[str, ...]:
    """The criteria of the platform's verdict, in the order of the report."""
    return tuple(CRITERIA)


def result_criteria() -> tuple[str, ...]:
    """The criteria that need only the results, and no stored run."""
    return tuple(name for name, criterion in CRITERIA.items() if not criterion.needs_store)


def judge(
    tables: Tables, config: Step3Config, criteria: Sequence[str] | None = None
) -> pd.DataFrame:
    """Evaluate every criterion on the results.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``portfolio``, ``portfolio_months``, ``portfolio_equity``, ``fold_backtests``,
        ``model_metrics``, ``scores``, ``folds``, ``statistics``, ``audit`` (columns of the
        catalogue); ``provenance`` (``problem``: one for each table that was not made from stored
        rows). If a table is missing, the criteria that need it fail.
    config : Step3Config
    criteria : sequence of str, optional
        :func:`every_criterion` by default; use :func:`result_criteria` if no audit is run.

    Returns
    -------
    DataFrame
        Table ``acceptance``, one row per criterion in the order of the report. If ``value`` is
        missing it is NaN, and the criterion has not passed.
    """
    rows = []
    for position, name in enumerate(criteria or every_criterion(), start=1):
        criterion = CRITERIA[name]
        try:
            finding = criterion.find(tables, config)
        except MissingMetric as missing:
            finding = Finding(math.nan, math.nan, f"Not evaluated, so not passed: {missing}.")
        rows.append(
            {
                "criterion": name,
                "position": position,
                "value": finding.value,
                "threshold": finding.threshold,
                "lower": finding.lower,
                "upper": finding.upper,
                "comparison": criterion.comparison,
                "is_passed": criterion.holds(finding.value, finding.threshold),
                "evidence": finding.evidence,
                "loosened": ", ".join(criterion.loosened(config)) or None,
                "caveat": finding.caveat or None,
            }
        )
    return pd.DataFrame(rows)[ACCEPTANCE.names]


def verdict(acceptance: pd.DataFrame, criteria: Sequence[str] | None = None) -> str:
    """The verdict in one line, the first line of the report.

    Parameters
    ----------
    acceptance : DataFrame
        Table ``acceptance``.
    criteria : sequence of str, optional
        The criteria that were evaluated: see :func:`judge`.

    Returns
    -------
    str
        ``PROMOTE`` if no criterion failed, else ``PROMOTE NOTHING: failed ...``. Criteria looser
        than the defaults and other caveats follow on the same line.

    Examples
    --------
    >>> verdict(pd.DataFrame(columns=["criterion", "is_passed"]))[:32]
    'PROMOTE NOTHING: failed calmar_v'
    """
    failed = failed_criteria(acceptance, criteria)
    outcome = PROMOTE if not failed else f"PROMOTE NOTHING: failed {', '.join(failed)}"
    return "; ".join([outcome, *caveats(acceptance)])


def caveats(acceptance: pd.DataFrame) -> list[str]:
    """Caveats for a reader of the verdict: loosened criteria, a shortened span."""
    if "loosened" not in acceptance:
        return []
    rows = acceptance.sort_values("position")
    loose = rows[rows["loosened"].notna()]
    named = [f"{row.criterion} ({row.loosened})" for row in loose.itertuples()]
    found = [f"with loosened criteria: {', '.join(named)}"] if named else []
    return found + list(dict.fromkeys(rows["caveat"].dropna()))


def failed_criteria(acceptance: pd.DataFrame, criteria: Sequence[str] | None = None) -> list[str]:
    """Criteria that have not passed, in the order of the report; see :func:`verdict`.

    A criterion has failed if it is missing from the table, occurs twice, or its value contradicts
    ``is_passed``. An unknown criterion has failed if its row is not marked as passed.
    """
    asked, failed = criteria or every_criterion(), []
    for name in asked:
        rows = acceptance[acceptance["criterion"] == name]
        row = rows.iloc[0] if len(rows) == 1 else {}
        is_passed = _is_true(row.get("is_passed")) and CRITERIA[name].holds(
            row.get("value"), row.get("threshold")
        )
        if not is_passed:
            failed.append(name)
    others = acceptance[~acceptance["criterion"].isin(list(asked))]
    marks = zip(others["criterion"], others["is_passed"], strict=True)
    return failed + [name for name, is_passed in marks if not _is_true(is_passed)]


def _is_true(value: object) -> bool:
    return isinstance(value, bool | np.bool_) and bool(value)
