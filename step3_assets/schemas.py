"""The catalogue: every table, each column with its type, unit, when it is known and its meaning.

Belongs here: descriptions only. Table creation, validation at the door, the matrix builder's
known-at rule, asset checks and the data dictionary all derive from this one place. Does not belong
here: code that reads, writes or computes.

A column of ``events`` that Step 2 delivers keeps the name Step 2 gave it, except that the other
symbol's prefix (``spy_sigma`` in QQQ's file) becomes ``cross_`` so that symbols can be pooled.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

FEATURE_VERSION = "1"


class KnownAt(StrEnum):
    """When the value of a column becomes known."""

    IDENTITY = "identity"  # names the row; known at the decision, but never a feature
    DECISION = "decision"  # known at the decision instant: may be a feature
    OUTCOME = "outcome"  # known only after entry: never a feature
    FOLD_START = "fold start"  # computed from labels final before the test month
    WEEK_START = "week start"  # computed from labels final before the week's first session
    RESULT = "result"  # computed after the outcome, by a backtest or report


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    dtype : str
        DuckDB type: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE or TIMESTAMPTZ (microseconds, UTC).
    known_at : KnownAt
    meaning : str
        One sentence for the data dictionary, with the definition where it is short.
    unit : str
        Empty for a pure number or text.
    is_nullable : bool
    is_positive : bool
        Values must be > 0 wherever they are present.
    is_delivered : bool
        The column arrives with Step 2 (as opposed to being added at ingest).
    allowed : tuple of str
        The values a categorical text column may take; empty for any.
    is_wall_clock : bool
        When a row was written, by the clock on the wall: left out of content hashes, so that the
        same content has the same hash whenever it was made.
    """

    name: str
    dtype: str
    known_at: KnownAt
    meaning: str
    unit: str = ""
    is_nullable: bool = False
    is_positive: bool = False
    is_delivered: bool = False
    allowed: tuple[str, ...] = ()
    is_wall_clock: bool = False


class PartitionDates(StrEnum):
    """Which dates may name a partition."""

    MONTH = "the first of a month"
    WEEK = "a Monday"

    def holds(self, day: date) -> bool:
        """Whether the day is one of them."""
        return day.day == 1 if self is PartitionDates.MONTH else day.weekday() == 0

    def label(self, day: date) -> str:
        """The partition as messages name it: ``YYYY-MM``, or a week by its Monday."""
        return f"{day:%Y-%m}" if self is PartitionDates.MONTH else day.isoformat()


@dataclass(frozen=True)
class Table:
    """One table: its columns in order, its key and how it is partitioned.

    ``partition`` is the DATE column that a replacement deletes by (the month, or the week), or
    ``None`` for a table that is replaced whole; ``partition_dates`` says which dates it may hold.
    ``asset`` is the asset that writes it.
    """

    name: str
    meaning: str
    asset: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: str | None = "month"
    partition_dates: PartitionDates = PartitionDates.MONTH
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {c.name: c for c in self.columns})

    @property
    def names(self) -> list[str]:
        """Column names in declared order."""
        return [c.name for c in self.columns]


_I, _D, _O = KnownAt.IDENTITY, KnownAt.DECISION, KnownAt.OUTCOME
_F, _R = KnownAt.FOLD_START, KnownAt.RESULT
_W = KnownAt.WEEK_START


def _delivered(rows: Iterable[tuple], known_at: KnownAt) -> tuple[Column, ...]:
    """Build delivered columns from (name, dtype, unit, meaning, *flags) rows."""
    return tuple(
        Column(
            name,
            dtype,
            known_at,
            meaning,
            unit,
            is_nullable="null" in flags,
            is_positive="positive" in flags,
            is_delivered=True,
        )
        for name, dtype, unit, meaning, *flags in rows
    )


MONTH = Column("month", "DATE", _I, "UTC calendar month of the row, as its first day.")
TEST_MONTH = Column("month", "DATE", _I, "The fold: its test month, as its first day.")
SYMBOL = Column("symbol", "VARCHAR", _I, "Ticker, upper case.", is_delivered=True)
DECISION_TIME = Column(
    "decision_time_utc",
    "TIMESTAMPTZ",
    _I,
    "Start of the bar whose end is the decision instant.",
    "UTC",
    is_delivered=True,
)

_EVENT_IDENTITY = (
    *_delivered(
        [
            (
                "t_idx",
                "BIGINT",
                "row",
                "Row of the decision bar in that symbol's bar table; per symbol and per build.",
            ),
            ("entry_time_utc", "TIMESTAMPTZ", "UTC", "Start of the bar at whose open one enters."),
        ],
        _I,
    ),
)

_EVENT_GEOMETRY = (
    Column(
        "family",
        "VARCHAR",
        _D,
        "Candidate rule that fired: trend_long or pullback_long.",
        is_delivered=True,
    ),
    *_delivered(
        [
            ("a_tp", "DOUBLE", "log return", "Distance of the profit target.", "positive"),
            ("b_sl", "DOUBLE", "log return", "Distance of the stop.", "positive"),
            ("H", "BIGINT", "bars", "Horizon: bars scanned after entry.", "positive"),
            ("cost_rt", "DOUBLE", "return", "Modelled round-trip cost.", "positive"),
            ("spread_half", "DOUBLE", "return", "Half spread, one side.", "positive"),
            ("slip_half", "DOUBLE", "return", "Slippage, one side.", "positive"),
            ("tp_to_cost", "DOUBLE", "", "a_tp / cost_rt.", "positive"),
            ("entry_overnight", "BIGINT", "0/1", "The entry bar belongs to another session."),
        ],
        _D,
    ),
)

_EVENT_SIGNALS = _delivered(
    [
        ("trend_score", "DOUBLE", "", "(ema_fast - ema_slow) / close / sigma."),
        ("pullback_z", "DOUBLE", "sd", "ln(close / ema_fast) over its own EW deviation."),
        ("sigma", "DOUBLE", "log return", "EWMA volatility of one bar.", "positive"),
        ("u_atr", "DOUBLE", "return", "ATR / close.", "positive"),
        ("vol_z", "DOUBLE", "sd", "z-score of ln volume over 200 bars.", "null"),
        ("dist_to_hi", "DOUBLE", "return", "Close against the 100-bar highest close.", "null"),
        ("gap_mu", "DOUBLE", "log return", "Mean of the last 120 overnight gaps.", "null"),
        ("gap_sd", "DOUBLE", "log return", "Deviation of the last 120 gaps.", "null"),
        ("gap_tail", "DOUBLE", "gaps", "Gaps beyond two deviations among the last 120.", "null"),
        ("range_ratio", "DOUBLE", "return", "(high - low) / close."),
        ("ema_fast_slope", "DOUBLE", "return", "Change of the fast EMA over the bar / close."),
        ("sigma_prank", "DOUBLE", "fraction", "Rank of sigma among 500 bars.", "null"),
        ("u_atr_prank", "DOUBLE", "fraction", "Rank of u_atr among 500 bars.", "null"),
        ("intraday_tail_frac", "DOUBLE", "fraction", "Share of 2-sigma bars in 200.", "null"),
    ],
    _D,
)

CROSS_SUFFIXES = (
    "sigma",
    "u_atr",
    "trend_score",
    "pullback_z",
    "vol_z",
    "range_ratio",
    "ema_fast_slope",
    "age_min",
)

_EVENT_CROSS = _delivered(
    [
        ("cross_sigma", "DOUBLE", "log return", "The other symbol's sigma.", "null"),
        ("cross_u_atr", "DOUBLE", "return", "The other symbol's u_atr.", "null"),
        ("cross_trend_score", "DOUBLE", "", "The other symbol's trend_score.", "null"),
        ("cross_pullback_z", "DOUBLE", "sd", "The other symbol's pullback_z.", "null"),
        ("cross_vol_z", "DOUBLE", "sd", "The other symbol's vol_z.", "null"),
        ("cross_range_ratio", "DOUBLE", "return", "The other symbol's range_ratio.", "null"),
        ("cross_ema_fast_slope", "DOUBLE", "return", "The other's ema_fast_slope.", "null"),
        ("cross_age_min", "DOUBLE", "minutes", "Age of the other symbol's bar.", "null"),
        ("rs_log", "DOUBLE", "log ratio", "ln(close / other's close).", "null"),
        ("ret_spread", "DOUBLE", "log return", "Bar return less the other's.", "null"),
        ("beta_proxy", "DOUBLE", "", "200-bar beta on the other symbol.", "null"),
        ("regime_agree", "DOUBLE", "0/1", "Both trend scores have one sign.", "null"),
    ],
    _D,
)

