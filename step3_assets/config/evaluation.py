"""Settings of the evaluation of results: acceptance, statistics, audit, drift.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.settings` does that).
"""

from pydantic import Field, model_validator

from step3_assets.config.base import Frozen


class AcceptanceConfig(Frozen):
    """The thresholds a system must clear before anything is promoted."""

    max_drawdown_frac: float = Field(default=0.12, gt=0, lt=1)
    warn_drawdown_frac: float = Field(default=0.10, gt=0, lt=1)
    min_trades_per_month: float = Field(default=5.0, ge=0)
    catastrophic_month_frac: float = Field(default=-0.05, lt=0)
    cost_stress_factor: float = Field(
        default=1.25,
        ge=1,
        description="Costs are modelled, not measured, so a system must still pass when they are "
        "a quarter higher. Its decisions are made again under the higher cost.",
    )
    cost_stress_shown: tuple[float, ...] = Field(
        default=(1.25, 1.5), description="Further factors in the table; no criterion uses them."
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
        description="Least probability that the true Sharpe ratio is above 0; 0.95 is the usual "
        "error rate of 5 %.",
    )
    min_deflated_sharpe: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Least probability that the true Sharpe ratio is above the best one that as "
        "many trials without skill would reach.",
    )
    max_pbo: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Above a half, the configuration that was best in-sample does worse than the "
        "median out of sample more often than not, so that choosing it did harm.",
    )
    max_permutation_p: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Largest share of random shifts in time under which the same trades do as "
        "well as they did.",
    )


class StatisticsConfig(Frozen):
    """How confidence intervals and probabilities of results are computed."""

    seed: int = 20160122
    level: float = Field(
        default=0.90,
        ge=0.8,
        le=0.99,
        description="Two-sided level of every confidence interval. The true value lies below the "
        "lower bound once in twenty, the same error rate as a PSR of 0.95 or a p value of 0.05.",
    )
    n_resamples: int = Field(
        default=2000,
        ge=100,
        description="Resamples of the stationary bootstrap; of 2,000, a 5 % quantile rests on 100.",
    )
    n_permutations: int = Field(
        default=5000,
        ge=99,
        description="Random shifts of the trades; with 5,000, a p value of 0.05 has a standard "
        "error of 0.003.",
    )
    pbo_blocks: int = Field(
        default=16,
        ge=2,
        multiple_of=2,
        description="Largest number of blocks of CSCV, as in its paper; fewer where a block would "
        "be shorter than two months.",
    )
    overlap_days: int = Field(
        default=5,
        ge=0,
        description="Days over which squared errors depend on one another. A label lasts up to two "
        "sessions; five days contain it with the weekend or holiday between them.",
    )


class AuditConfig(Frozen):
    """How much the leakage audit samples: most of its time goes into retraining folds."""

    seed: int = 20160123
    sampled_folds: int = Field(
        default=2, ge=1, description="Test months trained and scored again, the last one included."
    )
    sampled_decisions: int = Field(
        default=6,
        ge=1,
        description="Instants per sampled month up to which it is scored again.",
    )
    sampled_prefixes: int = Field(
        default=2, ge=1, description="Instants at which the delivery is built again."
    )


class DriftConfig(Frozen):
    """When monitoring warns: windows, minimum samples, alarm rates.

    Every bound allows for chance as estimated from the data, so that a quiet market raises no
    alarm; the rates below are those of false alarms.
    """

    window_months: int = Field(
        default=3,
        ge=1,
        le=12,
        description="Recent test months of features, probabilities and costs. Three months are "
        "about 60 sessions: few enough to react soon, many enough to tell a change from chance.",
    )
    ev_window_months: int = Field(
        default=12,
        ge=1,
        le=36,
        description="Recent test months for the slope of realised net on ev_final. Over three "
        "months its standard error is several times the slope itself.",
    )
    warn_rate: float = Field(
        default=0.01,
        gt=0,
        lt=0.5,
        description="Probability that a metric warns in a month in which nothing changed: with "
        "five metrics, one false warning in about two years.",
    )
    error_rate: float = Field(default=0.001, gt=0, lt=0.5, description="The same for an error.")
    psi_bins: int = Field(
        default=10, ge=2, le=50, description="Deciles of the training rows, as is customary."
    )
    psi_warn: float = Field(
        default=0.25,
        gt=0,
        description="The customary limit for a shifted population; below it there is no warning, "
        "however significant the index is.",
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
        "that got stuck: no volatile period inside the training rows explains that.",
    )
    min_feature_rows: int = Field(
        default=100, ge=10, description="Ten rows per bin; with fewer the index is mostly noise."
    )
    min_outcome_rows: int = Field(
        default=200,
        ge=30,
        description="Least number of final labels behind a Brier score or calibration error. About "
        "six labels overlap at any time, so 200 are about 30 independent ones.",
    )
    min_weeks: int = Field(
        default=8,
        ge=8,
        description="Least number of weeks with labels behind a calibration error. Its null "
        "distribution is drawn week by week: 8 weeks have 256 sign patterns, just enough for a "
        "probability of one in a hundred.",
    )
    min_ev_rows: int = Field(
        default=500,
        ge=30,
        description="Least number of final labels behind a slope: about 80 independent ones.",
    )
    min_cost_rows: int = Field(
        default=100,
        ge=10,
        description="Least number of intraday entries: a mean move of about 5 bps then has a "
        "standard error of half a basis point.",
    )
    cost_growth_warn: float = Field(
        default=1.25,
        ge=1,
        description="Growth, against training, of moves at entry over the modelled half cost. The "
        "same factor of higher costs as the one under which acceptance tests a system.",
    )
    cost_growth_error: float = Field(
        default=1.5, ge=1, description="The largest stress of costs that the report shows."
    )
    n_draws: int = Field(
        default=4000,
        ge=1000,
        description="Random sign patterns; of 4,000, a probability of 0.001 rests on four.",
    )
    seed: int = 20160125

    @model_validator(mode="after")
    def _errors_beyond_warnings(self) -> "DriftConfig":
        if not self.error_rate <= self.warn_rate:
            raise ValueError("drift.error_rate must be at most drift.warn_rate")
        limits = [self.psi_warn, self.psi_error, self.psi_certain]
        if limits != sorted(limits) or self.cost_growth_error < self.cost_growth_warn:
            raise ValueError("drift: the limits of an error must lie beyond those of a warning")
        return self
