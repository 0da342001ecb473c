"""The tables that the audit reads, and the answer of a check.

Belongs here: the two dataclasses. Does not belong here: any check.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.step2.knobs import Step2Config

TRAINING_ROLES = ("fit", "calibration")


@dataclass(frozen=True)
class Evidence:
    """Whether a check passed, and what it examined or found."""

    is_passed: bool
    text: str


@dataclass(frozen=True)
class AuditInputs:
    """Stored tables of one set of results.

    Parameters
    ----------
    months : list of date
        Every test month of the results.
    sampled : list of date
        The months that are retrained and scored again.
    events, bars : DataFrame
        Tables ``events`` and ``bar_features``, from the look-back of the first test month on.
    folds, fold_members, scores : DataFrame
        Tables of these names, of all months.
    models : DataFrame
        Table ``calibrated_models`` of the sampled months.
    features_hashes : dict of date to set of str
        ``features_hash`` of every month that has models.
    trades, decisions : DataFrame
        The platform's rows of ``portfolio_trades`` and ``portfolio_decisions``.
    config : Step3Config
    by_month : mapping of date to Step3Config
        Settings of months that a search chose them for.
    knobs : Step2Config
        What the delivery was built with.
    partners : mapping of str to str
        The other symbol of each.
    """

    months: list[date]
    sampled: list[date]
    events: pd.DataFrame
    bars: pd.DataFrame
    folds: pd.DataFrame
    fold_members: pd.DataFrame
    scores: pd.DataFrame
    models: pd.DataFrame
    features_hashes: Mapping[date, set[str]]
    trades: pd.DataFrame
    decisions: pd.DataFrame
    config: Step3Config
    knobs: Step2Config = field(default_factory=Step2Config)
    partners: Mapping[str, str] = field(default_factory=dict)
    by_month: Mapping[date, Step3Config] = field(default_factory=dict)

    def config_of(self, month: date) -> Step3Config:
        """The settings a month was made with."""
        return self.by_month.get(month, self.config)


def sample_months(months: list[date], count: int) -> list[date]:
    """The last month and others spread evenly before it, in time order.

    Examples
    --------
    >>> [m.month for m in sample_months([date(2020, i, 1) for i in range(1, 13)], 3)]
    [4, 8, 12]
    """
    count = min(count, len(months))
    return [months[(i + 1) * len(months) // count - 1] for i in range(count)]


def verdict_of(faults: list[str], nothing_found: str) -> Evidence:
    """Passed when there is no fault; otherwise the first faults and their number."""
    if not faults:
        return Evidence(True, nothing_found)
    more = f" And {len(faults) - 3} more." if len(faults) > 3 else ""
    return Evidence(False, "; ".join(faults[:3]) + "." + more)


def name_rows(rows: pd.DataFrame, count: int = 2) -> str:
    """The first rows by symbol and decision."""
    named = [
        f"{r.symbol} {r.decision_time_utc:%Y-%m-%d %H:%M}" for r in rows.head(count).itertuples()
    ]
    return ", ".join(named)
