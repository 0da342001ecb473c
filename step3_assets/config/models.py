"""Settings of folds and models.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.settings` does that).
"""

from typing import Literal

from pydantic import Field

from step3_assets.config.base import Frozen


class FoldConfig(Frozen):
    """Walk-forward folds: the window, the embargo and the inner folds."""

    train_months: int = Field(
        default=36,
        ge=24,
        le=36,
        description="Window before the test month; the longest allowed, because labels are noisy "
        "(the net return of one event has a standard deviation of about 80 bps) and rows are few.",
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
        description="Months before the first inner validation block: a year has every season.",
    )
    inner_min_rows: int = Field(
        default=300,
        ge=1,
        description="An inner fold that would train on fewer rows (300 are about 50 independent "
        "ones) makes no predictions; its rows are used for fitting only.",
    )


class LightGBMConfig(Frozen):
    """Gradient boosting, shared by the classifier, mean and quantile heads.

    Shallow and slow, with large leaves: on synthetic worlds with a planted edge of 10 bps (seeds 40
    to 44) the mean head's predictions correlated with the true expectation at 0.66. With 300 rows
    per leaf, half the features per tree, 150 rounds and a twin correlation of 0.5 it was 0.63.
    Faster trees (rate 0.05, 120 rows per leaf) lost another 0.06.
    """

    n_rounds: int = Field(
        default=200,
        ge=1,
        le=5000,
        description="Boosting rounds: as many as bring departures from the mean near their true "
        "size.",
    )
    learning_rate: float = Field(default=0.02, gt=0, le=1)
    num_leaves: int = Field(default=8, ge=2, le=512, description="Small trees: the signal is weak.")
    max_depth: int = Field(
        default=3, ge=-1, le=64, description="Two levels hardly ever find a pure interaction."
    )
    min_data_in_leaf: int = Field(
        default=500,
        ge=1,
        description="About six labels overlap at any time, so 500 rows are about 80 independent "
        "ones.",
    )
    lambda_l2: float = Field(default=10.0, ge=0)
    feature_fraction: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="With half of the features, most trees lack one of those that act together.",
    )
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_freq: int = Field(default=1, ge=0)
    max_bin: int = Field(default=63, ge=7, le=255, description="63 bins halve the time of 255.")
    twin_correlation: float = Field(
        default=0.7,
        ge=0,
        lt=1,
        description="Correlation of the noise in two symbols' outcomes at one instant, as the mean "
        "head assumes it; about what synthetic worlds have.",
    )


class DriftHeadConfig(Frozen):
    """The mean head's drift per bar: boosting on all bars of the window."""

    is_used: bool = Field(
        default=True,
        description="Whether the mean head learns drift per bar, summed over the bars that events "
        "hold. Off: it learns the events' own outcomes, which are noisier.",
    )
    premium_annual: float = Field(
        default=0.07,
        description="Log return per year that equity markets have paid over a century, roughly. "
        "The mean of a window is shrunk toward it.",
    )
    premium_error: float = Field(
        default=0.08,
        gt=0,
        description="Standard error of that prior for one symbol over one window. The window's "
        "own mean has one of about 0.10.",
    )

    n_rounds: int = Field(default=200, ge=1, le=5000)
    learning_rate: float = Field(default=0.02, gt=0, le=1)
    num_leaves: int = Field(default=4, ge=2, le=512)
    max_depth: int = Field(
        default=2,
        ge=-1,
        le=64,
        description="One bar holds little information, so a tree combines two signals at most.",
    )
    min_data_in_leaf: int = Field(default=500, ge=1)
    lambda_l2: float = Field(default=10.0, ge=0)
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_freq: int = Field(default=1, ge=0)
    max_bin: int = Field(default=63, ge=7, le=255)
    twin_correlation: float = Field(
        default=0.85,
        ge=0,
        lt=1,
        description="Correlation of the noise in two symbols' moves over the same bar.",
    )
    event_trees: LightGBMConfig = Field(
        default=LightGBMConfig(
            n_rounds=150,
            learning_rate=0.05,
            num_leaves=16,
            max_depth=5,
            min_data_in_leaf=200,
            lambda_l2=1.0,
            feature_fraction=1.0,
            bagging_fraction=1.0,
            bagging_freq=0,
        ),
        description="Trees that predict the drift summed over an event's bars from its features. "
        "That sum has hardly any noise, so they may be deeper and learn faster.",
    )


class LinearConfig(Frozen):
    """The linear baselines."""

    logistic_c: float = Field(default=0.05, gt=0, description="Inverse L2 strength.")
    ridge_alpha: float = Field(default=100.0, gt=0)
    elasticnet_alpha: float = Field(default=0.05, gt=0, description="On a standardised target.")
    elasticnet_l1_ratio: float = Field(default=0.5, ge=0, le=1)


class CalibrationConfig(Frozen):
    """Which calibrators may be fitted, how far they are trusted, and how metrics are binned."""

    isotonic_min_rows: int = Field(
        default=1000,
        ge=100,
        description="With fewer rows isotonic regression and Venn-Abers saturate, so only smooth "
        "calibrators are fitted.",
    )
    shrinkage: float = Field(
        default=2.0,
        ge=0,
        description="Gain in log likelihood, over the independent out-of-fold rows, at which a "
        "calibrator is used in full; a quarter of that gain is enough for half of its correction. "
        "2 is what two fitted parameters gain by chance, as in Akaike's criterion. With too little "
        "gain the raw probability is kept.",
    )
    n_bins: int = Field(default=10, ge=2, le=100, description="Bins of ECE and reliability.")


class BlendConfig(Frozen):
    """How far the expected values are trusted, and how they are mixed."""

    open_at_evidence: float = Field(
        default=1.0,
        gt=0,
        description="Least e-value of the mean head's out-of-fold departures at which trading "
        "opens; below it both weights are 0. Above 1 the evidence is in favour of the departures.",
    )
    evidence_effect: float = Field(
        default=0.3,
        gt=0,
        description="Mean of a week's bet, in its own standard deviations, that the e-value is "
        "tuned to detect. An edge of 10 bps gives 0.4 on synthetic worlds.",
    )
    prior_slope: float = Field(
        default=1.5,
        ge=0,
        description="Prior slope of the mean head's departures. It is above 1, because trees this "
        "shallow and slow understate them.",
    )
    prior_slope_error: float = Field(
        default=0.2,
        gt=0,
        description="Standard error of that prior. The out-of-fold slope has one of about 0.3, and "
        "describes inner heads, which were trained on fewer rows than the final one.",
    )
    prior_mean_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Prior share of ev_ml: it uses every bar of the window, ev_struct only whether "
        "events won or lost. On synthetic worlds ev_ml alone does as well as any mixture.",
    )
    prior_strength: float = Field(
        default=10.0,
        ge=0,
        description="Weight of that prior relative to the data, which can hardly tell two "
        "estimates of the same quantity apart.",
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
        description="With fewer rows (500 are about 80 independent ones) a fold has no model and "
        "trades nothing.",
    )
    lightgbm: LightGBMConfig = LightGBMConfig()
    drift: DriftHeadConfig = DriftHeadConfig()
    linear: LinearConfig = LinearConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    ev_struct: Literal["barrier", "payoff"] = Field(
        default="payoff",
        description="payoff: fitted gain and loss. barrier: the distances a_tp and b_sl, which "
        "are no payoffs: many target exits land inside a_tp and half the stops beyond b_sl, so "
        "p*a_tp - (1-p)*b_sl is biased upwards.",
    )
    blend: BlendConfig = BlendConfig()
