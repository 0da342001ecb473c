"""Every configuration that the portfolio was ever run with counts as a trial.

Belongs here: the rows of table ``evaluations``, and the trials that they add. Does not belong
here: the search's own ledger (:mod:`.trials`).

Running the platform again with other settings and keeping the better result is a search, whoever
does it. Its trials count in the deflated Sharpe ratio and in PBO like those of an optimiser.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.catalogue.portfolio import EVALUATIONS
from step3_assets.config import Step3Config
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.search.settings import short_hash, trading_hash
from step3_assets.domain.statistics.trials import Trials

IDENTITY = ["config_hash", "code_version"]
TRADING_PARTS = ("folds", "models", "gate", "sizing", "execution", "risk", "allocation")


def evaluation_rows(
    portfolio_months: pd.DataFrame,
    settings: Mapping[date, Step3Config],
    dataset_version: str,
    code_version: str,
) -> pd.DataFrame:
    """The rows of one run of the portfolio.

    Parameters
    ----------
    portfolio_months : DataFrame
        Table ``portfolio_months``.
    settings : mapping of date to Step3Config
        In force in each test month.
    dataset_version, code_version : str

    Returns
    -------
    DataFrame
        Table ``evaluations``, one row a month.
    """
    ours = portfolio_months[portfolio_months["series"] == PLATFORM]
    rows = ours[["month", "return_frac"]].assign(
        config_hash=configuration_hash(settings),
        code_version=code_version,
        dataset_version=dataset_version,
        settings=[_departures(settings[month]) for month in ours["month"]],
    )
    return rows[EVALUATIONS.names].reset_index(drop=True)


def configuration_hash(settings: Mapping[date, Step3Config]) -> str:
    """One hash of the settings of all months; that of the settings where all share them."""
    hashes = [(str(month), trading_hash(config)) for month, config in sorted(settings.items())]
    distinct = {value for _, value in hashes}
    return distinct.pop() if len(distinct) == 1 else short_hash(hashes)


def with_run(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Table ``evaluations`` with this run in place of an earlier one of the same configuration."""
    new = set(map(tuple, rows[IDENTITY].itertuples(index=False)))
    is_other = [tuple(row) not in new for row in known[IDENTITY].itertuples(index=False)]
    kept = known[is_other]
    return pd.concat([kept, rows], ignore_index=True) if len(kept) else rows


def count_evaluations(
    trials: Trials, evaluations: pd.DataFrame, shown: str, code_version: str, months: Sequence[date]
) -> Trials:
    """The trials with every other configuration that the portfolio was run with on the months.

    Parameters
    ----------
    trials : Trials
        Of the search's ledger; they count the configuration that is shown already.
    evaluations : DataFrame
        Table ``evaluations``.
    shown, code_version : str
        Configuration and code of the results.
    months : sequence of date
        Their test months.

    Returns
    -------
    Trials
        Each pair of configuration and code version counts once where it met one of the months.
        Monthly returns are those of the runs that have all of the months, where the search left
        none.
    """
    met = evaluations[evaluations["month"].isin(list(months))]
    name = met["config_hash"] + "@" + met["code_version"]
    others = set(name) - {f"{shown}@{code_version}"}
    returns = trials.monthly_returns
    if returns is None and others:
        wide = met.assign(trial=name).pivot(index="month", columns="trial", values="return_frac")
        whole = wide.reindex(list(months)).dropna(axis=1)
        returns = whole if whole.shape[1] > 1 and len(whole) > 1 else None
    n_trials = trials.n_trials + len(others)
    return replace(trials, n_trials=n_trials, monthly_returns=returns, is_recorded=True)


def _departures(config: Step3Config) -> str:
    """What differs from the defaults, as JSON; ``{}`` where nothing does."""
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
