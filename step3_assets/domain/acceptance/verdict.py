"""Acceptance: each gate with its figure, its threshold and one sentence; anything unknown fails.

Belongs here: reading stored results and holding them against thresholds, the verdict in one line.
Does not belong here: computing results (:mod:`step3_assets.domain.portfolio.series`), the report.

A gate passes only when its figure was found, is a number and satisfies its comparison. A missing
table, row, month or figure fails the gate, and the sentence says what was missing.
"""

import math
import operator
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.results import ACCEPTANCE
from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.audit_gate import AUDIT_GATES
from step3_assets.domain.acceptance.statistical_gates import STATISTICAL_GATES
from step3_assets.domain.core.months import month_label
from step3_assets.domain.portfolio.series import MOCK, PLATFORM, PUBLISHED, stress_series
from step3_assets.domain.portfolio.stored_figures import (
    Finding,
    MissingFigure,
    Tables,
    all_folds,
    calmar_over_months_of,
    extreme_month,
    figure_of,
    finite,
    months_of_period,
    named_months,
    series_of,
    table_of,
)

REQUIRED_HEADS = (
    "logistic",
    "ridge",
    "elasticnet",
    "lgbm_classifier",
    "lgbm_mean",
    "lgbm_q10",
    "lgbm_q50",
    "lgbm_q90",
)
CLASSIFIER = "lgbm_classifier"
P_STD = "p_std"
MIN_P_STD = 1e-6
"""A classifier whose probabilities deviate by less predicts one number, whatever it is shown."""
MIN_ROWS_FOR_STD = 20

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "==": operator.eq,
}


PROMOTE = "PROMOTE"


def judge(tables: Tables, config: Step3Config, gates: Sequence[str] | None = None) -> pd.DataFrame:
    """Hold the results against every gate.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``portfolio``, ``portfolio_months``, ``portfolio_equity``, ``fold_backtests``,
        ``model_metrics``, ``scores``, ``statistics``, ``audit`` (columns of the catalogue). A table
        that is not there fails the gates that need it.
    config : Step3Config
    gates : sequence of str, optional
        ``GATES`` by default; ``RESULT_GATES`` where no audit is run.

    Returns
    -------
    DataFrame
        Table ``acceptance``, one row per gate in the order of the page. ``value`` is NaN where it
        could not be had; such a gate has not passed.
    """
    rows = []
    for position, gate in enumerate(gates or GATES, start=1):
        comparison, find = _GATES[gate]
        try:
            finding = find(tables, config)
        except MissingFigure as missing:
            finding = Finding(math.nan, math.nan, f"Not evaluated, so not passed: {missing}.")
        rows.append(
            {
                "gate": gate,
                "position": position,
                "value": finding.value,
                "threshold": finding.threshold,
                "lower": finding.lower,
                "upper": finding.upper,
                "comparison": comparison,
                "is_passed": _holds(finding.value, comparison, finding.threshold),
                "evidence": finding.evidence,
            }
        )
    return pd.DataFrame(rows)[ACCEPTANCE.names]


def verdict(acceptance: pd.DataFrame, gates: Sequence[str] | None = None) -> str:
    """The first line of the report.

    Parameters
    ----------
    acceptance : DataFrame
        Table ``acceptance``.
    gates : sequence of str, optional
        As they were judged: see :func:`judge`.

    Returns
    -------
    str
        ``PROMOTE`` when no gate failed; ``PROMOTE NOTHING: failed ...`` otherwise.

    Examples
    --------
    >>> verdict(pd.DataFrame(columns=["gate", "is_passed"]))[:32]
    'PROMOTE NOTHING: failed calmar_v'
    """
    failed = failed_gates(acceptance, gates)
    return PROMOTE if not failed else f"PROMOTE NOTHING: failed {', '.join(failed)}"


def failed_gates(acceptance: pd.DataFrame, gates: Sequence[str] | None = None) -> list[str]:
    """Gates that have not passed, in the order of the page; see :func:`verdict`.

    A gate that does not stand in the table, or twice, or whose figure contradicts its mark, has
    failed.
    """
    asked, failed = gates or GATES, []
    for gate in asked:
        comparison = _GATES[gate][0]
        rows = acceptance[acceptance["gate"] == gate]
        row = rows.iloc[0] if len(rows) == 1 else {}
        is_passed = _is_true(row.get("is_passed")) and _holds(
            row.get("value"), comparison, row.get("threshold")
        )
        if not is_passed:
            failed.append(gate)
    others = acceptance[~acceptance["gate"].isin(list(asked))]
    marks = zip(others["gate"], others["is_passed"], strict=True)
    return failed + [gate for gate, is_passed in marks if not _is_true(is_passed)]