_EVENT_OUTCOME = _delivered(
    [
        (
            "exit_time_utc",
            "TIMESTAMPTZ",
            "UTC",
            "Start of the bar at whose open one exits.",
            "null",
        ),
        ("entry_open", "DOUBLE", "USD", "Open of the entry bar.", "null", "positive"),
        ("exit_open", "DOUBLE", "USD", "Open of the exit bar.", "null", "positive"),
        ("exit_reason", "VARCHAR", "", "tp, sl or horizon.", "null"),
        ("gross_logret", "DOUBLE", "log return", "ln(exit_open / entry_open).", "null"),
        ("net_logret", "DOUBLE", "log return", "gross_logret - cost_rt.", "null"),
        ("y", "BIGINT", "0/1", "net_logret > 0.", "null"),
        ("label_end_idx", "BIGINT", "row", "Row of the exit bar: the label's end.", "null"),
        ("truncated_horizon", "BIGINT", "0/1", "The horizon was cut by the data's end.", "null"),
        ("touch_delay_bars", "BIGINT", "bars", "Bars from entry to touch.", "null"),
        ("same_bar_ambiguous", "BIGINT", "0/1", "Target and stop in one bar.", "null"),
    ],
    _O,
)

EVENTS = Table(
    "events",
    "Candidate trades as Step 2 delivered them, typed, with what ingest adds.",
    "events",
    (
        MONTH,
        SYMBOL,
        DECISION_TIME,
        Column("cross_symbol", "VARCHAR", _I, "The other symbol whose signals are cross_*."),
        Column(
            "decision_instant_utc",
            "TIMESTAMPTZ",
            _I,
            "End of the decision bar: when the signals are known and one decides.",
            "UTC",
        ),
        *_EVENT_IDENTITY,
        *_EVENT_GEOMETRY,
        *_EVENT_SIGNALS,
        *_EVENT_CROSS,
        *_EVENT_OUTCOME,
        Column(
            "maturity",
            "VARCHAR",
            _O,
            "final: outcome stands; provisional: the data's end cut it; pending: none yet.",
            allowed=("final", "provisional", "pending"),
        ),
    ),
    ("symbol", "decision_time_utc"),
)

BAR_FEATURES = Table(
    "bar_features",
    "Bars with the signals Step 2 computed on each.",
    "bar_features",
    (
        MONTH,
        SYMBOL,
        Column("bar_idx", "BIGINT", _I, "Row in the delivered file: what t_idx counts.", "row"),
        *_delivered([("date", "TIMESTAMPTZ", "UTC", "Start of the bar.")], _I),
        Column("bar_end_utc", "TIMESTAMPTZ", _I, "End of the bar.", "UTC"),
        *_delivered(
            [
                ("open", "DOUBLE", "USD", "First price.", "positive"),
                ("high", "DOUBLE", "USD", "Highest price.", "positive"),
                ("low", "DOUBLE", "USD", "Lowest price.", "positive"),
                ("close", "DOUBLE", "USD", "Last price.", "positive"),
                ("volume", "DOUBLE", "shares", "Shares traded."),
                ("average", "DOUBLE", "USD", "Average price.", "null"),
                ("barcount", "BIGINT", "trades", "Trades in the bar.", "null"),
                ("ny_time", "TIMESTAMPTZ", "UTC", "Start of the bar (delivered in NY time)."),
                ("is_opening_bar", "BOOLEAN", "", "First bar of the session."),
                ("expected_bar_seconds", "BIGINT", "s", "Length of the bar.", "positive"),
                ("is_partial_bar", "BOOLEAN", "", "Shorter than an hour."),
                ("log_close", "DOUBLE", "", "ln close."),
                ("r_cc", "DOUBLE", "log return", "Close-to-close return.", "null"),
                ("ewm_var", "DOUBLE", "", "EWMA of squared r_cc."),
                ("sigma", "DOUBLE", "log return", "Square root of ewm_var."),
                ("tr", "DOUBLE", "USD", "True range.", "null"),
                ("atr", "DOUBLE", "USD", "EMA of true range.", "null"),
                ("u_atr", "DOUBLE", "return", "atr / close.", "null"),
                ("range_ratio", "DOUBLE", "return", "(high - low) / close."),
                ("ema_fast", "DOUBLE", "USD", "EMA of close, span 12."),
                ("ema_slow", "DOUBLE", "USD", "EMA of close, span 48."),
                ("trend_raw", "DOUBLE", "return", "(ema_fast - ema_slow) / close."),
                ("trend_score", "DOUBLE", "", "trend_raw / sigma.", "null"),
                ("ema_fast_slope", "DOUBLE", "return", "Change of ema_fast / close.", "null"),
                ("pullback_z", "DOUBLE", "sd", "See events.", "null"),
                ("vol_z", "DOUBLE", "sd", "See events.", "null"),
                ("sigma_prank", "DOUBLE", "fraction", "See events.", "null"),
                ("u_atr_prank", "DOUBLE", "fraction", "See events.", "null"),
                ("dist_to_hi", "DOUBLE", "return", "See events.", "null"),
                ("intraday_tail_frac", "DOUBLE", "fraction", "See events.", "null"),
                ("entry_overnight", "BOOLEAN", "", "The next bar is in another session."),
            ],
            _D,
        ),
        *_delivered(
            [
                (
                    "gap_ret_realized",
                    "DOUBLE",
                    "log return",
                    "ln(next open / close): looks ahead.",
                    "null",
                )
            ],
            _O,
        ),
        *_delivered(
            [
                ("gap_mu", "DOUBLE", "log return", "See events.", "null"),
                ("gap_sd", "DOUBLE", "log return", "See events.", "null"),
                ("gap_tail", "DOUBLE", "gaps", "See events.", "null"),
                ("vol_spike", "BOOLEAN", "", "sigma above its 0.9 quantile of 500 bars."),
            ],
            _D,
        ),
    ),
    ("symbol", "date"),
)

DATASET_MONTHS = Table(
    "dataset_months",
    "What was ingested: one row per table and month, with its content hash.",
    "events, bar_features",
    (
        MONTH,
        Column("table_name", "VARCHAR", _I, "events or bar_features."),
        Column("dataset_version", "VARCHAR", _R, "Content hash of the delivery it came from."),
        Column("content_hash", "VARCHAR", _R, "Hash over the month's canonical rows."),
        Column("n_rows", "BIGINT", _R, "Rows in the month.", "rows"),
    ),
    ("table_name", "month"),
)

DATASETS = Table(
    "datasets",
    "Deliveries that were ingested, in order, with what came beside the rows.",
    "events, bar_features",
    (
        Column("dataset_version", "VARCHAR", _I, "Content hash of the delivery's canonical rows."),
        Column("position", "BIGINT", _R, "Order of ingest; the highest is the one in force."),
        Column("symbols", "VARCHAR", _R, "Symbols, comma separated."),
        Column("first_month", "DATE", _R, "First month of bars."),
        Column("last_month", "DATE", _R, "Last month of bars."),
        Column("n_events", "BIGINT", _R, "Events delivered.", "rows"),
        Column("n_bars", "BIGINT", _R, "Bars delivered.", "rows"),
        Column("is_synthetic", "BOOLEAN", _R, "The delivery says that a simulator made it."),
        Column(
            "published_baseline",
            "VARCHAR",
            _R,
            "The mock baseline's published summary as delivered.",
            "JSON",
            is_nullable=True,
        ),
    ),
    ("dataset_version",),
    partition=None,
)

