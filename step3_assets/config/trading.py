"""Settings of decisions and of the account: gate, sizing, execution, risk, allocation.

Belongs here: numbers a person may set, each with its reason. Does not belong here: the settings of
single risk rules and sizing methods, which stand with them (:mod:`step3_assets.plugins`); reading
files or the environment (:mod:`step3_assets.defs.settings` does that).
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from step3_assets.config.base import Frozen, composed
from step3_assets.plugins.risk_rules import RULE_SETTINGS, RULES
from step3_assets.plugins.setting import Setting
from step3_assets.plugins.sizing_methods import METHOD_SETTINGS, METHODS


class GateConfig(Frozen):
    """The decision: what an expected value must exceed."""

    k: float = Field(
        default=0.1,
        ge=0,
        description="ev_final must exceed this multiple of cost_rt. It is net of cost and "
        "calibrated, so a positive value pays; a tenth of the cost is added for what the cost "
        "model may have missed. On synthetic worlds, 0.25 gives up another tenth of what an oracle "
        "would earn.",
    )
    phi: float = Field(
        default=3.0,
        ge=0,
        description="Least tp_to_cost: a target nearer than three round-trip costs cannot pay for "
        "the errors of its forecast.",
    )
    overnight_multiplier: float = Field(
        default=1.5,
        ge=1,
        description="Factor of k for overnight entries: they are exposed to a gap that no stop "
        "bounds.",
    )
    q10_floor: float | None = Field(
        default=None,
        description="Lowest q10 (log return) that may trade; off by default, because the stop "
        "already bounds most of the tail.",
    )


class ExecutionConfig(Frozen):
    """The simulation path: capital, exposure and size."""

    initial_capital_usd: float = Field(default=10_000.0, gt=0)
    max_gross_frac: float = Field(
        default=1.0,
        gt=0,
        description="Largest value of all positions as a share of equity, checked when one is "
        "entered. No financing is modelled: entries are paid from cash, so a limit above 1 never "
        "binds.",
    )
    size_frac: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of its symbol's allocation that one position takes.",
    )
    min_fee_usd: float = Field(default=0.0, ge=0, description="Minimum fee per side, if any.")


_METHOD = Setting(
    Literal[tuple(method.name for method in METHODS)],
    Field(
        default=METHODS[0].name,
        description=" ".join(f"{method.name}: {method.meaning}." for method in METHODS)
        + f" The default is {METHODS[0].name} until another is better on inner folds, because a "
        "size is only as good as the forecast behind it.",
    ),
)


class SizingConfig(composed("SizingSettings", {"method": _METHOD, **METHOD_SETTINGS})):
    """How much of its symbol's allocation a gated event asks for.

    ``execution.size_frac`` is the size that ``fixed`` uses, and the largest that the other methods
    may use. The methods declare the settings (:mod:`step3_assets.plugins.sizing_methods`).
    """

    if TYPE_CHECKING:  # a type checker cannot see the settings that plugins declare

        def __init__(self, **settings: Any) -> None: ...


class RiskConfig(composed("RiskSettings", RULE_SETTINGS)):
    """Rules between a decision and the account; each can be switched off on its own.

    The rules declare the settings (:mod:`step3_assets.plugins.risk_rules`). The defaults are wide:
    they are meant for days unlike any in the data, and do not bind on ordinary days. None of them
    was tuned.
    """

    if TYPE_CHECKING:  # a type checker cannot see the settings that plugins declare

        def __init__(self, **settings: Any) -> None: ...

    @classmethod
    def off(cls) -> "RiskConfig":
        """No rule at all: the account alone, under its gross cap."""
        return cls(**{rule.limit: rule.off for rule in RULES if rule.limit is not None})


class AllocationConfig(Frozen):
    """How capital is divided among symbols, decided at each month's start from data before it."""

    method: Literal["equal_weight", "inverse_volatility", "calmar"] = Field(
        default="equal_weight",
        description="equal_weight: 1/n each, the one that any other allocation has to beat. On "
        "synthetic worlds with forecasts that correlate with the truth at 0.55 none did: the "
        "Calmar ratios of three years differed by 0.03 at most on average, and by 0.1 to 0.2 "
        "between worlds. inverse_volatility: from the volatility of each symbol's sessions. "
        "calmar: from what the trades of each symbol alone would have earned, over their maximum "
        "drawdown.",
    )
    vol_sessions: int = Field(
        default=63,
        ge=5,
        description="Sessions behind a volatility: a quarter of a year; at least a third of them "
        "must exist.",
    )
    lookback_months: int = Field(
        default=24, ge=3, le=60, description="Months of history behind the Calmar weights."
    )
    min_history_months: int = Field(
        default=12, ge=1, le=60, description="With fewer months the Calmar weights stay equal."
    )
    min_weight_frac: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Smallest share of a symbol: a maximum drawdown is a single event, and no "
        "reason to leave a symbol out.",
    )
    smoothing: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Share of the distance to the new weights that is moved each month.",
    )
    turnover_penalty_bps: float = Field(
        default=10.0, ge=0, description="Cost of moving the whole weight, once a month."
    )