def _is_true(value: object) -> bool:
    return isinstance(value, bool | np.bool_) and bool(value)


def _holds(value: object, comparison: str, threshold: object) -> bool:
    """The comparison holds; never for a null or infinity."""
    left, right = finite(value), finite(threshold)
    return left is not None and right is not None and _COMPARE[comparison](left, right)


def _calmar_vs_baseline(tables: Tables, _config: Step3Config) -> Finding:
    """Over the months of each baseline; the one that asks most binds."""
    ours, theirs = figure_of(tables, PLATFORM, "calmar"), figure_of(tables, MOCK, "calmar")
    compared, said = [(ours - theirs, ours, theirs, MOCK)], [f"{MOCK} {theirs:.3f}"]
    if (table_of(tables, "portfolio")["series"] == PUBLISHED).any():
        theirs = figure_of(tables, PUBLISHED, "calmar")
        same, n_months = calmar_over_months_of(tables, PUBLISHED)
        span = "" if same == ours else f", where the platform has {same:.3f}"
        compared.append((same - theirs, same, theirs, PUBLISHED))
        said.append(
            f"{PUBLISHED} {theirs:.3f} over its {n_months} months, partly in-sample and marked at "
            f"month ends only{span}"
        )
    else:
        said.append("no published baseline in the delivery")
    _, value, threshold, binding = min(compared)
    return Finding(
        value,
        threshold,
        f"Out-of-sample Calmar {ours:.3f}, marked at every bar close, against "
        f"{'; '.join(said)}. {binding} binds.",
    )


def _calmar_positive(tables: Tables, _config: Step3Config) -> Finding:
    value = figure_of(tables, PLATFORM, "calmar")
    word = "made money" if value > 0 else "made none"
    return Finding(
        value, 0.0, f"The platform {word} after costs (Calmar {value:.3f}): not trading scores 0."
    )


def _max_drawdown(tables: Tables, config: Step3Config) -> Finding:
    limits = config.acceptance
    value = figure_of(tables, PLATFORM, "max_drawdown_frac")
    at_lows = series_of(tables, "portfolio_equity", PLATFORM)["drawdown_low_frac"].max()
    sentence = (
        f"Deepest fall {value:.2%} at bar closes ({at_lows:.2%} at bar lows), "
        f"at most {limits.max_drawdown_frac:.0%} allowed."
    )
    if limits.warn_drawdown_frac < value <= limits.max_drawdown_frac:
        sentence += f" WARNING: above {limits.warn_drawdown_frac:.0%}."
    return Finding(value, limits.max_drawdown_frac, sentence)


def _trades_per_month(tables: Tables, config: Step3Config) -> Finding:
    value = figure_of(tables, PLATFORM, "trades_per_month")
    n_trades, n_months = figure_of(tables, PLATFORM, "n_trades"), len(months_of_period(tables))
    return Finding(
        value,
        config.acceptance.min_trades_per_month,
        f"{n_trades:.0f} trades in {n_months} calendar months, the empty ones counted.",
    )


def _worst_month(tables: Tables, config: Step3Config) -> Finding:
    """Of the account through all months, and of each month from a flat start."""
    through = series_of(tables, "portfolio_months", PLATFORM)
    found = [
        (*extreme_month(rows, "return_frac", lowest=True), where)
        for rows, where in ((through, "the portfolio"), (all_folds(tables), "its own fold"))
    ]
    month, value, where = min(found, key=lambda row: row[1])
    return Finding(
        value,
        config.acceptance.catastrophic_month_frac,
        f"Worst month {month_label(month)} with {value:.2%} in {where}.",
    )


