"""Configuration: frozen models with their defaults and the reason for each.

Belongs here: every number a person may set. Unknown keys are refused. Does not belong here: reading
files or the environment (:mod:`step3_assets.defs.resources` does that), or partitions.

No default below was picked by looking at results on the test months of a real delivery; where a
default was chosen by measurement, it was measured on synthetic worlds or on inner folds.
"""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Frozen(BaseModel):
    """Base of all configuration: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def content_hash(self) -> str:
        """SHA-256 over the canonical JSON of the settings, first 16 hex digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class FoldConfig(Frozen):
    """Walk-forward folds: the window, the embargo and the inner folds."""

    train_months: int = Field(
        default=36,
        ge=24,
        le=36,
        description="Window before the test month; the longest allowed, because labels are noisy "
        "(one event's net return deviates by some 80 bps) and rows are few.",
    )
    inner_folds: int = Field(
        default=4,
        ge=2,
        le=12,
        description="Expanding inner folds for calibration, blend weights and search.",
    )
    inner_min_train_months: int = Field(
        default=12,
        ge=6,
        le=24,
        description="Months before the first inner validation block: a year sees every season.",
    )
    inner_min_rows: int = Field(
        default=300,
        ge=1,
        description="An inner fold that would train on fewer rows (some 50 independent ones) "
        "predicts nothing; its rows only fit.",
    )


class LightGBMConfig(Frozen):
    """Gradient boosting, shared by the classifier, mean and quantile heads.

    Shallow and slow, with large leaves: on synthetic worlds with a planted edge of 10 bps (seeds 40
    to 44) the mean head's predictions correlated with the true expectation at 0.66; at 0.63 with
    300 rows a leaf, half the features a tree, 150 rounds and a twin correlation of 0.5. Faster
    trees (rate 0.05, 120 rows a leaf) were worse by another 0.06.
    """

    n_rounds: int = Field(
        default=200,
        ge=1,
        le=5000,
        description="Boosting rounds: as many as keep departures from the mean at their true size.",
    )
    learning_rate: float = Field(default=0.02, gt=0, le=1)
    num_leaves: int = Field(default=8, ge=2, le=512, description="Small trees: the signal is weak.")
    max_depth: int = Field(
        default=3, ge=-1, le=64, description="Two levels hardly ever find a pure interaction."
    )
    min_data_in_leaf: int = Field(
        default=500,
        ge=1,
        description="Some six labels overlap at any time, so 500 rows are about 80 independent.",
    )
    lambda_l2: float = Field(default=10.0, ge=0)
    feature_fraction: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="With half of them, most trees lack one of the features that act together.",
    )
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_freq: int = Field(default=1, ge=0)
    max_bin: int = Field(default=63, ge=7, le=255, description="63 bins halve the time of 255.")
    twin_correlation: float = Field(
        default=0.7,
        ge=0,
        lt=1,
        description="Shared noise of two symbols' outcomes at one instant, in the mean head; on "
        "synthetic worlds it is about that.",
    )


class LinearConfig(Frozen):
    """The linear baselines."""

    logistic_c: float = Field(default=0.05, gt=0, description="Inverse L2 strength.")
    ridge_alpha: float = Field(default=100.0, gt=0)
    elasticnet_alpha: float = Field(default=0.05, gt=0, description="On a standardised target.")
    elasticnet_l1_ratio: float = Field(default=0.5, ge=0, le=1)


class CalibrationConfig(Frozen):
    """Which calibrator may be fitted, and how the figures are binned."""

    isotonic_min_rows: int = Field(
        default=1000,
        ge=100,
        description="Below this isotonic regression saturates at 0 and 1; Platt is used.",
    )
    n_bins: int = Field(default=10, ge=2, le=100, description="Bins of ECE and reliability.")


