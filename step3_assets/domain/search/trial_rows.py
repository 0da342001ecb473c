"""Rows of ``trials`` and ``tuned_params``: the stored results of a search.

Belongs here: a trial as a row, the choice as a row. Does not belong here: making trials
(:mod:`.epoch_search`), storage.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from step3_assets.config import Step3Config
from step3_assets.domain.core.months import month_label
from step3_assets.domain.search import space
from step3_assets.domain.search.epochs import Epoch
from step3_assets.domain.search.evidence import adjusted_p_values
from step3_assets.domain.search.settings import (
    SearchedSections,
    short_hash,
    trading_hash,
    with_sections,
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
    """Origin of rows: the epoch, the hash of everything its trials depend on, the delivery."""

    epoch: Epoch
    search_hash: str
    dataset_version: str


@dataclass(frozen=True)
class Tried:
    """One trial and its settings.

    Attributes
    ----------
    level : str
    trial : FrozenTrial
    config : Step3Config
        The settings of the account that was evaluated; unused ones are the base's.
    model : int
        The finalist whose forecasts were traded.
    """

    level: str
    trial: "FrozenTrial"
    config: Step3Config
    model: int = 0

    @property
    def objective(self) -> float:
        """Objective on the inner months evaluated."""
        return float(self.trial.user_attrs["objective"])

    @property
    def month_scores(self) -> list[float]:
        """Score of each of these months."""
        return self.trial.user_attrs["month_scores"]

    @property
    def is_complete(self) -> bool:
        """Whether it was evaluated on every inner month."""
        return self.trial.state.name == "COMPLETE"


def trial_row(origin: Origin, label: str, tried: Tried) -> dict[str, Any]:
    """A row of ``trials``."""
    level, trial, results = tried.level, tried.trial, tried.trial.user_attrs
    months = origin.epoch.inner[: len(results["month_return_frac"])]
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
        "objective": results["objective"],
        "max_drawdown_frac": results["max_drawdown_frac"],
        "n_trades": results["n_trades"],
        "month_returns": json.dumps(results["month_return_frac"]),
        "month_scores": json.dumps(results["month_scores"]),
        "evaluated_on": f"{_EVALUATED[level]}: inner folds {month_label(months[0])} to "
        f"{month_label(months[-1])}, {results['n_trades']} trades",
        "search_hash": origin.search_hash,
        "dataset_version": origin.dataset_version,
    }


def tuned_row(
    origin: Origin, models: Sequence[Tried], trading: Sequence[Tried], base: Step3Config
) -> dict[str, Any]:
    """The row of ``tuned_params``: the best trading trial with enough evidence, or the base.

    Parameters
    ----------
    models, trading : sequence of Tried
        In order; the first of `models` is the base. Of equal trading trials the first is the best.
    """
    search, default = base.search, models[0]
    complete = [*trading, *(tried for tried in models if tried.is_complete)]
    scores = np.array([tried.month_scores for tried in complete]).T
    p_values = adjusted_p_values(scores, np.array(default.month_scores), search.seed)
    ranked = sorted(
        zip(trading, p_values[: len(trading)], strict=True), key=lambda pair: -pair[0].objective
    )
    better = [
        (tried, p_value)
        for tried, p_value in ranked
        if tried.objective > default.objective
        and tried.objective >= default.objective + search.min_gain
        and p_value <= search.max_p_value
    ]
    is_default = not better
    best, p_value = (better or ranked)[0]
    in_force = base if is_default else best.config
    sections = SearchedSections.of(in_force).model_dump(mode="json")
    read_back = with_sections(base, SearchedSections.model_validate(sections))
    if trading_hash(read_back) != trading_hash(in_force):
        raise ValueError("the row would read back as other settings than those that were chosen")
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
        "default_objective": default.objective,
        "p_value": float(p_value),
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