def _folds_without_models(tables: Tables, _config: Step3Config) -> Finding:
    months = months_of_period(tables)
    metrics, scores = table_of(tables, "model_metrics"), table_of(tables, "scores")
    have = metrics[metrics["value"].notna()]
    heads: dict[date, set[str]] = {}
    for month, head in zip(have["month"], have["head"], strict=True):
        heads.setdefault(month, set()).add(head)
    bare = {m for m in months if not set(REQUIRED_HEADS) <= heads.get(m, set())}
    bare |= set(scores.loc[scores["gate_reason"] == "no_model", "month"])
    sentence = f"All {len(REQUIRED_HEADS)} heads were trained in each of {len(months)} folds."
    if bare:
        sentence = f"No model, or not every head, in {named_months(bare)}."
    return Finding(float(len(bare)), 0.0, sentence)


def _constant_predictors(tables: Tables, _config: Step3Config) -> Finding:
    months = months_of_period(tables)
    deviation = _p_deviations(tables)
    unknown = [m for m in months if m not in deviation]
    if unknown:
        raise MissingFigure(
            f"the spread of the predicted probabilities of {named_months(unknown)} is unknown"
        )
    constant = [m for m in months if not deviation[m] > MIN_P_STD]
    sentence = (
        f"Predicted probabilities deviate by at least {min(deviation[m] for m in months):.2g} "
        f"in each of {len(months)} folds."
    )
    if constant:
        sentence = (
            f"The classifier predicts one number, whatever it sees, in {named_months(constant)}."
        )
    return Finding(float(len(constant)), 0.0, sentence)


def _p_deviations(tables: Tables) -> dict[date, float]:
    """Lowest known deviation of the classifier's probabilities by month.

    From ``model_metrics`` (metric ``p_std``, out of fold), and from the scores of a month that has
    enough of them.
    """
    metrics, scores = table_of(tables, "model_metrics"), table_of(tables, "scores")
    told = metrics[(metrics["head"] == CLASSIFIER) & (metrics["metric"] == P_STD)]
    found = list(zip(told["month"], told["value"], strict=True))
    for month in sorted(set(scores["month"])):
        p = scores.loc[(scores["month"] == month) & scores["p_raw"].notna(), "p_raw"]
        if len(p) >= MIN_ROWS_FOR_STD:
            found.append((month, float(np.std(p.to_numpy()))))
    lowest: dict[date, float] = {}
    for month, value in found:
        known = finite(value)
        if known is not None:
            lowest[month] = min(known, lowest.get(month, math.inf))
    return lowest


def _monthly_turnover(tables: Tables, config: Step3Config) -> Finding:
    month, value = extreme_month(all_folds(tables), "turnover", lowest=False)
    return Finding(
        value,
        config.acceptance.max_monthly_turnover,
        f"Most traded month {month_label(month)}: {value:.1f} times the capital, both sides "
        f"counted.",
    )


def _cost_stress_calmar(tables: Tables, config: Step3Config) -> Finding:
    factor = config.acceptance.cost_stress_factor
    value = figure_of(tables, stress_series(factor), "calmar")
    n_trades = figure_of(tables, stress_series(factor), "n_trades")
    return Finding(
        value,
        0.0,
        f"With costs times {factor:g} and every decision taken again, {n_trades:.0f} trades give "
        f"a Calmar of {value:.3f}; it must stay above 0.",
    )


def _cost_stress_drawdown(tables: Tables, config: Step3Config) -> Finding:
    factor = config.acceptance.cost_stress_factor
    value = figure_of(tables, stress_series(factor), "max_drawdown_frac")
    return Finding(
        value,
        config.acceptance.max_drawdown_frac,
        f"With costs times {factor:g} the deepest fall is {value:.2%} at bar closes.",
    )


_GATES: dict[str, tuple[str, Callable[[Tables, Step3Config], Finding]]] = {
    "calmar_vs_baseline": (">=", _calmar_vs_baseline),
    "calmar_positive": (">", _calmar_positive),
    "max_drawdown": ("<=", _max_drawdown),
    "trades_per_month": (">=", _trades_per_month),
    "worst_month": (">=", _worst_month),
    "folds_without_models": ("==", _folds_without_models),
    "constant_predictors": ("==", _constant_predictors),
    "monthly_turnover": ("<=", _monthly_turnover),
    "cost_stress_calmar": (">", _cost_stress_calmar),
    "cost_stress_drawdown": ("<=", _cost_stress_drawdown),
    **STATISTICAL_GATES,
    **AUDIT_GATES,
}
GATES = tuple(_GATES)
RESULT_GATES = tuple(gate for gate in GATES if gate not in AUDIT_GATES)
"""What the results alone can tell; the platform's own verdict asks for the audit too."""
