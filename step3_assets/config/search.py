"""Settings of the nested search.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.settings` does that).
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from step3_assets.config.base import Frozen, composed
from step3_assets.plugins.risk_rules import RULE_SETTINGS
from step3_assets.plugins.setting import Setting
from step3_assets.plugins.sizing_methods import METHOD_SETTINGS


class SearchRange(Frozen):
    """Closed bounds of one searched number."""

    low: float
    high: float
    is_log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> "SearchRange":
        if self.low >= self.high or (self.is_log and self.low <= 0):
            raise ValueError(f"search: {self.low} to {self.high} is no range")
        return self


def _ranges() -> dict[str, Setting]:
    """The ranges of sizes and risk limits, as methods and rules declare them."""
    searched = {n: s.searched for n, s in {**METHOD_SETTINGS, **RULE_SETTINGS}.items()}
    return {
        name: Setting(
            SearchRange,
            Field(
                default=SearchRange(low=bounds.low, high=bounds.high, is_log=bounds.is_log),
                description=bounds.reason,
            ),
        )
        for name, bounds in searched.items()
        if bounds is not None
    }


class SearchSpace(composed("PluginRanges", _ranges())):
    """What the nested search may choose from; every default of the platform lies inside.

    Risk limits may be tightened, never loosened beyond those configured: they are there for days
    that two years of inner months hardly hold, so that such months cannot say that more would have
    been safe. A limit that spoke on no inner month stays as configured, one that is off stays off.
    Pacing (minimum holding, cooldown) and the re-arm rule are not searched.
    """

    if TYPE_CHECKING:  # a type checker cannot see the settings that plugins declare

        def __init__(self, **settings: Any) -> None: ...

    max_depth: SearchRange = Field(
        default=SearchRange(low=2, high=5), description="Deeper trees memorise a few weeks."
    )
    num_leaves: SearchRange = Field(
        default=SearchRange(low=4, high=24, is_log=True), description="As for the depth."
    )
    min_data_in_leaf: SearchRange = Field(
        default=SearchRange(low=150, high=1000, is_log=True),
        description="25 to 160 independent rows.",
    )
    learning_rate: SearchRange = Field(
        default=SearchRange(low=0.01, high=0.05, is_log=True),
        description="At 0.05, forecasts on synthetic worlds were already worse.",
    )
    n_rounds: SearchRange = Field(
        default=SearchRange(low=60, high=300, is_log=True),
        description="A third of the default to half as much again.",
    )
    lambda_l2: SearchRange = Field(
        default=SearchRange(low=1.0, high=100.0, is_log=True),
        description="Ten times less or more than the default.",
    )
    drift_min_data_in_leaf: SearchRange = Field(
        default=SearchRange(low=150, high=1500, is_log=True),
        description="Of the mean head's drift per bar: bars overlap hardly at all.",
    )
    drift_learning_rate: SearchRange = Field(
        default=SearchRange(low=0.01, high=0.05, is_log=True),
        description="As for the other trees.",
    )
    drift_n_rounds: SearchRange = Field(
        default=SearchRange(low=60, high=400, is_log=True),
        description="A third of the default to twice as many.",
    )
    prior_strength: SearchRange = Field(
        default=SearchRange(low=0.3, high=30.0, is_log=True),
        description="How far the weights of both expected values are shrunk to their prior: from "
        "hardly to almost wholly.",
    )
    k: SearchRange = Field(
        default=SearchRange(low=0.0, high=1.0),
        description="From any positive expectation to another whole round trip.",
    )
    phi: SearchRange = Field(
        default=SearchRange(low=2.0, high=6.0), description="Targets of two to six round trips."
    )
    overnight_multiplier: SearchRange = Field(
        default=SearchRange(low=1.0, high=3.0), description="No extra to three times."
    )
    size_frac: SearchRange = Field(
        default=SearchRange(low=0.3, high=1.0),
        description="The most a position takes of its allocation; less than a third is idle money.",
    )


class SearchConfig(Frozen):
    """The nested search: parameters of an epoch from folds wholly before it."""

    is_enabled: bool = Field(
        default=False,
        description="Whether the walk-forward takes what `step3 optuna-search` chose. Off: every "
        "month uses the documented settings, and the main job stays fast.",
    )
    seed: int = 20160124
    epoch_months: Literal[1, 3, 6, 12] = Field(
        default=6, description="Calendar half-years: two years of folds move on by a quarter."
    )
    inner_months: int = Field(
        default=24,
        ge=2,
        le=60,
        description="Test months before the epoch that a trial is evaluated on; every season "
        "twice.",
    )
    min_inner_months: int = Field(
        default=12,
        ge=2,
        description="With fewer, the epoch keeps the documented settings.",
    )
    model_trials: int = Field(
        default=16,
        ge=1,
        description="Each is trained on every inner month: these are the expensive ones.",
    )
    gate_trials: int = Field(
        default=200, ge=1, description="Gate and portfolio settings on cached forecasts."
    )
    finalists: int = Field(
        default=2, ge=1, description="Best model trials that the gate trials choose among."
    )
    allocation_finalists: int = Field(
        default=3,
        ge=0,
        description="Best gate trials that are tried under the other ways of dividing equity, "
        "beside the documented settings. Last and few: Calmar weights cost 0.2 s a trial, thirty "
        "times the rest of it.",
    )
    model_batch: int = Field(
        default=4,
        ge=1,
        description="Model trials that are asked for at once; fixed, so that the number of "
        "workers changes no result.",
    )
    gate_batch: int = Field(default=20, ge=1, description="The same for gate trials.")
    startup_model_trials: int = Field(
        default=8, ge=1, description="Drawn at random before TPE, alike in every epoch: cached."
    )
    startup_gate_trials: int = Field(default=60, ge=1)
    pruning_months: int = Field(
        default=6,
        ge=1,
        description="A model trial below the median of the others is given up after every half "
        "year, but not after the first.",
    )
    min_month_trades: int = Field(
        default=3,
        ge=1,
        description="A month with fewer trades is no evidence of skill: it scores at most 0.",
    )
    max_drawdown_frac: float = Field(
        default=0.12, gt=0, lt=1, description="The plan's cap on the drawdown."
    )
    drawdown_penalty: float = Field(
        default=1.0, ge=0, description="Calmar taken off for each point of drawdown beyond the cap."
    )
    min_trades_per_month: float = Field(default=5.0, ge=0, description="As acceptance asks.")
    trades_penalty: float = Field(
        default=1.0,
        ge=0,
        description="Calmar taken off where there is no trade at all; in proportion between.",
    )
    min_gain: float = Field(
        default=0.25,
        ge=0,
        description="A trial replaces the documented settings only if its objective is higher by "
        "this much: a smaller gain is not worth another set of settings.",
    )
    max_p_value: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="And only if luck gives a best of all trials that is so good with at most "
        "this chance, by the scores of single months (Westfall and Young's maxT). At a half, "
        "luck's best is more often worse. Not a proof: two years hold none, even where a much too "
        "strict gate is mended (0.35 on a synthetic world). 1 switches the test off.",
    )
    space: SearchSpace = SearchSpace()

    @model_validator(mode="after")
    def _kills_within_the_cap(self) -> "SearchConfig":
        high = self.space.kill_drawdown_frac.high
        if high > self.max_drawdown_frac:
            raise ValueError(
                f"search.space.kill_drawdown_frac: up to {high:g} passes the cap on the drawdown, "
                f"search.max_drawdown_frac = {self.max_drawdown_frac:g}"
            )
        return self