REVISIONS = Table(
    "revisions",
    "Row versions that a later delivery replaced: nothing is silently overwritten.",
    "events, bar_features",
    (
        MONTH,
        Column("table_name", "VARCHAR", _I, "events or bar_features."),
        SYMBOL,
        Column("stamp_utc", "TIMESTAMPTZ", _I, "decision_time_utc or date of the row.", "UTC"),
        Column("row_hash", "VARCHAR", _I, "Hash of the replaced row."),
        Column(
            "reason",
            "VARCHAR",
            _R,
            "matured: only the outcome of a row that was not final changed; restated: other values "
            "changed; withdrawn: the row is gone.",
            allowed=("matured", "restated", "withdrawn"),
        ),
        Column("dataset_version", "VARCHAR", _R, "Delivery that had brought the old row."),
        Column("superseded_by", "VARCHAR", _R, "Delivery that replaced it."),
        Column("payload", "VARCHAR", _R, "The old row as JSON.", "JSON"),
    ),
    ("table_name", "symbol", "stamp_utc", "row_hash", "superseded_by"),
)

DROP_REASONS = ("purged", "embargoed", "not_final", "outside_window")
ROLES = ("fit", "calibration", "test", *DROP_REASONS)

FOLDS = Table(
    "folds",
    "The manifest of each fold: bounds and how many rows each role and drop reason got.",
    "folds",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("window_start_utc", "TIMESTAMPTZ", _F, "First instant of the window.", "UTC"),
        Column("test_start_utc", "TIMESTAMPTZ", _F, "First instant of the test month.", "UTC"),
        Column("test_end_utc", "TIMESTAMPTZ", _F, "First instant after the test month.", "UTC"),
        Column("embargo_start_utc", "TIMESTAMPTZ", _F, "A label may not end at or after.", "UTC"),
        Column("first_test_idx", "BIGINT", _F, "Row of the symbol's first test bar.", "row"),
        Column("embargo_bars", "BIGINT", _F, "Longest horizon in the window.", "bars"),
        *(Column(f"n_{role}", "BIGINT", _F, f"Rows with role {role}.", "rows") for role in ROLES),
        Column("n_inner_folds", "BIGINT", _F, "Inner folds that got rows.", "folds"),
        Column("members_hash", "VARCHAR", _F, "Hash over the fold's membership rows."),
    ),
    ("month", "symbol"),
)

FOLD_MEMBERS = Table(
    "fold_members",
    "Every event a fold looked at: its role, or the reason it was dropped.",
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
            "holds the row; null when only the final models are fitted on it.",
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
            "Which model: logistic, ridge, elasticnet, lgbm_classifier, lgbm_mean, lgbm_q10, "
            "lgbm_q50, lgbm_q90, calibrator, payoff, blend.",
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
        Column("value", "DOUBLE", _F, "The figure.", is_nullable=True),
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

GATE_REASONS = (
    "pass",
    "ev_below_cost",
    "overnight_ev_below_cost",
    "tp_to_cost_below_phi",
    "q10_below_floor",
    "no_model",
)

_SIZING_COLUMNS = (
    *(
        Column(name, "DOUBLE", _D, meaning, unit, is_nullable=True)
        for name, meaning, unit in [
            ("forecast_sd", "Deviation of the net return, from q90 - q10.", "log return"),
            ("kelly_frac", "ev_final / forecast_sd ** 2, the whole Kelly fraction.", "fraction"),
            ("vol_cap_frac", "Size at which volatility is the target.", "fraction"),
            ("overnight_factor", "What an overnight entry's size is multiplied by.", "fraction"),
        ]
    ),
    Column(
        "size_cap",
        "VARCHAR",
        _D,
        "What bound the size; null for a line that is not sized by the platform.",
        is_nullable=True,
        allowed=("fixed", "max_size", "kelly", "vol_target", "no_forecast"),
    ),
)
"""Inputs of a size; null where the sizing method does not use them."""

SCORES = Table(
    "scores",
    "Each test event: probabilities, quantiles, expected values, gate and size.",
    "scores",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
        *(
            Column(name, "DOUBLE", _D, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("p_raw", "P(net_logret > 0) of the classifier.", "fraction"),
                ("p_calibrated", "The same, calibrated.", "fraction"),
                ("p_logistic", "P(net_logret > 0) of the logistic baseline.", "fraction"),
                ("q10", "10 % quantile of net_logret.", "log return"),
                ("q50", "Median of net_logret.", "log return"),
                ("q90", "90 % quantile of net_logret.", "log return"),
                ("ridge", "net_logret predicted by Ridge.", "log return"),
                ("elasticnet", "net_logret predicted by ElasticNet.", "log return"),
                ("ev_struct", "p * gain - (1 - p) * loss - cost_rt.", "log return"),
                ("ev_ml", "net_logret predicted by the mean head.", "log return"),
                ("ev_final", "w1 * ev_struct + w2 * ev_ml.", "log return"),
                ("ev_threshold", "What ev_final had to exceed.", "log return"),
            ]
        ),
        Column("is_gated", "BOOLEAN", _D, "The gate let it through."),
        Column("gate_reason", "VARCHAR", _D, "Why, or why not.", allowed=GATE_REASONS),
        Column("size_frac", "DOUBLE", _D, "Share of the allocation asked for.", "fraction"),
        *_SIZING_COLUMNS,
    ),
    ("month", "symbol", "decision_time_utc"),
)

MOCK_BASELINE = Table(
    "mock_baseline",
    "The mock ML (ridge and tuned thresholds) run honestly on the same folds.",
    "mock_baseline",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
        Column("p_linear", "DOUBLE", _D, "Ridge on y.", "fraction", is_nullable=True),
        Column("ev_linear", "DOUBLE", _D, "Ridge on net_logret.", "log return", is_nullable=True),
        Column("p_threshold", "DOUBLE", _D, "Probability cut.", "fraction", is_nullable=True),
        Column("ev_threshold", "DOUBLE", _D, "EV cut.", "log return", is_nullable=True),
        Column("is_gated", "BOOLEAN", _D, "Both cuts passed."),
        Column("gate_reason", "VARCHAR", _D, "Why, or why not."),
        Column("size_frac", "DOUBLE", _D, "Share of equity asked for.", "fraction"),
    ),
    ("month", "symbol", "decision_time_utc"),
)

TRADE_STATUSES = (
    "traded",
    "position_open",
    "gross_cap",
    "zero_size",
    "not_final",
    "no_equity",
    "drawdown_kill",
    "session_loss",
    "min_holding",
    "cooldown",
    "symbol_cap",
    "turnover_day",
    "turnover_week",
    "turnover_month",
)

RISK_RULES = (
    "drawdown_kill",
    "session_loss",
    "min_holding",
    "cooldown",
    "gross_cap",
    "symbol_cap",
    "turnover_day",
    "turnover_week",
    "turnover_month",
)
RISK_ACTIONS = ("tripped", "forced_exit", "cancelled_entry", "refused_entry", "trimmed_entry")

_LEDGER_KEY = (
    Column("series", "VARCHAR", _I, "A series of portfolio that was simulated."),
    Column("symbol", "VARCHAR", _I, "Ticker."),
    Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
)

_TRADE_COLUMNS = (
    Column("entry_time_utc", "TIMESTAMPTZ", _R, "Fill of the entry.", "UTC"),
    Column("exit_time_utc", "TIMESTAMPTZ", _R, "Fill of the exit.", "UTC"),
    Column("allocation_frac", "DOUBLE", _D, "The symbol's share of equity.", "fraction"),
    Column("size_frac", "DOUBLE", _D, "Share of the allocation asked for.", "fraction"),
    Column("notional_usd", "DOUBLE", _R, "Units times entry price.", "USD"),
    Column("units", "DOUBLE", _R, "Shares held (fractional).", "shares"),
    Column("entry_open", "DOUBLE", _R, "Entry price.", "USD"),
    Column("exit_open", "DOUBLE", _R, "Exit price.", "USD"),
    Column("cost_entry_usd", "DOUBLE", _R, "Half of cost_rt on the entry's value.", "USD"),
    Column("cost_exit_usd", "DOUBLE", _R, "Half of cost_rt on the exit's value.", "USD"),
    Column("pnl_usd", "DOUBLE", _R, "Gain after costs.", "USD"),
    Column("net_bps", "DOUBLE", _R, "pnl_usd / notional_usd.", "bps"),
    Column("equity_before_usd", "DOUBLE", _R, "Equity when it was sized.", "USD"),
    Column("binding_cap", "VARCHAR", _R, "What limited it: size_frac, gross_cap, symbol_cap."),
    Column(
        "exit_rule",
        "VARCHAR",
        _R,
        "label, or the risk rule that brought the exit forward to the next open.",
        allowed=("label", "drawdown_kill", "session_loss"),
    ),
    *_SIZING_COLUMNS,
)

