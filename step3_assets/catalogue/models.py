"""Tables of the models and their out-of-fold quality.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import TEST_MONTH, Column, KnownAt, Table

_F = KnownAt.FOLD_START


CALIBRATED_MODELS = Table(
    "calibrated_models",
    "Every model of a fold with its calibrator and blend, as text that executes nothing.",
    "calibrated_models",
    (
        TEST_MONTH,
        Column(
            "head",
            "VARCHAR",
            _F,
            "Which model, by its role in the fold: a head of docs/models.md, or features, "
            "calibrator, payoff, blend.",
        ),
        Column("format", "VARCHAR", _F, "lightgbm text or json of plain numbers."),
        Column("n_rows", "BIGINT", _F, "Training rows.", "rows"),
        Column("payload", "VARCHAR", _F, "The model."),
        Column("payload_sha256", "VARCHAR", _F, "Checked on load."),
        Column("features_hash", "VARCHAR", _F, "Hash of the feature list, in order."),
        Column("config_hash", "VARCHAR", _F, "Hash of the configuration it was trained with."),
        Column("members_hash", "VARCHAR", _F, "Hash of the fold it was trained on."),
    ),
    ("month", "head"),
)


MODEL_METRICS = Table(
    "model_metrics",
    "Out-of-fold quality of each head on the inner folds, with the base rate beside it.",
    "calibrated_models",
    (
        TEST_MONTH,
        Column("head", "VARCHAR", _F, "Head, or base_rate."),
        Column("stage", "VARCHAR", _F, "raw or calibrated."),
        Column("metric", "VARCHAR", _F, "brier, log_loss, ece, auc, pinball, mse, ..."),
        Column("value", "DOUBLE", _F, "The metric's value.", is_nullable=True),
        Column("n_rows", "BIGINT", _F, "Out-of-fold rows.", "rows"),
    ),
    ("month", "head", "stage", "metric"),
)


RELIABILITY_BINS = Table(
    "reliability_bins",
    "Reliability of the classifier out of fold, before and after calibration.",
    "calibrated_models",
    (
        TEST_MONTH,
        Column("stage", "VARCHAR", _F, "raw or calibrated."),
        Column("bin", "BIGINT", _F, "Bin of predicted probability, equal width."),
        Column("p_lo", "DOUBLE", _F, "Lower edge.", "fraction"),
        Column("p_hi", "DOUBLE", _F, "Upper edge.", "fraction"),
        Column("n_rows", "BIGINT", _F, "Rows in the bin.", "rows"),
        Column("p_mean", "DOUBLE", _F, "Mean predicted.", "fraction"),
        Column("y_mean", "DOUBLE", _F, "Share that won.", "fraction"),
    ),
    ("month", "stage", "bin"),
)
