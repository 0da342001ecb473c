"""Tables of the delivery: events, bars, dataset versions and revisions.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.

A column of ``events`` that Step 2 delivers keeps the name Step 2 gave it, except that the other
symbol's prefix (``spy_sigma`` in QQQ's file) becomes ``cross_`` so that symbols can be pooled.
"""

from collections.abc import Iterable

from step3_assets.catalogue.column import DECISION_TIME, MONTH, SYMBOL, Column, KnownAt, Table

_I = KnownAt.IDENTITY
_D = KnownAt.DECISION
_O = KnownAt.OUTCOME
_R = KnownAt.RESULT


FEATURE_VERSION = "1"


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
            is_position="position" in flags,
            is_delivered=True,
        )
        for name, dtype, unit, meaning, *flags in rows
    )


_EVENT_IDENTITY = (
    *_delivered(
        [
            (
                "t_idx",
                "BIGINT",
                "row",
                "Row of the decision bar in that symbol's bar table; per symbol and per build.",
                "position",
            ),
            ("entry_time_utc", "TIMESTAMPTZ", "UTC", "Start of the entry bar; entry at its open."),
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
        ("pullback_z", "DOUBLE", "sd", "ln(close / ema_fast) over its EW deviation."),
        ("sigma", "DOUBLE", "log return", "EWMA volatility of one bar.", "positive"),
        ("u_atr", "DOUBLE", "return", "ATR / close.", "positive"),
        ("vol_z", "DOUBLE", "sd", "z-score of ln volume over 200 bars.", "null"),
        (
            "dist_to_hi",
            "DOUBLE",
            "return",
            "Distance to the 100-bar highest close.",
            "null",
        ),
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
        ("regime_agree", "DOUBLE", "0/1", "Both trend scores have the same sign.", "null"),
    ],
    _D,
)


_EVENT_OUTCOME = _delivered(
    [
        (
            "exit_time_utc",
            "TIMESTAMPTZ",
            "UTC",
            "Start of the exit bar; exit at its open.",
            "null",
        ),
        ("entry_open", "DOUBLE", "USD", "Open of the entry bar.", "null", "positive"),
        ("exit_open", "DOUBLE", "USD", "Open of the exit bar.", "null", "positive"),
        ("exit_reason", "VARCHAR", "", "tp, sl or horizon.", "null"),
        ("gross_logret", "DOUBLE", "log return", "ln(exit_open / entry_open).", "null"),
        ("net_logret", "DOUBLE", "log return", "gross_logret - cost_rt.", "null"),
        ("y", "BIGINT", "0/1", "net_logret > 0.", "null"),
        (
            "label_end_idx",
            "BIGINT",
            "row",
            "Row of the exit bar: the label's end.",
            "null",
            "position",
        ),
        ("truncated_horizon", "BIGINT", "0/1", "The horizon was cut by the data's end.", "null"),
        ("touch_delay_bars", "BIGINT", "bars", "Bars from entry to touch.", "null"),
        ("same_bar_ambiguous", "BIGINT", "0/1", "One bar reached target and stop.", "null"),
    ],
    _O,
)


EVENTS = Table(
    "events",
    "Candidate trades as Step 2 delivered them, typed, with the columns that ingest adds.",
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
            "End of the decision bar: the signals are known and the decision is made.",
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
            "final: the outcome will not change; provisional: the data's end cut its horizon; "
            "pending: no outcome yet.",
            allowed=("final", "provisional", "pending"),
        ),
    ),
    ("symbol", "decision_time_utc"),
)


BAR_FEATURES = Table(
    "bar_features",
    "Bars with the signals that Step 2 computed on each.",
    "bar_features",
    (
        MONTH,
        SYMBOL,
        Column(
            "bar_idx",
            "BIGINT",
            _I,
            "Row in the delivered file: what t_idx counts.",
            "row",
            is_position=True,
        ),
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


DATASETS = Table(
    "datasets",
    "Deliveries that were ingested, in order, with their size, span and published baseline.",
    "events, bar_features",
    (
        Column("dataset_version", "VARCHAR", _I, "Content hash of the delivery's canonical rows."),
        Column("position", "BIGINT", _R, "Order of ingest; the highest is the one in force."),
        Column("symbols", "VARCHAR", _R, "Symbols, comma separated."),
        Column("first_month", "DATE", _R, "First month of bars."),
        Column("last_month", "DATE", _R, "Last month of bars."),
        Column("n_events", "BIGINT", _R, "Events delivered.", "rows"),
        Column("n_bars", "BIGINT", _R, "Bars delivered.", "rows"),
        Column("is_synthetic", "BOOLEAN", _R, "A simulator made it, as its meta files declare."),
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


DATASET_MONTHS = Table(
    "dataset_months",
    "The ingested months: one row per table and month, with its content hash.",
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
        Column("dataset_version", "VARCHAR", _R, "Delivery that the old row came from."),
        Column("superseded_by", "VARCHAR", _R, "Delivery that replaced it."),
        Column("payload", "VARCHAR", _R, "The old row as JSON.", "JSON"),
    ),
    ("table_name", "symbol", "stamp_utc", "row_hash", "superseded_by"),
)


NUMERIC_FEATURES: tuple[str, ...] = tuple(
    c.name for c in EVENTS.columns if c.known_at is KnownAt.DECISION and c.dtype != "VARCHAR"
)

CATEGORICAL_FEATURES: tuple[str, ...] = ("family",)

EVENT_SIGNALS: tuple[str, ...] = tuple(c.name for c in _EVENT_SIGNALS)

EVENT_CROSS: tuple[str, ...] = tuple(c.name for c in _EVENT_CROSS)

OUTCOME_COLUMNS: tuple[str, ...] = tuple(c.name for c in _EVENT_OUTCOME)

PARTNER_COLUMNS: tuple[str, ...] = tuple(f"cross_{suffix}" for suffix in CROSS_SUFFIXES)
