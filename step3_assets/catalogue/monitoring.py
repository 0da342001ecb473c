"""Tables of monitoring: feature importances and drift.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import TEST_MONTH, Column, KnownAt, NamesFrom, Table

_I = KnownAt.IDENTITY
_D = KnownAt.DECISION
_F = KnownAt.FOLD_START
_R = KnownAt.RESULT


IMPORTANCES = Table(
    "importances",
    "Feature importances of each fold's boosted heads.",
    "importances",
    (
        TEST_MONTH,
        Column("head", "VARCHAR", _F, "classifier or mean."),
        Column("feature", "VARCHAR", _I, "Column of events; a category over all its codes."),
        Column("gain_frac", "DOUBLE", _F, "Share of the gain of all splits.", "fraction"),
        Column(
            "shap_frac",
            "DOUBLE",
            _D,
            "Share of mean |SHAP| over the test month's candidates; null without any.",
            "fraction",
            is_nullable=True,
        ),
    ),
    ("month", "head", "feature"),
    partition=None,
)


DRIFT_METRICS = NamesFrom("step3_assets.domain.monitoring.metrics", "drift_metric_names")

DRIFT_STATES = ("not_enough", "quiet", "warn", "error")


DRIFT = Table(
    "drift",
    "Monitoring: at the close of each test month, recent rows against the training rows.",
    "drift",
    (
        Column("month", "DATE", _I, "Last test month of the window, as its first day."),
        Column("metric", "VARCHAR", _I, "Drift metric.", allowed=DRIFT_METRICS),
        Column("feature", "VARCHAR", _I, "The feature of a psi; ALL for other metrics."),
        Column(
            "value",
            "DOUBLE",
            _R,
            "The recent value; null below the minimum sample.",
            is_nullable=True,
        ),
        Column(
            "reference",
            "DOUBLE",
            _R,
            "The same in training: usual psi of as long a window, out-of-fold Brier and ECE, "
            "modelled half cost in bps, jump ratio; 1 for ev_slope.",
            is_nullable=True,
        ),
        Column("lower", "DOUBLE", _R, "Lower end of its confidence interval.", is_nullable=True),
        Column("upper", "DOUBLE", _R, "Upper end of its confidence interval.", is_nullable=True),
        Column("threshold", "DOUBLE", _R, "Limit at which it warns.", is_nullable=True),
        Column("n_rows", "BIGINT", _R, "Recent rows behind it.", "rows"),
        Column("min_rows", "BIGINT", _R, "Rows below which it is not computed.", "rows"),
        Column("state", "VARCHAR", _R, "not_enough, quiet, warn or error.", allowed=DRIFT_STATES),
        Column("sentence", "VARCHAR", _R, "The result in words."),
    ),
    ("month", "metric", "feature"),
    partition=None,
)
