"""Tables of the walk-forward folds.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import TEST_MONTH, Column, KnownAt, Table

_I = KnownAt.IDENTITY
_F = KnownAt.FOLD_START


DROP_REASONS = ("purged", "embargoed", "not_final", "outside_window")

ROLES = ("fit", "calibration", "test", *DROP_REASONS)


FOLDS = Table(
    "folds",
    "The manifest of each fold: its bounds, and the number of rows per role and drop reason.",
    "folds",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("window_start_utc", "TIMESTAMPTZ", _F, "First instant of the window.", "UTC"),
        Column("test_start_utc", "TIMESTAMPTZ", _F, "First instant of the test month.", "UTC"),
        Column("test_end_utc", "TIMESTAMPTZ", _F, "First instant after the test month.", "UTC"),
        Column("embargo_start_utc", "TIMESTAMPTZ", _F, "Training labels end before it.", "UTC"),
        Column("first_test_idx", "BIGINT", _F, "Row of the symbol's first test bar.", "row"),
        Column("embargo_bars", "BIGINT", _F, "Longest horizon in the window.", "bars"),
        *(Column(f"n_{role}", "BIGINT", _F, f"Rows with role {role}.", "rows") for role in ROLES),
        Column("n_inner_folds", "BIGINT", _F, "Inner folds with rows.", "folds"),
        Column("members_hash", "VARCHAR", _F, "Hash over the fold's membership rows."),
    ),
    ("month", "symbol"),
)


FOLD_MEMBERS = Table(
    "fold_members",
    "Every event of a fold's look-back and test month: its role, or why it was dropped.",
    "folds",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
        Column("role", "VARCHAR", _F, "Role or drop reason.", allowed=ROLES),
        Column(
            "inner_fold",
            "BIGINT",
            _F,
            "For calibration rows: the inner fold that predicts the row out of sample.",
            is_nullable=True,
        ),
        Column(
            "inner_train_from",
            "BIGINT",
            _F,
            "First inner fold whose training set, purged and embargoed against its own start, "
            "contains the row; null when only the final models are fitted on it.",
            is_nullable=True,
        ),
        Column(
            "uniqueness",
            "DOUBLE",
            _F,
            "Average uniqueness of the label among the fold's training labels.",
            "fraction",
            is_nullable=True,
        ),
    ),
    ("month", "symbol", "decision_time_utc"),
)