class BlendConfig(Frozen):
    """How far the expected values are believed, and how they are mixed."""

    min_squared_t: float = Field(
        default=0.1,
        ge=0,
        description="Where the mean head's departures go the wrong way out of fold, or their "
        "squared t is below this, nothing is believed and nothing trades. On synthetic worlds a "
        "higher bar stops planted edges as well.",
    )
    prior_slope: float = Field(
        default=1.0,
        ge=0,
        description="What a departure of the mean head is worth before out-of-fold rows speak: "
        "trees this shallow and slow are shrunk already.",
    )
    prior_slope_error: float = Field(
        default=0.15,
        gt=0,
        description="Standard error of that belief. The data's own is about 0.3, and tells of "
        "inner heads that saw less than the final one; whether there is anything to believe is "
        "asked by min_squared_t.",
    )
    prior_mean_share: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Share of ev_ml before the data speak: it learns the target itself and from "
        "twins' differences, ev_struct comes by way of winning and losing. On synthetic worlds "
        "ev_ml alone does as well as any mixture.",
    )
    prior_strength: float = Field(
        default=10.0,
        ge=0,
        description="Weight of that share, 1 being that of the data, which can hardly tell two "
        "estimates of one thing apart.",
    )


FAST_FEATURES: tuple[str, ...] = (
    "trend_score",
    "pullback_z",
    "vol_z",
    "dist_to_hi",
    "range_ratio",
    "ema_fast_slope",
    "sigma_prank",
    "u_atr_prank",
    "entry_overnight",
    "cross_trend_score",
    "cross_pullback_z",
    "cross_vol_z",
    "cross_range_ratio",
    "cross_ema_fast_slope",
    "ret_spread",
    "regime_agree",
    "family",
)


class ModelConfig(Frozen):
    """Everything that training a fold depends on."""

    seed: int = 20160121
    features: tuple[str, ...] = Field(
        default=FAST_FEATURES,
        description="Columns of events that models see; any that is known at the decision.",
    )
    min_train_rows: int = Field(
        default=500,
        ge=50,
        description="With fewer rows (some 80 independent) a fold has no model and trades nothing.",
    )
    use_uniqueness_weights: bool = Field(
        default=True, description="Weigh overlapping labels by average uniqueness (AFML ch. 4)."
    )
    lightgbm: LightGBMConfig = LightGBMConfig()
    linear: LinearConfig = LinearConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    ev_struct: Literal["barrier", "payoff"] = Field(
        default="payoff",
        description="Barriers are not payoffs: many target exits land inside a_tp and half the "
        "stops beyond b_sl, so p*a_tp - (1-p)*b_sl is biased upwards.",
    )
    blend: BlendConfig = BlendConfig()


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


class AcceptanceConfig(Frozen):
    """The thresholds a system must clear before anything is promoted."""

    max_drawdown_frac: float = Field(default=0.12, gt=0, lt=1)
    warn_drawdown_frac: float = Field(default=0.10, gt=0, lt=1)
    min_trades_per_month: float = Field(default=5.0, ge=0)
    catastrophic_month_frac: float = Field(default=-0.05, lt=0)
    cost_stress_factor: float = Field(
        default=1.25,
        ge=1,
        description="Costs are modelled, not measured: a system must survive a quarter more of "
        "them, its decisions taken again under the dearer cost.",
    )
    cost_stress_shown: tuple[float, ...] = Field(
        default=(1.25, 1.5), description="Further factors in the table; they judge nothing."
    )
    max_monthly_turnover: float = Field(
        default=40.0,
        gt=0,
        description="Traded value of a month over capital: both sides of a whole-account round "
        "trip on every session would be 42.",
    )
    min_probabilistic_sharpe: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Chance that the true Sharpe ratio is above 0: the customary one in twenty.",
    )
    min_deflated_sharpe: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="The same against the best of as many trials without skill.",
    )
    max_pbo: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Above a half, the configuration that was best in-sample does worse than the "
        "median out of sample more often than not: choosing did harm.",
    )
    max_permutation_p: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="A random choice of the same candidates does as well at most once in twenty.",
    )


