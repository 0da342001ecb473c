"""The search space: from an Optuna trial to settings, and from base settings to the first trial.

Belongs here: which numbers are searched, and their names. Does not belong here: bounds and their
reasons (``config.search.space``), trials.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from step3_assets.config import (
    ModelConfig,
    RiskConfig,
    SearchRange,
    SearchSpace,
    Step3Config,
)
from step3_assets.domain.search.settings import SearchedSections, with_sections
from step3_assets.plugins.risk_rules import RULE_SETTINGS, RULES
from step3_assets.plugins.sizing_methods import METHOD_OF, METHOD_SETTINGS

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

EV_STRUCT = ("payoff", "barrier")
GATE_PARAMS = ("k", "phi", "overnight_multiplier")
SIZING_PARAMS = tuple(n for n, s in METHOD_SETTINGS.items() if s.searched is not None)
RULE_OF_LIMIT = {
    rule.limit: rule.name
    for rule in RULES
    if rule.limit is not None and rule.settings[rule.limit].searched is not None
}
"""The rule behind each risk limit that is searched."""


MODEL_PARAMS: dict[str, tuple[str, str]] = {
    "max_depth": ("lightgbm", "max_depth"),
    "num_leaves": ("lightgbm", "num_leaves"),
    "min_data_in_leaf": ("lightgbm", "min_data_in_leaf"),
    "learning_rate": ("lightgbm", "learning_rate"),
    "n_rounds": ("lightgbm", "n_rounds"),
    "lambda_l2": ("lightgbm", "lambda_l2"),
    "drift_min_data_in_leaf": ("drift", "min_data_in_leaf"),
    "drift_learning_rate": ("drift", "learning_rate"),
    "drift_n_rounds": ("drift", "n_rounds"),
    "prior_strength": ("blend", "prior_strength"),
}
"""Searched model settings: the section of ``config.models`` and the field of each."""


def suggest_models(trial: "BaseTrial", base: ModelConfig, space: SearchSpace) -> ModelConfig:
    """Model settings of a model trial."""
    sections: dict[str, Any] = {}
    for name, (section, field) in MODEL_PARAMS.items():
        old = sections.get(section, getattr(base, section))
        draw = _integer if isinstance(getattr(old, field), int) else _number
        sections[section] = old.model_copy(update={field: draw(trial, name, space)})
    ev_struct = trial.suggest_categorical("ev_struct", EV_STRUCT)
    return base.model_copy(update={**sections, "ev_struct": ev_struct})


def default_model_params(base: ModelConfig) -> dict[str, Any]:
    """The documented settings as parameters of a model trial, the first of every study."""
    params = {
        name: getattr(getattr(base, section), field)
        for name, (section, field) in MODEL_PARAMS.items()
    }
    return params | {"ev_struct": base.ev_struct}


def suggest_trading(
    trial: "BaseTrial", base: Step3Config, space: SearchSpace, n_models: int
) -> tuple[int, Step3Config]:
    """Finalist of a gate trial, and the base settings with its gate, sizes and risk limits.

    A setting that the sizing method does not use keeps its base value, so that equivalent settings
    have an equal hash. A risk limit is at most the base's; one that is off there stays off.
    """
    model = trial.suggest_int("model", 0, n_models - 1) if n_models > 1 else 0
    gate = base.gate.model_copy(update={n: _number(trial, n, space) for n in GATE_PARAMS})
    method = trial.suggest_categorical("method", tuple(METHOD_OF))
    drawn = {n: _number(trial, n, space) for n in SIZING_PARAMS}
    read = {n: v for n, v in drawn.items() if n in METHOD_OF[method].settings}
    sizing = base.sizing.model_copy(update={"method": method, **read})
    size_frac = _number(trial, "size_frac", space)
    limits = {
        name: (
            trial.suggest_int(name, int(low), int(min(high, limit)))
            if RULE_SETTINGS[name].kind is int
            else trial.suggest_float(name, low, min(high, limit))
        )
        for name, limit in _limits(base.risk).items()
        for low, high in [_bounds(name, space)]
    }
    risk = base.risk.model_copy(update=limits)
    sections = SearchedSections(gate=gate, sizing=sizing, size_frac=size_frac, risk=risk)
    return model, with_sections(base, sections)


def default_trading_params(base: Step3Config, n_models: int) -> dict[str, Any]:
    """The documented settings as parameters of a gate trial, on the first model."""
    params: dict[str, Any] = {n: getattr(base.gate, n) for n in GATE_PARAMS}
    params |= {n: getattr(base.sizing, n) for n in SIZING_PARAMS}
    params |= {"method": base.sizing.method, "size_frac": base.execution.size_frac}
    params |= _limits(base.risk)
    return params | ({"model": 0} if n_models > 1 else {})


def without_unused_limits(
    config: Step3Config, base: RiskConfig, acted: Collection[str]
) -> Step3Config:
    """The configuration with the base's risk limits where the rule never acted.

    The base's limits are no tighter, so these rules do not act under them either and the account is
    the same. Limits without evidence are not put in force.
    """
    idle = {n: v for n, v in _limits(base).items() if RULE_OF_LIMIT[n] not in acted}
    return with_sections(config, SearchedSections(risk=config.risk.model_copy(update=idle)))


def _limits(risk: RiskConfig) -> dict[str, float]:
    """The searched risk limits that are on."""
    return {n: getattr(risk, n) for n in RULE_OF_LIMIT if getattr(risk, n) is not None}


def require_inside(params: dict[str, Any], space: SearchSpace) -> None:
    """Refuse base settings outside the space, because they are the first trial.

    Raises
    ------
    ValueError
        Naming the setting, its value and the bounds.
    """
    for name, value in params.items():
        bounds = getattr(space, name, None)
        if isinstance(bounds, SearchRange) and not bounds.low <= value <= bounds.high:
            raise ValueError(
                f"search.space.{name}: {bounds.low:g} to {bounds.high:g} does not contain the "
                f"configured {value:g}; widen it in step3.toml"
            )


def _bounds(name: str, space: SearchSpace) -> tuple[float, float]:
    bounds: SearchRange = getattr(space, name)
    return bounds.low, bounds.high


def _number(trial: "BaseTrial", name: str, space: SearchSpace) -> float:
    bounds: SearchRange = getattr(space, name)
    return trial.suggest_float(name, bounds.low, bounds.high, log=bounds.is_log)


def _integer(trial: "BaseTrial", name: str, space: SearchSpace) -> int:
    bounds: SearchRange = getattr(space, name)
    return trial.suggest_int(name, int(bounds.low), int(bounds.high), log=bounds.is_log)
