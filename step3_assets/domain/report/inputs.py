"""The inputs of a report and the finished report, as records.

Belongs here: the two dataclasses, the check that every frame has its columns, and the
joins that several sections share. Does not belong here: layout.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.domain.core.keys import ALL_SYMBOLS, EVENT_KEY
from step3_assets.domain.decisions.outcomes import with_outcomes

OUTCOME_COLUMNS = (
    "symbol",
    "decision_time_utc",
    "month",
    "y",
    "net_logret",
    "cost_rt",
    "maturity",
    "family",
    "exit_reason",
    "entry_overnight",
)
BAR_COLUMNS = ("symbol", "date", "high", "low", "close")
_CATALOGUED = (
    "acceptance",
    "statistics",
    "audit",
    "drift",
    "importances",
    "tuned_params",
    "model_registry",
    "portfolio",
    "portfolio_months",
    "portfolio_equity",
    "portfolio_trades",
    "portfolio_decisions",
    "risk_events",
    "cost_stress",
    "allocation_comparison",
    "allocation_weights",
    "fold_backtests",
    "folds",
    "scores",
    "model_metrics",
    "reliability_bins",
    "recalibrations",
    "recalibration_comparison",
)


@dataclass(frozen=True)
class ReportInputs:
    """All inputs of the page.

    Parameters
    ----------
    verdict : str
        The sentence that opens the page, from :mod:`step3_assets.domain.acceptance.verdict`.
    acceptance, statistics, audit, drift, importances, tuned_params, model_registry, portfolio, \
portfolio_months, portfolio_equity, portfolio_trades, portfolio_decisions, risk_events, \
cost_stress, allocation_comparison, allocation_weights, fold_backtests, folds, scores, \
model_metrics, reliability_bins, recalibrations, recalibration_comparison : DataFrame
        Tables of the catalogue (:mod:`step3_assets.catalogue`), all months. Empty frames with their
        columns are allowed: the section then says that there is nothing to show.
    events_outcomes : DataFrame
        ``OUTCOME_COLUMNS`` of the test events (columns of ``events``); joined to ``scores`` here.
    bars : DataFrame
        ``BAR_COLUMNS`` of the test months (columns of ``bar_features``).
    mock_baseline : DataFrame or None
        The table of that name, or None when the mock baseline was not run.
    dataset_version : str
        Content hash of the delivery.
    dataset_note : str
        Symbols and time span of the delivery, in words.
    is_synthetic : bool
        The delivery was simulated: the page and every plot say SYNTHETIC.
    config : Step3Config
    code_version : str

    Raises
    ------
    ValueError
        If a frame lacks a column, with the names of table and columns, or if the verdict is not
        one line of plain text.
    """

    verdict: str
    acceptance: pd.DataFrame
    statistics: pd.DataFrame
    audit: pd.DataFrame
    drift: pd.DataFrame
    importances: pd.DataFrame
    tuned_params: pd.DataFrame
    model_registry: pd.DataFrame
    portfolio: pd.DataFrame
    portfolio_months: pd.DataFrame
    portfolio_equity: pd.DataFrame
    portfolio_trades: pd.DataFrame
    portfolio_decisions: pd.DataFrame
    risk_events: pd.DataFrame
    cost_stress: pd.DataFrame
    allocation_comparison: pd.DataFrame
    allocation_weights: pd.DataFrame
    fold_backtests: pd.DataFrame
    folds: pd.DataFrame
    scores: pd.DataFrame
    events_outcomes: pd.DataFrame
    bars: pd.DataFrame
    model_metrics: pd.DataFrame
    reliability_bins: pd.DataFrame
    recalibrations: pd.DataFrame
    recalibration_comparison: pd.DataFrame
    mock_baseline: pd.DataFrame | None
    dataset_version: str
    dataset_note: str
    is_synthetic: bool
    config: Step3Config
    code_version: str

    def __post_init__(self) -> None:
        if not self.verdict.strip() or re.search(r"[\r\n]|<[A-Za-z/!?]", self.verdict):
            raise ValueError(f"the verdict must be one line of plain text, not {self.verdict!r}")
        for name in _CATALOGUED:
            _require_columns(name, getattr(self, name), TABLES[name].names)
        _require_columns("events_outcomes", self.events_outcomes, OUTCOME_COLUMNS)
        _require_columns("bars", self.bars, BAR_COLUMNS)
        if self.mock_baseline is not None:
            _require_columns("mock_baseline", self.mock_baseline, TABLES["mock_baseline"].names)

    @property
    def months(self) -> list[pd.Period]:
        """Every test month, in order."""
        return sorted(set(months_of(self.folds)) | set(months_of(self.fold_backtests)))

    @property
    def symbols(self) -> list[str]:
        """Every symbol that has a fold, in order."""
        named = set(self.folds["symbol"]) | set(self.fold_backtests["symbol"])
        return sorted(named - {ALL_SYMBOLS})


@dataclass(frozen=True)
class Report:
    """The report, ready to be written to files.

    Parameters
    ----------
    verdict : str
        The first line, without markup.
    markdown : str
        The page; its plots are linked as ``FIGURE_FOLDER/<name>``.
    html : str
        The same page in one file, plots included.
    figures : dict of str to bytes
        PNG by file name, to be written into ``FIGURE_FOLDER`` beside the markdown.
    """

    verdict: str
    markdown: str
    html: str
    figures: dict[str, bytes]


def _require_columns(table: str, frame: pd.DataFrame, names: Iterable[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"{table}: the report needs column(s) {', '.join(missing)}")


def months_of(frame: pd.DataFrame) -> pd.Series:
    """Monthly periods of the ``month`` column, whether it holds dates or timestamps."""
    stamps = pd.to_datetime(pd.Series(frame["month"].to_numpy(), index=frame.index))
    return stamps.dt.to_period("M").rename("month")


def as_float(values: pd.Series) -> np.ndarray:
    """The values as float64; any kind of null becomes NaN."""
    return values.to_numpy(dtype="float64", na_value=np.nan)


def score_outcomes(scores: pd.DataFrame, events_outcomes: pd.DataFrame) -> pd.DataFrame:
    """Scores of test events whose label is final, with their outcomes.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    events_outcomes : DataFrame
        See :class:`ReportInputs`. Rows that are not ``final`` are left out: their outcome may
        still change.

    Returns
    -------
    DataFrame
        The columns of ``scores`` and ``y``, ``net_logret``, ``cost_rt`` as float; one row per
        event, sorted by symbol and decision.
    """
    joined = with_outcomes(scores, events_outcomes, ["y", "net_logret", "cost_rt"])
    numbers = joined.select_dtypes("number").columns.union(["y", "net_logret", "cost_rt"])
    joined = joined.assign(**{c: as_float(joined[c]) for c in numbers})
    return joined.sort_values(EVENT_KEY, ignore_index=True)