class StatisticsConfig(Frozen):
    """How intervals and probabilities of results are had."""

    seed: int = 20160122
    level: float = Field(
        default=0.90,
        gt=0,
        lt=1,
        description="Two-sided level of every interval. The true figure lies below the lower bound "
        "once in twenty, the same error that a PSR of 0.95 or a p value of 0.05 leaves.",
    )
    n_resamples: int = Field(
        default=2000,
        ge=100,
        description="Of the stationary bootstrap; a 5 % quantile then rests on 100 resamples.",
    )
    n_permutations: int = Field(
        default=5000,
        ge=99,
        description="Random gates; a p value of 0.05 then has a standard error of 0.003.",
    )
    pbo_blocks: int = Field(
        default=16,
        ge=2,
        multiple_of=2,
        description="Most blocks of CSCV, as in its paper; fewer where a block would be shorter "
        "than two months.",
    )
    overlap_days: int = Field(
        default=5,
        ge=0,
        description="Days over which squared errors lean on one another: a label lasts up to two "
        "sessions, and a week holds it with weekends and holidays.",
    )


class AuditConfig(Frozen):
    """How much the leakage audit samples: its time is mostly training folds again."""

    seed: int = 20160123
    sampled_folds: int = Field(
        default=2, ge=1, description="Test months trained and scored again; the last is one."
    )
    sampled_decisions: int = Field(
        default=6, ge=1, description="Instants a sampled month is scored up to."
    )
    sampled_prefixes: int = Field(
        default=2, ge=1, description="Instants at which the delivery is built again."
    )


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