FOLD_BACKTESTS = Table(
    "fold_backtests",
    "Each test month on its own, from a flat start; ALL is the one account over all symbols, a "
    "symbol's row its share in that account: returns and trades add up.",
    "fold_backtests",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker, or ALL."),
        Column("n_candidates", "BIGINT", _R, "Test events.", "events"),
        Column("n_gated", "BIGINT", _R, "Let through by the gate.", "events"),
        Column("n_trades", "BIGINT", _R, "Traded.", "trades"),
        Column("return_frac", "DOUBLE", _R, "Gain to the last exit over capital.", "fraction"),
        Column("max_drawdown_frac", "DOUBLE", _R, "Marked at every bar close.", "fraction"),
        Column("calmar", "DOUBLE", _R, "Annualised; 0 for a month without trades."),
        Column("net_bps_mean", "DOUBLE", _R, "Mean net per trade.", "bps", is_nullable=True),
        Column("hit_rate", "DOUBLE", _R, "Share of winners.", "fraction", is_nullable=True),
        Column("turnover", "DOUBLE", _R, "Traded value over capital."),
        Column("exposure_frac", "DOUBLE", _R, "Mean gross exposure.", "fraction"),
        Column("brier", "DOUBLE", _R, "Calibrated p on final labels.", is_nullable=True),
        Column("brier_base", "DOUBLE", _R, "Brier of the training base rate.", is_nullable=True),
    ),
    ("month", "symbol"),
)

FOLD_TRADES = Table(
    "fold_trades",
    "The trades of each fold backtest.",
    "fold_backtests",
    (TEST_MONTH, *_LEDGER_KEY[1:], *_TRADE_COLUMNS),
    ("month", "symbol", "decision_time_utc"),
)

METRIC_COLUMNS = (
    Column("start_utc", "TIMESTAMPTZ", _R, "First instant of the period.", "UTC"),
    Column("end_utc", "TIMESTAMPTZ", _R, "First instant after the period.", "UTC"),
    Column("start_equity_usd", "DOUBLE", _R, "Starting capital.", "USD"),
    Column("end_equity_usd", "DOUBLE", _R, "Equity at the end.", "USD"),
    Column("cagr", "DOUBLE", _R, "Compound annual growth over the calendar.", "fraction"),
    Column("max_drawdown_frac", "DOUBLE", _R, "Marked at every bar close.", "fraction"),
    Column("calmar", "DOUBLE", _R, "CAGR / max(drawdown, 1 %)."),
    Column("sharpe", "DOUBLE", _R, "Daily, annualised by 252.", is_nullable=True),
    Column("sortino", "DOUBLE", _R, "Daily, annualised by 252.", is_nullable=True),
    Column("n_trades", "BIGINT", _R, "Trades.", "trades"),
    Column("trades_per_month", "DOUBLE", _R, "Over every calendar month.", "trades"),
    Column("net_bps_mean", "DOUBLE", _R, "Mean net per trade.", "bps", is_nullable=True),
    Column("hit_rate", "DOUBLE", _R, "Share of winners.", "fraction", is_nullable=True),
    Column(
        "turnover_per_year",
        "DOUBLE",
        _R,
        "Traded value over mean equity, a year.",
        is_nullable=True,
    ),
    Column("exposure_frac", "DOUBLE", _R, "Mean gross exposure.", "fraction", is_nullable=True),
    Column("worst_month_frac", "DOUBLE", _R, "Worst calendar month.", "fraction"),
    Column("calmar_monthly", "DOUBLE", _R, "Calmar on month-end equity only."),
)

PORTFOLIO = Table(
    "portfolio",
    "The summary: one row per series over the same months, clocks and capital.",
    "portfolio",
    (
        Column(
            "series",
            "VARCHAR",
            _I,
            "platform, platform_costs_x1.25 (decided again under stressed costs), mock_baseline, "
            "published_baseline, buy_and_hold:SYMBOL.",
        ),
        *METRIC_COLUMNS,
        Column("note", "VARCHAR", _R, "What a reader must know about the series."),
    ),
    ("series",),
    partition=None,
)

PORTFOLIO_TRADES = Table(
    "portfolio_trades",
    "The trade ledger through all months.",
    "portfolio",
    (*_LEDGER_KEY, MONTH, *_TRADE_COLUMNS),
    ("series", "symbol", "decision_time_utc"),
    partition=None,
)

PORTFOLIO_DECISIONS = Table(
    "portfolio_decisions",
    "What became of every event the gate let through.",
    "portfolio",
    (
        *_LEDGER_KEY,
        MONTH,
        Column("status", "VARCHAR", _R, "traded, or why not.", allowed=TRADE_STATUSES),
    ),
    ("series", "symbol", "decision_time_utc"),
    partition=None,
)

RISK_EVENTS = Table(
    "risk_events",
    "Every answer of a risk rule: entries refused, trimmed or cancelled, exits forced.",
    "portfolio",
    (
        _LEDGER_KEY[0],
        Column("position", "BIGINT", _I, "Order in which it happened, from 1."),
        Column("time_utc", "TIMESTAMPTZ", _R, "Bar close at which it was decided.", "UTC"),
        Column("symbol", "VARCHAR", _R, "Ticker; ALL where a stop tripped."),
        Column(
            "decision_time_utc",
            "TIMESTAMPTZ",
            _R,
            "Key of the event refused, or of the trade that had to leave; null for ALL.",
            "UTC",
            is_nullable=True,
        ),
        Column("rule", "VARCHAR", _R, "The rule.", allowed=RISK_RULES),
        Column("action", "VARCHAR", _R, "What it did.", allowed=RISK_ACTIONS),
        Column("threshold", "DOUBLE", _R, "The limit, in the rule's unit: a fraction or bars."),
        Column("value", "DOUBLE", _R, "The figure that broke it."),
        Column("equity_usd", "DOUBLE", _R, "Equity marked at that close.", "USD"),
        Column(
            "fill_time_utc",
            "TIMESTAMPTZ",
            _R,
            "The next bar's open, at which a forced exit fills.",
            "UTC",
            is_nullable=True,
        ),
    ),
    ("series", "position"),
    partition=None,
)

PORTFOLIO_EQUITY = Table(
    "portfolio_equity",
    "Equity at every bar close.",
    "portfolio",
    (
        Column("series", "VARCHAR", _I, "As in portfolio."),
        Column("bar_end_utc", "TIMESTAMPTZ", _I, "Bar close at which it is marked.", "UTC"),
        Column("equity_usd", "DOUBLE", _R, "Cash and positions at the close.", "USD"),
        Column("cash_usd", "DOUBLE", _R, "Idle cash.", "USD"),
        Column("gross_exposure_frac", "DOUBLE", _R, "Position value over equity.", "fraction"),
        Column("drawdown_frac", "DOUBLE", _R, "Below the running peak.", "fraction"),
        Column(
            "drawdown_low_frac",
            "DOUBLE",
            _R,
            "Below the peak with positions at bar lows.",
            "fraction",
        ),
    ),
    ("series", "bar_end_utc"),
    partition=None,
)

