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


class DriftHeadConfig(Frozen):
    """The mean head's drift per bar: boosting on all bars of the window."""

    is_used: bool = Field(
        default=True,
        description="Whether the mean head learns drift per bar, summed along the bars that events "
        "held. Off: it learns the events' own outcomes, which are noisier.",
    )
    premium_annual: float = Field(
        default=0.07,
        description="Log return a year that equity markets have paid over a century, about. A "
        "window's own mean is shrunk toward it.",
    )
    premium_error: float = Field(
        default=0.08,
        gt=0,
        description="Standard error of that belief for one symbol over one window. The window's "
        "own is some 0.10.",
    )

    n_rounds: int = Field(default=200, ge=1, le=5000)
    learning_rate: float = Field(default=0.02, gt=0, le=1)
    num_leaves: int = Field(default=4, ge=2, le=512)
    max_depth: int = Field(
        default=2, ge=-1, le=64, description="One bar says little: pairs of signals, no more."
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
        description="Shared noise of two symbols' moves over the same bar.",
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
        description="Trees from an event's features to the drift it held. Its sum has hardly any "
        "noise, so they may be deeper and faster.",
    )


class LinearConfig(Frozen):
    """The linear baselines."""

    logistic_c: float = Field(default=0.05, gt=0, description="Inverse L2 strength.")
    ridge_alpha: float = Field(default=100.0, gt=0)
    elasticnet_alpha: float = Field(default=0.05, gt=0, description="On a standardised target.")
    elasticnet_l1_ratio: float = Field(default=0.5, ge=0, le=1)


class CalibrationConfig(Frozen):
    """Which calibrator may be fitted, how far it is believed, and how metrics are binned."""

    isotonic_min_rows: int = Field(
        default=1000,
        ge=100,
        description="Below this isotonic regression and Venn-Abers saturate; smooth ones are used.",
    )
    shrinkage: float = Field(
        default=2.0,
        ge=0,
        description="Log likelihood, over the independent rows out of fold, that a calibrator has "
        "to gain to be believed wholly; half of it is believed at a quarter of that. 2 is what two "
        "fitted numbers gain by chance, as in Akaike's criterion. With less, the raw probability "
        "stays as it is.",
    )
    n_bins: int = Field(default=10, ge=2, le=100, description="Bins of ECE and reliability.")


class BlendConfig(Frozen):
    """How far the expected values are believed, and how they are mixed."""

    open_at_evidence: float = Field(
        default=1.0,
        gt=0,
        description="Nothing is believed and nothing trades until the e-value of the mean head's "
        "departures out of fold has grown to this; 1 is where it speaks for them at all.",
    )
    evidence_effect: float = Field(
        default=0.3,
        gt=0,
        description="Scale of the mean of a week's bet, in its own deviations, that the e-value "
        "looks for. 0.4 a week is what an edge of 10 bps gives on synthetic worlds.",
    )
    prior_slope: float = Field(
        default=1.5,
        ge=0,
        description="What a departure of the mean head is worth before out-of-fold rows speak: "
        "trees this shallow and slow say less than they know.",
    )
    prior_slope_error: float = Field(
        default=0.2,
        gt=0,
        description="Standard error of that belief. The data's own is about 0.3, and is that of "
        "inner heads, which were trained on fewer rows than the final one.",
    )
    prior_mean_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of ev_ml before the data speak: it rests on every bar of the window, "
        "ev_struct on whether events won or lost. On synthetic worlds ev_ml alone does as well as "
        "any mixture.",
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
    lightgbm: LightGBMConfig = LightGBMConfig()
    drift: DriftHeadConfig = DriftHeadConfig()
    linear: LinearConfig = LinearConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    ev_struct: Literal["barrier", "payoff"] = Field(
        default="payoff",
        description="Barriers are not payoffs: many target exits land inside a_tp and half the "
        "stops beyond b_sl, so p*a_tp - (1-p)*b_sl is biased upwards.",
    )
    blend: BlendConfig = BlendConfig()
