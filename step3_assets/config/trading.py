"""Settings of decisions and of the account: gate, sizing, execution, risk, allocation.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.resources` does that).
"""

from typing import Literal

from pydantic import Field

from step3_assets.config.base import Frozen


class GateConfig(Frozen):
    """The decision: what an expected value must exceed."""

    k: float = Field(
        default=0.1,
        ge=0,
        description="ev_final is net of cost and calibrated, so a positive one pays; a tenth of "
        "the cost more is asked for what the cost model may have missed. On synthetic worlds a "
        "quarter gives up another tenth of what an oracle would earn.",
    )
    phi: float = Field(
        default=3.0,
        ge=0,
        description="A target nearer than three round trips cannot pay for its errors.",
    )
    overnight_multiplier: float = Field(
        default=1.5,
        ge=1,
        description="An overnight entry carries a gap that no stop bounds.",
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
        default=1.0, gt=0, description="No financing is modelled, so no borrowed money."
    )
    size_frac: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of its symbol's allocation that one position takes.",
    )
    min_fee_usd: float = Field(default=0.0, ge=0, description="Minimum fee a side, if any.")


class SizingConfig(Frozen):
    """How much of its symbol's allocation a gated event asks for.

    ``execution.size_frac`` is what ``fixed`` takes, and the most that the others may.
    """

    method: Literal["fixed", "vol_capped", "kelly"] = Field(
        default="fixed",
        description="fixed: a constant, nothing below applies. vol_capped: the constant under the "
        "volatility target and the overnight haircut. kelly: a share of Kelly under both. Fixed "
        "until another is better on inner folds: sizes are no better than the forecasts.",
    )
    kelly_fraction: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Share of the Kelly fraction. An edge of 5 bps on 80 bps of deviation is 8 "
        "times Kelly, and the edge is the weakest of estimates.",
    )
    min_forecast_sd: float = Field(
        default=1e-3,
        gt=0,
        description="Least deviation believed, log return: some cost of a round trip. A quantile "
        "pair that collapses must not ask for the whole account.",
    )
    vol_target_annual: float = Field(
        default=0.20,
        gt=0,
        description="Most volatility of one position on its allocation: about that of an equity "
        "index in ordinary times, so that it binds in others.",
    )
    bars_per_year: float = Field(default=1764.0, gt=0, description="252 sessions of 7 bars.")
    overnight_haircut_frac: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Taken off an entry that begins with a gap no stop bounds.",
    )
    min_size_frac: float = Field(
        default=0.05, ge=0, le=1, description="A smaller size is no trade, and counts as none."
    )


class RiskConfig(Frozen):
    """Rules that stand between a decision and the account; each may be switched off alone.

    The defaults are wide: they are there for the day that nothing in the data looks like, and bind
    on no ordinary one. None were tuned.
    """

    kill_drawdown_frac: float | None = Field(
        default=0.10,
        gt=0,
        lt=1,
        description="Fall of marked equity below its peak that flattens the account. The plan's "
        "cap is 12 %: two points are left for the way to the next open.",
    )
    rearm_sessions: int = Field(
        default=21,
        ge=1,
        description="Sessions stood aside after the kill switch, a month; then the peak is "
        "measured anew.",
    )
    session_loss_frac: float | None = Field(
        default=0.03,
        gt=0,
        lt=1,
        description="Loss of marked equity since the session before that ends the session; a "
        "month may lose 5 %.",
    )
    min_holding_bars: int = Field(
        default=0,
        ge=0,
        description="Bars from a symbol's last entry to its next; an exit is never held up. Off: "
        "labels overlap as it is, and one position a symbol spaces them.",
    )
    cooldown_bars: int = Field(
        default=0, ge=0, description="Bars from a symbol's last exit to its next entry."
    )
    max_turnover_per_day: float | None = Field(
        default=6.0,
        gt=0,
        description="Value traded over equity, both sides: three round trips of the whole account.",
    )
    max_turnover_per_week: float | None = Field(default=20.0, gt=0)
    max_turnover_per_month: float | None = Field(
        default=40.0, gt=0, description="As the acceptance gate allows."
    )
    max_symbol_frac: float | None = Field(
        default=1.0, gt=0, description="Value of one symbol's position over equity, at its entry."
    )

    @classmethod
    def off(cls) -> "RiskConfig":
        """No rule at all: the account alone, under its gross cap."""
        return cls(
            kill_drawdown_frac=None,
            session_loss_frac=None,
            max_turnover_per_day=None,
            max_turnover_per_week=None,
            max_turnover_per_month=None,
            max_symbol_frac=None,
        )


class AllocationConfig(Frozen):
    """How capital is divided among symbols, decided at each month's start from data before it."""

    method: Literal["equal_weight", "inverse_volatility", "calmar"] = Field(
        default="equal_weight",
        description="1/n each: what any cleverer allocation has to beat. On planted worlds, with "
        "forecasts that correlate with the truth at 0.55, none did: the Calmar ratios of three "
        "years differed by 0.03 at most on average, by 0.1 to 0.2 from world to world. "
        "inverse_volatility: of each symbol's own sessions. calmar: what the trades of each symbol "
        "alone would have earned over their deepest fall.",
    )
    vol_sessions: int = Field(
        default=63, ge=5, description="A quarter's; a third of them must be there."
    )
    lookback_months: int = Field(
        default=24, ge=3, le=60, description="History of the Calmar weights."
    )
    min_history_months: int = Field(
        default=12, ge=1, le=60, description="With less, the Calmar weights stay equal."
    )
    min_weight_frac: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Least share of a symbol: a deepest fall is one event, and no ground to leave "
        "a symbol out.",
    )
    smoothing: float = Field(
        default=0.25, gt=0, le=1, description="Share of the way to the new weights each month."
    )
    turnover_penalty_bps: float = Field(
        default=10.0, ge=0, description="Cost of moving the whole weight, once a month."
    )