PORTFOLIO_MONTHS = Table(
    "portfolio_months",
    "Every calendar month of every series: P&L compounding and on a constant account.",
    "portfolio",
    (
        Column("series", "VARCHAR", _I, "As in portfolio."),
        MONTH,
        Column("equity_usd", "DOUBLE", _R, "Equity at the month's last bar close.", "USD"),
        Column("pnl_usd", "DOUBLE", _R, "Change of equity (compounding account).", "USD"),
        Column("return_frac", "DOUBLE", _R, "pnl over equity before the month.", "fraction"),
        Column("pnl_constant_usd", "DOUBLE", _R, "return on a constant account.", "USD"),
        Column("n_trades", "BIGINT", _R, "Trades decided in the month.", "trades"),
        Column("max_drawdown_frac", "DOUBLE", _R, "Within the month.", "fraction"),
    ),
    ("series", "month"),
    partition=None,
)


EVALUATIONS = Table(
    "evaluations",
    "Every configuration that the portfolio was ever run with: its return in each test month. Each "
    "is a trial of the deflated Sharpe ratio and of PBO.",
    "portfolio",
    (
        Column("config_hash", "VARCHAR", _I, "Of all settings that trades depend on."),
        Column("code_version", "VARCHAR", _I, "Version of the platform."),
        MONTH,
        Column("return_frac", "DOUBLE", _R, "Of the platform's account, latest run.", "fraction"),
        Column("dataset_version", "VARCHAR", _R, "Delivery in force at the latest run."),
        Column("settings", "VARCHAR", _R, "What differs from the defaults, as JSON."),
    ),
    ("config_hash", "code_version", "month"),
    partition=None,
)


def _figures(*names: str) -> tuple[Column, ...]:
    """Some of the metric columns, in the order given."""
    columns = {c.name: c for c in METRIC_COLUMNS}
    return tuple(columns[name] for name in names)


COST_STRESS = Table(
    "cost_stress",
    "The platform with every decision taken again under dearer costs, on one account.",
    "portfolio",
    (
        Column("factor", "DOUBLE", _I, "What every cost is multiplied by; 1 is as modelled."),
        Column("n_gated", "BIGINT", _R, "Let through by the gate.", "events"),
        *_figures(
            "n_trades",
            "trades_per_month",
            "end_equity_usd",
            "cagr",
            "max_drawdown_frac",
            "calmar",
            "sharpe",
            "net_bps_mean",
            "hit_rate",
        ),
    ),
    ("factor",),
    partition=None,
)

ALLOCATION_COMPARISON = Table(
    "allocation_comparison",
    "The platform's decisions under every way of dividing capital among symbols.",
    "portfolio",
    (
        Column(
            "method",
            "VARCHAR",
            _I,
            "equal_weight, inverse_volatility, calmar, or searched where months differ.",
        ),
        Column("is_used", "BOOLEAN", _R, "The method that the platform trades with."),
        Column("weight_turnover_frac", "DOUBLE", _R, "Weight moved in a mean month.", "fraction"),
        *_figures(
            "n_trades",
            "end_equity_usd",
            "cagr",
            "max_drawdown_frac",
            "calmar",
            "sharpe",
            "net_bps_mean",
            "turnover_per_year",
            "exposure_frac",
            "worst_month_frac",
        ),
    ),
    ("method",),
    partition=None,
)

ALLOCATION_WEIGHTS = Table(
    "allocation_weights",
    "Each symbol's share of equity by month and method, decided at the month's start.",
    "portfolio",
    (
        Column("method", "VARCHAR", _I, "As in allocation_comparison."),
        MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("weight_frac", "DOUBLE", _F, "Share of equity.", "fraction"),
    ),
    ("method", "month", "symbol"),
    partition=None,
)