class SearchSpace(Frozen):
    """What the nested search may choose from; every default of the platform lies inside.

    Risk limits may be tightened, never loosened beyond those configured: they are there for days
    that two years of inner months hardly hold, so that such months cannot say that more would have
    been safe. A limit that spoke on no inner month stays as configured, one that is off stays off.
    Pacing (minimum holding, cooldown) and the re-arm rule are not searched.
    """

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
    kelly_fraction: SearchRange = Field(
        default=SearchRange(low=0.02, high=0.3, is_log=True),
        description="Beyond a third of Kelly the estimates decide, not the edge.",
    )
    vol_target_annual: SearchRange = Field(
        default=SearchRange(low=0.1, high=0.4), description="A half to twice an index's."
    )
    overnight_haircut_frac: SearchRange = Field(
        default=SearchRange(low=0.0, high=0.5), description="None to half of the size."
    )
    kill_drawdown_frac: SearchRange = Field(
        default=SearchRange(low=0.04, high=0.10),
        description="Below 4 % a quarter's ordinary fall would cost a month aside. The upper end "
        "may not pass the plan's cap on the drawdown.",
    )
    session_loss_frac: SearchRange = Field(
        default=SearchRange(low=0.01, high=0.03),
        description="An account fully in an index loses 1 % in a session once a fortnight.",
    )
    max_symbol_frac: SearchRange = Field(
        default=SearchRange(low=0.3, high=1.0),
        description="Binds where an allocation leans on one symbol.",
    )
    max_turnover_per_day: SearchRange = Field(
        default=SearchRange(low=2.0, high=6.0), description="One to three round trips of it all."
    )
    max_turnover_per_week: SearchRange = Field(
        default=SearchRange(low=4.0, high=20.0), description="Two to ten round trips."
    )
    max_turnover_per_month: SearchRange = Field(
        default=SearchRange(low=10.0, high=40.0),
        description="Five round trips, as many as the acceptance gate asks for, to twenty.",
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
    min_trades_per_month: float = Field(
        default=5.0, ge=0, description="As the acceptance gate asks."
    )
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


class WebhookConfig(Frozen):
    """Where messages are posted as JSON; secrets are named by their environment variable."""

    url: str | None = Field(default=None, description="http(s) address, without a secret in it.")
    url_env: str | None = Field(
        default=None, description="Variable that holds the address, where that is a secret itself."
    )
    token_env: str | None = Field(
        default=None, description="Variable that holds a bearer token to send."
    )

    @model_validator(mode="after")
    def _one_address(self) -> "WebhookConfig":
        if (self.url is None) == (self.url_env is None):
            raise ValueError("name the address in either url or url_env")
        if self.url and ("@" in self.url or "?" in self.url):
            raise ValueError("url carries a user or a query: put it in a variable, name it url_env")
        return self


class EmailConfig(Frozen):
    """How messages are mailed; user and password are named by their environment variables."""

    host: str
    port: int = Field(default=587, ge=1, le=65535, description="The submission port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only for a server on this machine."
    )
    sender: str
    to: tuple[str, ...] = Field(min_length=1)
    user_env: str | None = None
    password_env: str | None = None

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> "EmailConfig":
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("user_env and password_env belong together")
        if self.user_env and self.security == "none":
            raise ValueError("a password is not sent in clear: security is starttls or tls")
        return self


class NotifyConfig(Frozen):
    """Who is told when a run fails or a delivery is refused."""

    channel: Literal["log", "webhook", "email"] = Field(
        default="log", description="log: the daemon's log, which needs nothing and nobody outside."
    )
    ui_url: str = Field(
        default="http://127.0.0.1:3000", description="Start of the link; where step3 ui listens."
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=10,
        description="Longest wait for one attempt. With three attempts and their pauses all of it "
        "stays below the 60 s that a sensor has.",
    )
    attempts: int = Field(default=3, ge=1, le=3, description="Tries before the message is lost.")
    webhook: WebhookConfig | None = None
    email: EmailConfig | None = None

    @model_validator(mode="after")
    def _channel_is_described(self) -> "NotifyConfig":
        if self.channel != "log" and getattr(self, self.channel) is None:
            raise ValueError(f"channel {self.channel} needs a section [notify.{self.channel}]")
        return self


class FreshnessConfig(Frozen):
    """How old tables may grow before the UI says so; deliveries come weekly."""

    warn_days: float = Field(
        default=8.0, gt=0, description="A week, and a day for a holiday or a late delivery."
    )
    fail_days: float = Field(default=15.0, gt=0, description="Two deliveries are missing.")

    @model_validator(mode="after")
    def _warns_first(self) -> "FreshnessConfig":
        if self.warn_days >= self.fail_days:
            raise ValueError("warn_days must be less than fail_days")
        return self


class DriftConfig(Frozen):
    """When monitoring speaks: windows, least samples, alarm rates.

    Every bound allows for chance as the data show it, so that a quiet market raises no alarm; the
    rates below are what is left of false ones.
    """

    window_months: int = Field(
        default=3,
        ge=1,
        le=12,
        description="Recent test months of features, probabilities and costs: some sixty sessions, "
        "few enough to notice soon, enough to tell from chance.",
    )
    ev_window_months: int = Field(
        default=12,
        ge=1,
        le=36,
        description="The same for the slope of realised net on ev_final, whose error over three "
        "months is several times the slope itself.",
    )
    warn_rate: float = Field(
        default=0.01,
        gt=0,
        lt=0.5,
        description="Chance that a line warns in a month when nothing changed: with five of them "
        "one false warning in some two years.",
    )
    error_rate: float = Field(
        default=0.001, gt=0, lt=0.5, description="The same for an error: hardly ever."
    )
    psi_bins: int = Field(
        default=10, ge=2, le=50, description="Deciles of the training rows, as is customary."
    )
    psi_warn: float = Field(
        default=0.25,
        gt=0,
        description="The customary mark of a shifted population; below it nobody is bothered, "
        "however surely it is above chance.",
    )
    psi_error: float = Field(
        default=1.0,
        gt=0,
        description="Reached when over half of the recent rows lie in one tenth of training's.",
    )
    psi_certain: float = Field(
        default=4.0,
        gt=0,
        description="Nearly every recent row lies in one tenth of training's, as with a signal "
        "that got stuck: no turmoil that training held excuses that.",
    )
    min_feature_rows: int = Field(
        default=100, ge=10, description="Ten a bin: with fewer the index is mostly noise."
    )
    min_outcome_rows: int = Field(
        default=200,
        ge=30,
        description="Final labels behind a Brier score or calibration error: some six overlap, so "
        "these are about thirty independent ones.",
    )
    min_weeks: int = Field(
        default=8,
        ge=8,
        description="Weeks with labels behind a calibration error: its chance is drawn week by "
        "week, and 2 to the 8 draws just resolve one in a hundred.",
    )
    min_ev_rows: int = Field(
        default=500, ge=30, description="Final labels behind a slope: some eighty independent ones."
    )
    min_cost_rows: int = Field(
        default=100,
        ge=10,
        description="Intraday entries: a move of 5 bps or so then has an error of half a bp.",
    )
    cost_growth_warn: float = Field(
        default=1.25,
        ge=1,
        description="Moves at entry, over the modelled half cost, against those in training: the "
        "factor of dearer costs that acceptance demands to be survived.",
    )
    cost_growth_error: float = Field(
        default=1.5, ge=1, description="Beyond every stress that the report shows."
    )
    n_draws: int = Field(
        default=4000, ge=1000, description="Sign draws; one in a thousand then rests on four."
    )
    seed: int = 20160125

    @model_validator(mode="after")
    def _errors_are_worse(self) -> "DriftConfig":
        if not self.error_rate <= self.warn_rate:
            raise ValueError("drift.error_rate must be at most drift.warn_rate")
        marks = [self.psi_warn, self.psi_error, self.psi_certain]
        if marks != sorted(marks) or self.cost_growth_error < self.cost_growth_warn:
            raise ValueError("drift: what is an error must lie beyond what is a warning")
        return self


class ShadowConfig(Frozen):
    """The shadow deployment."""

    live_account: str = Field(
        default="live",
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
        description="Name of the account that follows new deliveries. Its history follows from the "
        "execution, risk and allocation settings that it began with: under others, begin another.",
    )
    use_recalibrations: bool = Field(
        default=False,
        description="Score a candidate with the calibrator, or the retrained models, in force in "
        "its week. Off: parity with the backtest is exact without; what they are worth stands in "
        "recalibration_comparison.",
    )


class RecalibrationConfig(Frozen):
    """The weekly recalibration of the live loop: what a week makes anew, and the check."""

    @property
    def is_retrained(self) -> bool:
        """Whether a week makes every model anew, not the calibrator alone."""
        return self.method == "retrain"

    method: Literal["calibrator", "retrain"] = Field(
        default="calibrator",
        description="What a week makes anew: the calibrator, or every model. A month in three "
        "years moves a fold's models little, so the cheap one is the default.",
    )
    window_weeks: int = Field(
        default=104,
        ge=13,
        le=156,
        description="Decisions before the week: two years, as many as the out-of-fold rows that a "
        "fold's own calibrator is fitted on. Retraining looks back as far as a fold does.",
    )
    min_rows: int = Field(
        default=500,
        ge=50,
        description="With fewer labels (some 80 independent) no calibrator is fitted: the floor "
        "under which a fold has no model either. Retraining has models.min_train_rows.",
    )
    min_check_rows: int = Field(
        default=30,
        ge=1,
        description="Labels new to both that are compared, without which what is in force stays; "
        "a usual week of two symbols brings more. So few tell a broken calibrator from a sound "
        "one, not a good one from a better.",
    )


class Step3Config(Frozen):
    """The whole platform."""

    folds: FoldConfig = FoldConfig()
    models: ModelConfig = ModelConfig()
    gate: GateConfig = GateConfig()
    execution: ExecutionConfig = ExecutionConfig()
    sizing: SizingConfig = SizingConfig()
    risk: RiskConfig = RiskConfig()
    allocation: AllocationConfig = AllocationConfig()
    statistics: StatisticsConfig = StatisticsConfig()
    audit: AuditConfig = AuditConfig()
    acceptance: AcceptanceConfig = AcceptanceConfig()
    search: SearchConfig = SearchConfig()
    drift: DriftConfig = DriftConfig()
    shadow: ShadowConfig = ShadowConfig()
    recalibration: RecalibrationConfig = RecalibrationConfig()

    @model_validator(mode="after")
    def _inner_folds_fit(self) -> "Step3Config":
        if self.folds.inner_min_train_months >= self.folds.train_months:
            raise ValueError("folds.inner_min_train_months must be below folds.train_months")
        return self
