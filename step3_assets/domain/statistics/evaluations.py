"""Trials from earlier runs: every configuration of an earlier portfolio run counts as a trial.

Belongs here: the rows of table ``evaluations``, and the trials that they add. Does not belong
here: the search's ledger (:mod:`.trials`).

Running the platform again with other settings and keeping the better result is a search. Such runs
count as trials in the deflated Sharpe ratio and in PBO, like those of an optimiser.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.catalogue.portfolio import EVALUATIONS
from step3_assets.config import Step3Config
from step3_assets.domain.core.months import month_label
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.search.settings import short_hash, trading_hash
from step3_assets.domain.statistics.trials import Trials

IDENTITY = ["config_hash", "code_version", "span"]
LONGEST = "longest"
TRADING_PARTS = ("folds", "models", "gate", "sizing", "execution", "risk", "allocation")


def evaluation_rows(
    portfolio_months: pd.DataFrame,
    settings: Mapping[date, Step3Config],
    dataset_version: str,
    code_version: str,
    span: str = LONGEST,
) -> pd.DataFrame:
    """The rows of one run of the portfolio.

    Parameters
    ----------
    portfolio_months : DataFrame
        Table ``portfolio_months``.
    settings : mapping of date to Step3Config
        Settings in force in each test month.
    dataset_version, code_version : str
    span : str
        Name of the span, from :func:`span_of`.

    Returns
    -------
    DataFrame
        Table ``evaluations``, one row per month.
    """
    ours = portfolio_months[portfolio_months["series"] == PLATFORM]
    rows = ours[["month", "return_frac"]].assign(
        config_hash=configuration_hash(settings),
        code_version=code_version,
        span=span,
        dataset_version=dataset_version,
        settings=[_departures(settings[month]) for month in ours["month"]],
    )
    return rows[EVALUATIONS.names].reset_index(drop=True)


def configuration_hash(settings: Mapping[date, Step3Config]) -> str:
    """One hash of the settings of all months; the settings' hash if all months share them."""
    hashes = [(str(month), trading_hash(config)) for month, config in sorted(settings.items())]
    distinct = {value for _, value in hashes}
    return distinct.pop() if len(distinct) == 1 else short_hash(hashes)


def with_run(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Table ``evaluations`` in which this run replaces an earlier one with the same identity."""
    new = set(map(tuple, rows[IDENTITY].itertuples(index=False)))
    is_other = [tuple(row) not in new for row in known[IDENTITY].itertuples(index=False)]
    kept = known[is_other]
    return pd.concat([kept, rows], ignore_index=True) if len(kept) else rows


def span_of(months: Sequence[date], longest: tuple[date, date]) -> str:
    """Name of a run's months in table ``evaluations``.

    Returns
    -------
    str
        :data:`LONGEST` if no month of the data is left out, so that a run on longer data is the
        same trial; otherwise the first and last month.

    Examples
    --------
    >>> span_of([date(2020, 2, 1), date(2020, 3, 1)], (date(2020, 1, 1), date(2020, 3, 1)))
    '2020-02 to 2020-03'
    """
    if months[0] <= longest[0] and months[-1] >= longest[1]:
        return LONGEST
    return f"{month_label(months[0])} to {month_label(months[-1])}"


@dataclass(frozen=True)
class Shown:
    """The run whose results are shown.

    Parameters
    ----------
    config_hash, code_version, span : str
        Identity of the run in table ``evaluations``.
    months : sequence of date
        Its test months.
    """

    config_hash: str
    code_version: str
    span: str
    months: Sequence[date]

    @property
    def name(self) -> str:
        """The trial's name."""
        return f"{self.config_hash}@{self.code_version}@{self.span}"


def count_evaluations(trials: Trials, evaluations: pd.DataFrame, shown: Shown) -> Trials:
    """Add every other run of the portfolio to the trials.

    Parameters
    ----------
    trials : Trials
        From the search's ledger; they already count the configuration that is shown.
    evaluations : DataFrame
        Table ``evaluations``.
    shown : Shown
        The run whose results are shown.

    Returns
    -------
    Trials
        Each combination of configuration, code version and span counts once, whatever its months:
        choosing among spans is also a search. If the search recorded no monthly returns, they are
        taken from the runs that cover all months of the results.
    """
    name = evaluations["config_hash"] + "@" + evaluations["code_version"]
    name = name + "@" + evaluations["span"]
    others = set(name) - {shown.name}
    returns = trials.monthly_returns
    if returns is None and others:
        named = evaluations.assign(trial=name)
        wide = named.pivot(index="month", columns="trial", values="return_frac")
        whole = wide.reindex(list(shown.months)).dropna(axis=1)
        returns = whole if whole.shape[1] > 1 and len(whole) > 1 else None
    n_trials = trials.n_trials + len(others)
    return replace(trials, n_trials=n_trials, monthly_returns=returns, is_recorded=True)


def _departures(config: Step3Config) -> str:
    """The settings that differ from the defaults, as JSON; ``{}`` if none does."""
    standard = Step3Config()
    found = {}
    for part in TRADING_PARTS:
        used = getattr(config, part).model_dump(mode="json")
        differs = _different(used, getattr(standard, part).model_dump(mode="json"))
        if differs:
            found[part] = differs
    return json.dumps(found, sort_keys=True)


def _different(used: dict[str, Any], standard: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in used.items():
        if isinstance(value, dict):
            if inner := _different(value, standard[key]):
                found[key] = inner
        elif value != standard[key]:
            found[key] = value
    return found