ACCEPTANCE = Table(
    "acceptance",
    "Each gate: figure, threshold, verdict and the evidence; fail closed.",
    "acceptance",
    (
        Column("gate", "VARCHAR", _I, "Name of the gate."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column("value", "DOUBLE", _R, "The figure; null if it could not be had.", is_nullable=True),
        Column("threshold", "DOUBLE", _R, "What it is held against.", is_nullable=True),
        Column("lower", "DOUBLE", _R, "Lower end of its interval, if any.", is_nullable=True),
        Column("upper", "DOUBLE", _R, "Upper end of its interval, if any.", is_nullable=True),
        Column("comparison", "VARCHAR", _R, ">=, >, <=, or ==."),
        Column("is_passed", "BOOLEAN", _R, "False also when it could not be evaluated."),
        Column("evidence", "VARCHAR", _R, "One plain sentence."),
    ),
    ("gate",),
    partition=None,
)

STATISTICS = Table(
    "statistics",
    "How far the platform's results could be chance: one row per figure.",
    "statistics",
    (
        Column("name", "VARCHAR", _I, "Name of the figure."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column("value", "DOUBLE", _R, "The figure; null if it could not be had.", is_nullable=True),
        Column("lower", "DOUBLE", _R, "Lower end of its interval, if any.", is_nullable=True),
        Column("upper", "DOUBLE", _R, "Upper end of its interval, if any.", is_nullable=True),
        Column("level", "DOUBLE", _R, "Two-sided level.", "fraction", is_nullable=True),
        Column("n", "BIGINT", _R, "Sessions, trades, events or trials, as the method says."),
        Column("method", "VARCHAR", _R, "How it was had."),
        Column("sentence", "VARCHAR", _R, "What it says, or why it is missing."),
    ),
    ("name",),
    partition=None,
)

AUDIT = Table(
    "audit",
    "The leakage audit: each check with what it looked at and whether it passed.",
    "audit",
    (
        Column("check", "VARCHAR", _I, "Name of the check."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column("is_passed", "BOOLEAN", _R, "False also when it could not be run."),
        Column("evidence", "VARCHAR", _R, "What was looked at and what was found."),
    ),
    ("check",),
    partition=None,
)

RESULT_VERSIONS = Table(
    "result_versions",
    "Which data, settings and models the stored audit and acceptance speak of.",
    "audit, acceptance",
    (
        Column("result", "VARCHAR", _I, "The asset.", allowed=("audit", "acceptance")),
        Column("dataset_version", "VARCHAR", _R, "Delivery in force."),
        Column("config_hash", "VARCHAR", _R, "Hash of the whole configuration."),
        Column("models_hash", "VARCHAR", _R, "Hash over every model's hash of its months."),
        Column("first_month", "DATE", _R, "First test month."),
        Column("last_month", "DATE", _R, "Last test month."),
    ),
    ("result",),
    partition=None,
)

MODEL_KINDS = ("fold", "recalibration")
STAGES = ("candidate", "shadow", "champion", "archived")
TRANSITION_CAUSES = (
    "registered",
    "newest",
    "not_newest",
    "replaced",
    "withdrawn",
    "base_archived",
    "restored",
    "promoted",
    "superseded",
    "rollback",
    "rolled_back",
)

MODEL_REGISTRY = Table(
    "model_registry",
    "Every model version: what it was made from, how good it was, what was decided about it.",
    "model_registry",
    (
        Column("model_id", "VARCHAR", _I, "Kind, period and hash of the artefacts."),
        Column("kind", "VARCHAR", _I, "A fold's models, or their refit.", allowed=MODEL_KINDS),
        Column("period_start", "DATE", _I, "First day of the test month, or of the week."),
        Column(
            "base_model_id",
            "VARCHAR",
            _I,
            "The fold model that a recalibration refits.",
            is_nullable=True,
        ),
        Column("stage", "VARCHAR", _R, "Where it stands now.", allowed=STAGES),
        Column("dataset_version", "VARCHAR", _F, "Delivery in force when last registered."),
        Column("inputs_hash", "VARCHAR", _F, "Hash over the events of its look-back months."),
        Column("members_hash", "VARCHAR", _F, "Hash of the rows it was trained on."),
        Column("features", "VARCHAR", _F, "The features that the models see, in order, as JSON."),
        Column("features_hash", "VARCHAR", _F, "Hash of the feature list, in order."),
        Column("code_version", "VARCHAR", _F, "Version and hash of the code that decides."),
        Column("libraries", "VARCHAR", _F, "Numerical libraries and their versions, as JSON."),
        Column("config_hash", "VARCHAR", _F, "Hash of the model settings it was trained with."),
        Column(
            "parameters",
            "VARCHAR",
            _F,
            "Settings of folds and of what a search may change, as JSON; null if not in force.",
            is_nullable=True,
        ),
        Column(
            "parameters_source",
            "VARCHAR",
            _F,
            "defaults, step3.toml, search epoch YYYY-MM, base model, or not in force.",
        ),
        Column("artefacts", "VARCHAR", _F, "SHA-256 of each head's payload, as JSON."),
        Column("metrics", "VARCHAR", _F, "Quality out of fold, as JSON."),
        Column("gates", "VARCHAR", _R, "Figure, threshold, mark of each gate then, as JSON."),
        Column("verdict", "VARCHAR", _R, "Verdict in force when last registered."),
    ),
    ("model_id",),
    partition=None,
)

REGISTRY_TRANSITIONS = Table(
    "registry_transitions",
    "Every change of a model's stage, in order; append-only.",
    "model_registry",
    (
        Column("position", "BIGINT", _I, "Order in which it happened, from 1."),
        Column("model_id", "VARCHAR", _I, "The model."),
        Column("from_stage", "VARCHAR", _R, "Null when new.", is_nullable=True, allowed=STAGES),
        Column("to_stage", "VARCHAR", _R, "Where it stood afterwards.", allowed=STAGES),
        Column("cause", "VARCHAR", _R, "What moved it.", allowed=TRANSITION_CAUSES),
        Column("reason", "VARCHAR", _R, "Why, in words."),
        Column("actor", "VARCHAR", _R, "The asset or the person."),
        Column(
            "evidence",
            "VARCHAR",
            _R,
            "Of a promotion: data, settings, gates and audit then, as JSON.",
            is_nullable=True,
        ),
        Column(
            "time_utc",
            "TIMESTAMPTZ",
            _R,
            "When, by the clock on the wall; not part of content hashes.",
            "UTC",
            is_wall_clock=True,
        ),
    ),
    ("position",),
    partition=None,
)

IMPORTANCES = Table(
    "importances",
    "What the boosted heads of each fold look at.",
    "importances",
    (
        TEST_MONTH,
        Column("head", "VARCHAR", _F, "lgbm_classifier or lgbm_mean."),
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

DRIFT_METRICS = ("psi", "brier", "ece", "ev_slope", "entry_shortfall", "entry_jump")
DRIFT_STATES = ("not_enough", "quiet", "warn", "error")

DRIFT = Table(
    "drift",
    "Monitoring: at the close of each test month, recent rows against those that trained.",
    "drift",
    (
        Column("month", "DATE", _I, "Last test month of the window, as its first day."),
        Column("metric", "VARCHAR", _I, "What is watched.", allowed=DRIFT_METRICS),
        Column("feature", "VARCHAR", _I, "The feature of a psi; ALL for other metrics."),
        Column(
            "value",
            "DOUBLE",
            _R,
            "The recent figure; null below the least sample.",
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
        Column("lower", "DOUBLE", _R, "Lower end of its interval, if any.", is_nullable=True),
        Column("upper", "DOUBLE", _R, "Upper end of its interval, if any.", is_nullable=True),
        Column("threshold", "DOUBLE", _R, "Where it warns.", is_nullable=True),
        Column("n_rows", "BIGINT", _R, "Recent rows behind it.", "rows"),
        Column("min_rows", "BIGINT", _R, "Rows below which it does not speak.", "rows"),
        Column("state", "VARCHAR", _R, "not_enough, quiet, warn or error.", allowed=DRIFT_STATES),
        Column("sentence", "VARCHAR", _R, "What it says, in plain words."),
    ),
    ("month", "metric", "feature"),
    partition=None,
)

EPOCH = Column("epoch", "DATE", _I, "First month of the search epoch, as its first day.")

TUNED_PARAMS = Table(
    "tuned_params",
    "What the nested search chose for an epoch, from folds wholly before it.",
    "tuned_params",
    (
        EPOCH,
        Column("last_month", "DATE", _I, "Last month of the epoch."),
        Column("inner_first_month", "DATE", _F, "First inner test month."),
        Column("inner_last_month", "DATE", _F, "Last one: the month before the epoch."),
        Column("n_inner_months", "BIGINT", _F, "Inner test months."),
        Column("n_model_trials", "BIGINT", _F, "Model trials, pruned ones with them."),
        Column("n_gate_trials", "BIGINT", _F, "Gate and portfolio trials."),
        Column("objective", "DOUBLE", _F, "Of the trial chosen, or else of the best one."),
        Column("default_objective", "DOUBLE", _F, "Of the settings that the search began from."),
        Column("p_value", "DOUBLE", _F, "Chance of a best trial as good as that by luck."),
        Column("is_default", "BOOLEAN", _F, "Too small gains, or luck: those settings stay."),
        Column("params", "VARCHAR", _F, "What was chosen, as JSON: name and value."),
        Column("settings", "VARCHAR", _F, "Sections of the configuration in force, as JSON."),
        Column("config_hash", "VARCHAR", _F, "Hash of those sections."),
        Column("base_hash", "VARCHAR", _F, "Hash of the sections that the search began from."),
        Column("search_hash", "VARCHAR", _F, "Hash of search settings, base and data."),
        Column("dataset_version", "VARCHAR", _F, "Delivery in force when it was searched."),
    ),
    ("epoch",),
    partition="epoch",
)

TRIAL_LEVELS = ("model", "gate", "allocation")
TRIAL_STATES = ("complete", "pruned")

TRIALS = Table(
    "trials",
    "Every configuration that the search ever evaluated; append-only.",
    "tuned_params",
    (
        Column("trial_id", "VARCHAR", _I, "Hash of the study and the trial's number in it."),
        EPOCH,
        Column("level", "VARCHAR", _I, "What was varied.", allowed=TRIAL_LEVELS),
        Column("study", "VARCHAR", _I, "Name of the Optuna study."),
        Column("number", "BIGINT", _I, "Number of the trial in its study."),
        Column("state", "VARCHAR", _R, "complete, or pruned.", allowed=TRIAL_STATES),
        Column("params", "VARCHAR", _R, "What was tried, as JSON: name and value."),
        Column("config_hash", "VARCHAR", _R, "Hash of the settings tried; unused ones left out."),
        Column("models_hash", "VARCHAR", _R, "Hash of the model settings alone."),
        Column("first_month", "DATE", _R, "First month evaluated."),
        Column("last_month", "DATE", _R, "Last month evaluated."),
        Column("objective", "DOUBLE", _R, "Over the months evaluated."),
        Column("max_drawdown_frac", "DOUBLE", _R, "Over the same months.", "fraction"),
        Column("n_trades", "BIGINT", _R, "Over the same months."),
        Column("month_returns", "VARCHAR", _R, "Return of each month, a JSON list of fractions."),
        Column("month_scores", "VARCHAR", _R, "What each counts in the objective, a JSON list."),
        Column("evaluated_on", "VARCHAR", _R, "What the trial was evaluated on, in words."),
        Column("search_hash", "VARCHAR", _R, "Hash of search settings, base and data."),
        Column("dataset_version", "VARCHAR", _R, "Delivery in force."),
    ),
    ("trial_id",),
    partition=None,
)

RECALIBRATION_REASONS = (
    "no_worse",
    "worse_brier",
    "worse_log_loss",
    "too_few_labels",
    "one_outcome",
    "too_few_new_labels",
    "no_challenger",
    "no_model",
)

WEEK = Column("week", "DATE", _I, "The week, as its Monday.")

WEEKLY_MODELS = Table(
    "weekly_models",
    "Every model of a retrained week with its calibrator and blend, as text that executes nothing.",
    "weekly_models",
    (
        WEEK,
        Column("head", "VARCHAR", _W, "Which model, as in calibrated_models."),
        Column("as_of_utc", "TIMESTAMPTZ", _I, "The week's first open.", "UTC"),
        Column("format", "VARCHAR", _W, "lightgbm text or json of plain numbers."),
        Column("n_rows", "BIGINT", _W, "Training rows.", "rows"),
        Column("n_independent", "DOUBLE", _W, "The same, weighed by uniqueness.", "rows"),
        Column(
            "last_final_utc",
            "TIMESTAMPTZ",
            _W,
            "When the last of their labels became final; before as_of_utc.",
            "UTC",
            is_nullable=True,
        ),
        Column("payload", "VARCHAR", _W, "The model."),
        Column("payload_sha256", "VARCHAR", _W, "Checked on load."),
        Column("features_hash", "VARCHAR", _W, "Hash of the feature list, in order."),
        Column("config_hash", "VARCHAR", _W, "Hash of the configuration it was trained with."),
        Column("members_hash", "VARCHAR", _W, "Hash of the fold it was trained on."),
        Column("labels_hash", "VARCHAR", _W, "Hash of the training rows' keys and outcomes."),
        Column(
            "inputs_hash",
            "VARCHAR",
            _W,
            "Hash of the training rows, their roles and the settings: the same, the same models.",
        ),
    ),
    ("week", "head"),
    partition="week",
    partition_dates=PartitionDates.WEEK,
)

_CHECKED = (
    ("raw", "the classifier's own probability (retrain: the new one's)"),
    ("fold", "the base model's own calibrated probability"),
    ("incumbent", "what was in force last week"),
    ("new", "calibrators fitted before each label's own session (retrain: the new models)"),
)

RECALIBRATIONS = Table(
    "recalibrations",
    "The weekly recalibration: what the week runs on, what is new, and the check that chose "
    "between this and last week's. What is new is a calibrator, or with retraining every model.",
    "recalibrations",
    (
        WEEK,
        Column(
            "method",
            "VARCHAR",
            _I,
            "What is made anew: the calibrator, or every model.",
            allowed=("calibrator", "retrain"),
        ),
        Column("first_session", "DATE", _I, "First session of the week."),
        Column("as_of_utc", "TIMESTAMPTZ", _I, "Its open: labels final before it count.", "UTC"),
        Column("data_end_utc", "TIMESTAMPTZ", _W, "End of the last bar before it.", "UTC"),
        Column("base_month", "DATE", _W, "Fold whose models score the week, by its test month."),
        Column(
            "base_source",
            "VARCHAR",
            _W,
            "Why those: the champion's, the calendar month's, or the month's before while that is "
            "not made.",
            allowed=("champion", "calendar_month", "month_before"),
        ),
        Column("base_hash", "VARCHAR", _W, "Hash of those models; empty where there are none."),
        Column("n_labels", "BIGINT", _W, "Labels that the new one is fitted on.", "rows"),
        Column("n_independent", "DOUBLE", _W, "The same, weighed by uniqueness.", "rows"),
        Column(
            "last_final_utc",
            "TIMESTAMPTZ",
            _W,
            "When the last of them became final; before as_of_utc.",
            "UTC",
            is_nullable=True,
        ),
        Column(
            "labels_hash",
            "VARCHAR",
            _W,
            "Hash of those labels and their raw probabilities; retrain: as in weekly_models.",
        ),
        Column(
            "new_week",
            "DATE",
            _W,
            "Week that the new one is of: the week itself; retrain: an earlier one, null if none.",
            is_nullable=True,
        ),
        Column(
            "incumbent_week",
            "DATE",
            _W,
            "Week of what was in force before; null: the base model's own.",
            is_nullable=True,
        ),
        Column(
            "check_from_utc",
            "TIMESTAMPTZ",
            _W,
            "Labels that became final from here on are checked on: neither compared saw one.",
            "UTC",
            is_nullable=True,
        ),
        Column("n_check", "BIGINT", _W, "Labels checked on.", "rows"),
        *(
            Column(f"{figure}_{of}", "DOUBLE", _W, f"{text} of {what}.", unit, is_nullable=True)
            for figure, text, unit in (
                ("brier", "Brier score", ""),
                ("log_loss", "Log loss", "nats"),
                ("ece", "Expected calibration error", "fraction"),
            )
            for of, what in _CHECKED
        ),
        Column("is_used", "BOOLEAN", _W, "The new one is in force in the week."),
        Column("reason", "VARCHAR", _W, "Why, or why not.", allowed=RECALIBRATION_REASONS),
        Column("calibrator", "VARCHAR", _W, "The new one, if it is one.", "JSON", is_nullable=True),
        Column("calibrator_sha256", "VARCHAR", _W, "Checked on load.", is_nullable=True),
        Column("new_hash", "VARCHAR", _W, "Retrain: hash of the new models.", is_nullable=True),
        Column(
            "in_force_week",
            "DATE",
            _W,
            "Week of what is in force in this one; null: the base model's own.",
            is_nullable=True,
        ),
        Column("in_force", "VARCHAR", _W, "The same, if it is one.", "JSON", is_nullable=True),
        Column("in_force_sha256", "VARCHAR", _W, "Checked on load.", is_nullable=True),
        Column("in_force_hash", "VARCHAR", _W, "Retrain: hash of those models.", is_nullable=True),
        Column("config_hash", "VARCHAR", _W, "Hash of the settings it was made with."),
    ),
    ("week",),
    partition="week",
    partition_dates=PartitionDates.WEEK,
)

_SHADOW_KEY = (
    Column("account", "VARCHAR", _I, "The live account, or replay:FIRST..LAST month."),
    Column("symbol", "VARCHAR", _I, "Ticker."),
    Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
)
_ARRIVAL = Column("arrival", "BIGINT", _R, "Arrival that brought the row, from 1 an account.")

SHADOW_ARRIVALS = Table(
    "shadow_arrivals",
    "Deliveries that a shadow account has seen, in order, with a seal over the rows each appended.",
    "shadow_decisions",
    (
        _SHADOW_KEY[0],
        Column("arrival", "BIGINT", _I, "Running number, from 1."),
        Column("arrival_utc", "TIMESTAMPTZ", _I, "End of the delivery's last bar.", "UTC"),
        Column(
            "known_until_utc",
            "TIMESTAMPTZ",
            _R,
            "Up to where every symbol has bars: the account lives until then.",
            "UTC",
        ),
        Column("first_month", "DATE", _I, "First month of the account."),
        Column("last_month", "DATE", _I, "Last month of a replay.", is_nullable=True),
        Column("settings_hash", "VARCHAR", _I, "Hash of execution, risk and allocation settings."),
        Column("n_scored", "BIGINT", _R, "Candidates seen for the first time.", "events"),
        Column("n_late", "BIGINT", _R, "Of these, seen after their entry.", "events"),
        Column("n_fills", "BIGINT", _R, "Fills and refusals appended.", "rows"),
        Column("n_open", "BIGINT", _R, "Positions ordered or held.", "positions"),
        Column("equity_usd", "DOUBLE", _R, "Equity at the last known bar close.", "USD"),
        Column("decisions_hash", "VARCHAR", _R, "Over the decisions it appended."),
        Column("fills_hash", "VARCHAR", _R, "Over the fills it appended."),
        Column("positions_hash", "VARCHAR", _R, "Over the positions it appended."),
    ),
    ("account", "arrival"),
    partition=None,
)

SHADOW_DECISIONS = Table(
    "shadow_decisions",
    "Every candidate, scored once when it was first seen by the model in force; append-only.",
    "shadow_decisions",
    (
        *_SHADOW_KEY,
        MONTH,
        _ARRIVAL,
        Column("first_seen_utc", "TIMESTAMPTZ", _R, "End of that delivery's last bar.", "UTC"),
        Column("is_late", "BOOLEAN", _R, "The entry lay before that: traded on paper only."),
        Column("decision_instant_utc", "TIMESTAMPTZ", _I, "End of the decision bar.", "UTC"),
        Column(
            "maturity_seen",
            "VARCHAR",
            _R,
            "The label when it was first seen; no score reads it.",
            allowed=("final", "provisional", "pending"),
        ),
        Column("model_id", "VARCHAR", _F, "The model in force, as in model_registry."),
        Column("model_hash", "VARCHAR", _F, "Hash over all its stored heads."),
        Column(
            "calibrator_week",
            "DATE",
            _W,
            "Week whose calibrator, or retrained models, scored it; null: the model's own.",
            is_nullable=True,
        ),
        Column("calibrator_sha256", "VARCHAR", _W, "Of that calibrator.", is_nullable=True),
        Column("settings_hash", "VARCHAR", _F, "Hash of model, gate and sizing settings."),
        Column("event_hash", "VARCHAR", _D, "Hash of what the event said at the decision."),
        *SCORES.columns[3:],
    ),
    ("account", "symbol", "decision_time_utc"),
    partition=None,
)

SHADOW_FILLS = Table(
    "shadow_fills",
    "What became of every gated decision: entry, exit or refusal, once the bars show it; "
    "append-only.",
    "shadow_fills",
    (
        *_SHADOW_KEY,
        Column("kind", "VARCHAR", _I, "What happened.", allowed=("entry", "exit", "refused")),
        _ARRIVAL,
        Column("time_utc", "TIMESTAMPTZ", _R, "Fill, or the close it was refused at.", "UTC"),
        Column("status", "VARCHAR", _R, "traded, or why not.", allowed=TRADE_STATUSES),
        *(
            Column(name, "DOUBLE", _R, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("price_usd", "Open of the bar it filled at.", "USD"),
                ("units", "Shares (fractional).", "shares"),
                ("value_usd", "Units times price.", "USD"),
                ("cost_usd", "Half of cost_rt on that value.", "USD"),
                ("pnl_usd", "Gain after costs; exits only.", "USD"),
                ("equity_before_usd", "Equity when it was sized; entries only.", "USD"),
                ("allocation_frac", "The symbol's share of equity; entries only.", "fraction"),
            ]
        ),
        Column("binding_cap", "VARCHAR", _R, "What limited an entry.", is_nullable=True),
        Column("exit_rule", "VARCHAR", _R, "label, or the rule that forced it.", is_nullable=True),
    ),
    ("account", "symbol", "decision_time_utc", "kind"),
    partition=None,
)

POSITION_STATES = ("ordered", "open", "exit_ordered", "closed", "settled")

SHADOW_POSITIONS = Table(
    "shadow_positions",
    "Each position at each arrival, from its order until its label is final; append-only.",
    "shadow_positions",
    (
        *_SHADOW_KEY,
        Column("arrival", "BIGINT", _I, "Arrival at which it was looked at."),
        Column("arrival_utc", "TIMESTAMPTZ", _R, "Up to where bars were known.", "UTC"),
        Column(
            "state",
            "VARCHAR",
            _R,
            "ordered: fills at the next open; open; exit_ordered: leaves at the next open; closed; "
            "settled: closed and its label final.",
            allowed=POSITION_STATES,
        ),
        Column("notional_usd", "DOUBLE", _R, "Value at entry.", "USD"),
        *(
            Column(name, "DOUBLE", _R, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("units", "Shares; null until it is filled.", "shares"),
                ("entry_open", "Entry price; null until it is filled.", "USD"),
                ("mark_usd", "Last close; null when it is gone.", "USD"),
                ("unrealised_pnl_usd", "At the mark, cost of the entry paid.", "USD"),
                ("realised_pnl_usd", "After costs; null while it is held.", "USD"),
            ]
        ),
    ),
    ("account", "arrival", "symbol", "decision_time_utc"),
    partition=None,
)

RECALIBRATION_COMPARISON = Table(
    "recalibration_comparison",
    "Does recalibrating weekly help? The walk-forward, the same decided again under what is in "
    "force each week, and under what is made anew each week whatever a check said.",
    "recalibration_comparison",
    (
        Column("arm", "VARCHAR", _I, "walk_forward, weekly or weekly_unchecked."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column(
            "method",
            "VARCHAR",
            _R,
            "What the weeks made anew: the calibrator, or every model.",
            allowed=("calibrator", "retrain"),
        ),
        Column("first_month", "DATE", _R, "First calendar month compared."),
        Column("last_month", "DATE", _R, "Last one; every week of these months is made."),
        Column("n_weeks", "BIGINT", _R, "Weeks that hold a decision.", "weeks"),
        Column("n_weeks_recalibrated", "BIGINT", _R, "Not on the fold's own.", "weeks"),
        Column("n_labels", "BIGINT", _R, "Final labels.", "rows"),
        *(
            Column(name, "DOUBLE", _R, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("brier", "Brier score of the calibrated probability.", ""),
                ("brier_base", "Brier score of each fold's training base rate.", ""),
                ("log_loss", "Log loss.", "nats"),
                ("ece", "Expected calibration error.", "fraction"),
                ("brier_gain", "Brier score of walk_forward less the arm's.", ""),
                ("brier_gain_lower", "Lower end of its interval.", ""),
                ("brier_gain_upper", "Upper end of its interval.", ""),
            ]
        ),
        Column("n_gated", "BIGINT", _R, "Let through by the gate.", "events"),
        *_figures(
            "n_trades",
            "trades_per_month",
            "net_bps_mean",
            "hit_rate",
            "end_equity_usd",
            "cagr",
            "max_drawdown_frac",
            "calmar",
            "sharpe",
        ),
    ),
    ("arm",),
    partition=None,
)

STEP3_REPORT = Table(
    "step3_report",
    "The report as written, with its verdict.",
    "step3_report",
    (
        Column("verdict", "VARCHAR", _R, "PROMOTE or PROMOTE NOTHING, with the reason."),
        Column("dataset_version", "VARCHAR", _R, "The data it speaks of."),
        Column("markdown", "VARCHAR", _R, "The page."),
        Column("markdown_sha256", "VARCHAR", _R, "Hash of the page."),
    ),
    ("dataset_version",),
    partition=None,
)

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        EVENTS,
        BAR_FEATURES,
        DATASETS,
        DATASET_MONTHS,
        REVISIONS,
        FOLDS,
        FOLD_MEMBERS,
        CALIBRATED_MODELS,
        MODEL_METRICS,
        RELIABILITY_BINS,
        SCORES,
        MOCK_BASELINE,
        FOLD_BACKTESTS,
        FOLD_TRADES,
        PORTFOLIO,
        PORTFOLIO_TRADES,
        PORTFOLIO_DECISIONS,
        RISK_EVENTS,
        PORTFOLIO_EQUITY,
        PORTFOLIO_MONTHS,
        COST_STRESS,
        ALLOCATION_COMPARISON,
        ALLOCATION_WEIGHTS,
        EVALUATIONS,
        ACCEPTANCE,
        STATISTICS,
        AUDIT,
        RESULT_VERSIONS,
        MODEL_REGISTRY,
        REGISTRY_TRANSITIONS,
        IMPORTANCES,
        DRIFT,
        TUNED_PARAMS,
        TRIALS,
        WEEKLY_MODELS,
        RECALIBRATIONS,
        SHADOW_ARRIVALS,
        SHADOW_DECISIONS,
        SHADOW_FILLS,
        SHADOW_POSITIONS,
        RECALIBRATION_COMPARISON,
        STEP3_REPORT,
    )
}


def _fingerprint() -> str:
    """Digits that change with any table, column, type or nullability."""
    shape = [
        (t.name, t.key, t.partition, [(c.name, c.dtype, c.is_nullable) for c in t.columns])
        for t in TABLES.values()
    ]
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:8]


SCHEMA_VERSION = f"1-{_fingerprint()}"
"""Of the catalogue as it stands; a store made with another one is refused."""

NUMERIC_FEATURES: tuple[str, ...] = tuple(
    c.name for c in EVENTS.columns if c.known_at is KnownAt.DECISION and c.dtype != "VARCHAR"
)
CATEGORICAL_FEATURES: tuple[str, ...] = ("family",)
OUTCOME_COLUMNS: tuple[str, ...] = tuple(c.name for c in _EVENT_OUTCOME)
PARTNER_COLUMNS: tuple[str, ...] = tuple(f"cross_{suffix}" for suffix in CROSS_SUFFIXES)
