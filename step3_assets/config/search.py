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

    Risk limits may be tightened, never loosened beyond the configured ones. They guard against days
    that are rare in two years of inner months, so those months cannot show that a wider limit would
    have been safe. A limit that never acted in the inner months stays as configured; a limit that
    is off stays off. Pacing (minimum holding, cooldown) and the re-arm rule are not searched.
    """

    if TYPE_CHECKING:  # a type checker cannot see the settings that plugins declare

        def __init__(self, **settings: Any) -> None: ...

    max_depth: SearchRange = Field(
        default=SearchRange(low=2, high=5), description="Deeper trees memorise a few weeks."
    )
    num_leaves: SearchRange = Field(
        default=SearchRange(low=4, high=24, is_log=True), description="As for max_depth."
    )
    min_data_in_leaf: SearchRange = Field(
        default=SearchRange(low=150, high=1000, is_log=True),
        description="About 25 to 160 independent rows.",
    )
    learning_rate: SearchRange = Field(
        default=SearchRange(low=0.01, high=0.05, is_log=True),
        description="At 0.05, forecasts on synthetic worlds were already worse.",
    )
    n_rounds: SearchRange = Field(
        default=SearchRange(low=60, high=300, is_log=True),
        description="From a third of the default to one and a half times the default.",
    )
    lambda_l2: SearchRange = Field(
        default=SearchRange(low=1.0, high=100.0, is_log=True),
        description="From a tenth of the default to ten times the default.",
    )
    drift_min_data_in_leaf: SearchRange = Field(
        default=SearchRange(low=150, high=1500, is_log=True),
        description="Leaf size of the mean head's drift per bar; bars hardly overlap.",
    )
    drift_learning_rate: SearchRange = Field(
        default=SearchRange(low=0.01, high=0.05, is_log=True),
        description="As for the other trees.",
    )
    drift_n_rounds: SearchRange = Field(
        default=SearchRange(low=60, high=400, is_log=True),
        description="From a third of the default to twice the default.",
    )
    prior_strength: SearchRange = Field(
        default=SearchRange(low=0.3, high=30.0, is_log=True),
        description="How far the weights of both expected values are shrunk to their prior: from "
        "hardly at all to almost fully.",
    )
    k: SearchRange = Field(
        default=SearchRange(low=0.0, high=1.0),
        description="From any positive expected value to one that pays the round trip twice.",
    )
    phi: SearchRange = Field(
        default=SearchRange(low=2.0, high=6.0),
        description="Targets of two to six times the round-trip cost.",
    )
    overnight_multiplier: SearchRange = Field(
        default=SearchRange(low=1.0, high=3.0),
        description="From no extra threshold for overnight entries to three times the threshold.",
    )
    size_frac: SearchRange = Field(
        default=SearchRange(low=0.3, high=1.0),
        description="Largest share of its allocation that a position takes; below a third most of "
        "the money would be idle.",
    )


class SearchConfig(Frozen):
    """The nested search: settings of an epoch, chosen on folds that end before it."""

    is_enabled: bool = Field(
        default=False,
        description="Whether the walk-forward uses the settings that `step3 optuna-search` chose. "
        "Off: every month uses the documented settings, and the main job stays fast.",
    )
    seed: int = 20160124
    epoch_months: Literal[1, 3, 6, 12] = Field(
        default=6,
        description="Calendar half-years: from one epoch to the next, a quarter of the two years "
        "of inner months is new.",
    )
    inner_months: int = Field(
        default=24,
        ge=2,
        le=60,
        description="Test months before the epoch on which a trial is evaluated: each season "
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
        description="Trials of model settings. Each is trained for every inner month, so these are "
        "the expensive ones.",
    )
    gate_trials: int = Field(
        default=200, ge=1, description="Trials of gate and portfolio settings on cached forecasts."
    )
    finalists: int = Field(
        default=2, ge=1, description="Best model trials, among which the gate trials choose."
    )
    allocation_finalists: int = Field(
        default=3,
        ge=0,
        description="Best gate trials that are tried with the other allocation methods, besides "
        "the documented settings. They come last and are few, because Calmar weights take 0.2 s "
        "per trial, thirty times as long as the rest of it.",
    )
    model_batch: int = Field(
        default=4,
        ge=1,
        description="Model trials that Optuna proposes at once; fixed, so that the number of "
        "workers changes no result.",
    )
    gate_batch: int = Field(
        default=20, ge=1, description="Gate trials that Optuna proposes at once."
    )
    startup_model_trials: int = Field(
        default=8,
        ge=1,
        description="Model trials drawn at random before TPE starts; the same in every epoch, so "
        "that their forecasts are cached.",
    )
    startup_gate_trials: int = Field(
        default=60, ge=1, description="Gate trials drawn at random before TPE starts."
    )
    pruning_months: int = Field(
        default=6,
        ge=1,
        description="Inner months between two comparisons. A model trial that is below the median "
        "of the others is stopped then, but not at the first comparison.",
    )
    min_month_trades: int = Field(
        default=3,
        ge=1,
        description="A month with fewer trades is no evidence of skill, so it scores at most 0.",
    )
    max_drawdown_frac: float = Field(
        default=0.12, gt=0, lt=1, description="Drawdown beyond which the objective is reduced."
    )
    drawdown_penalty: float = Field(
        default=1.0,
        ge=0,
        description="Calmar subtracted for each percentage point of drawdown beyond the cap.",
    )
    min_trades_per_month: float = Field(
        default=5.0, ge=0, description="Trades per month below which the objective is reduced."
    )
    trades_penalty: float = Field(
        default=1.0,
        ge=0,
        description="Calmar subtracted when there is no trade at all; with some trades, in "
        "proportion to what is missing.",
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
        description="Largest p value of a trial that replaces the documented settings: the "
        "probability that the best of all trials is so good by chance, from the scores of single "
        "months (Westfall and Young's maxT). At 0.5 the best by chance is worse more often than "
        "not. This is no proof; two years of months cannot give one, even where a much too strict "
        "gate is corrected (0.35 on a synthetic world). 1 switches the test off.",
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
