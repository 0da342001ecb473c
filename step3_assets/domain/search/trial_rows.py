"""Rows of ``trials`` and ``tuned_params``: what is kept of a search.

Belongs here: a trial as a row, the choice as a row. Does not belong here: making trials
(:mod:`.epoch_search`), storage.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from step3_assets.config import Step3Config
from step3_assets.domain.months import month_label
from step3_assets.domain.search import space
from step3_assets.domain.search.epochs import Epoch
from step3_assets.domain.search.settings import (
    from_sections,
    searched_sections,
    short_hash,
    trading_hash,
)

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_EVALUATED = {
    "model": "forecasts and an account",
    "gate": "an account on cached forecasts",
    "allocation": "an account on cached forecasts",
}


@dataclass(frozen=True)
class Origin:
    """Where rows come from: the epoch, the hash of all that its trials depend on, the delivery."""

    epoch: Epoch
    search_hash: str
    dataset_version: str


@dataclass(frozen=True)
class Tried:
    """One trial and the settings that it stands for.

    Attributes
    ----------
    level : str
    trial : FrozenTrial
    config : Step3Config
        Gives the account that was evaluated; unused settings are the base's.
    model : int
        The finalist whose forecasts were traded.
    """

    level: str
    trial: "FrozenTrial"
    config: Step3Config
    model: int = 0

    @property
    def objective(self) -> float:
        """On the inner months evaluated."""
        return float(self.trial.user_attrs["objective"])


def trial_row(origin: Origin, label: str, tried: Tried) -> dict[str, Any]:
    """A row of ``trials``."""
    level, trial, noted = tried.level, tried.trial, tried.trial.user_attrs
    months = origin.epoch.inner[: len(noted["month_return_frac"])]
    config_hash = trading_hash(tried.config)
    return {
        "trial_id": short_hash(label, level, trial.number, config_hash, len(months)),
        "epoch": origin.epoch.first,
        "level": level,
        "study": f"{label} {level}",
        "number": trial.number,
        "state": trial.state.name.lower(),
        "params": json.dumps(trial.params, sort_keys=True),
        "config_hash": config_hash,
        "models_hash": tried.config.models.content_hash(),
        "first_month": months[0],
        "last_month": months[-1],
        "objective": noted["objective"],
        "max_drawdown_frac": noted["max_drawdown_frac"],
        "n_trades": noted["n_trades"],
        "month_returns": json.dumps(noted["month_return_frac"]),
        "evaluated_on": f"{_EVALUATED[level]}: inner folds {month_label(months[0])} to "
        f"{month_label(months[-1])}, {noted['n_trades']} trades",
        "search_hash": origin.search_hash,
        "dataset_version": origin.dataset_version,
    }


def tuned_row(
    origin: Origin, models: Sequence[Tried], trading: Sequence[Tried], base: Step3Config
) -> dict[str, Any]:
    """The row of ``tuned_params``: the best trading trial, or the base where it gains too little.

    Parameters
    ----------
    models, trading : sequence of Tried
        In order; the first of `models` is the base. Of equal trading trials the first is the best.
    """
    best = max(trading, key=lambda one: one.objective)
    default = models[0].objective
    is_default = best.objective <= default or best.objective < default + base.search.min_gain
    in_force = base if is_default else best.config
    sections = searched_sections(in_force)
    if trading_hash(from_sections(base, sections)) != trading_hash(in_force):
        raise ValueError("the settings chosen are not those that their row would give back")
    epoch = origin.epoch
    return {
        "epoch": epoch.first,
        "last_month": epoch.last,
        "inner_first_month": epoch.inner[0],
        "inner_last_month": epoch.inner[-1],
        "n_inner_months": len(epoch.inner),
        "n_model_trials": len(models),
        "n_gate_trials": len(trading),
        "objective": best.objective,
        "default_objective": default,
        "is_default": is_default,
        "params": json.dumps(_shown(in_force), sort_keys=True),
        "settings": json.dumps(sections, sort_keys=True),
        "config_hash": trading_hash(in_force),
        "base_hash": trading_hash(base),
        "search_hash": origin.search_hash,
        "dataset_version": origin.dataset_version,
    }


def _shown(config: Step3Config) -> dict[str, Any]:
    shown = space.default_model_params(config.models) | space.default_trading_params(config, 1)
    return shown | {"allocation": config.allocation.method}
