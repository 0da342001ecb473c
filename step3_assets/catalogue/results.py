"""Tables that evaluate a result: statistics, audit, acceptance.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import Column, KnownAt, Table

_I = KnownAt.IDENTITY
_R = KnownAt.RESULT


ACCEPTANCE = Table(
    "acceptance",
    "Each acceptance criterion: value, threshold, outcome and the evidence; fail closed.",
    "acceptance",
    (
        Column("criterion", "VARCHAR", _I, "Name of the acceptance criterion."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column("value", "DOUBLE", _R, "The metric; null if it is unknown.", is_nullable=True),
        Column("threshold", "DOUBLE", _R, "What it is compared with.", is_nullable=True),
        Column("lower", "DOUBLE", _R, "Lower end of its interval, if any.", is_nullable=True),
        Column("upper", "DOUBLE", _R, "Upper end of its interval, if any.", is_nullable=True),
        Column("comparison", "VARCHAR", _R, ">=, >, <=, or ==."),
        Column("is_passed", "BOOLEAN", _R, "False also when it could not be evaluated."),
        Column("evidence", "VARCHAR", _R, "One plain sentence."),
        Column(
            "loosened",
            "VARCHAR",
            _R,
            "Settings less strict than the defaults, each with both values.",
            is_nullable=True,
        ),
        Column("caveat", "VARCHAR", _R, "Caveat that the verdict states.", is_nullable=True),
    ),
    ("criterion",),
    partition=None,
)


VERDICTS = Table(
    "verdicts",
    "Every verdict ever given, with its data, settings, code and results; rows are only added.",
    "acceptance",
    (
        Column(
            "verdict_id",
            "VARCHAR",
            _I,
            "Hash over what it was given on and its criteria.",
        ),
        Column("position", "BIGINT", _I, "Order in which they were given, from 1."),
        Column("judged_utc", "TIMESTAMPTZ", _R, "When it was given.", "UTC", is_wall_clock=True),
        Column("dataset_version", "VARCHAR", _R, "Delivery in force."),
        Column("is_synthetic", "BOOLEAN", _R, "The delivery was simulated."),
        Column("config_hash", "VARCHAR", _R, "Hash of the whole configuration."),
        Column("settings", "VARCHAR", _R, "The whole configuration, as JSON."),
        Column("code_version", "VARCHAR", _R, "Version and hash of the code that decides."),
        Column("models_hash", "VARCHAR", _R, "Hash over every model's hash of its months."),
        Column("first_month", "DATE", _R, "First test month."),
        Column("last_month", "DATE", _R, "Last test month."),
        Column("verdict", "VARCHAR", _R, "The verdict, word for word."),
        Column("criteria", "VARCHAR", _R, "Criterion to value, threshold, outcome, as JSON."),
        Column("metrics", "VARCHAR", _R, "The platform's row of portfolio, as JSON."),
        Column("growth", "VARCHAR", _R, "Growth of equity by session, as JSON."),
        Column("trades", "VARCHAR", _R, "Symbol, decision time and P&L of each trade, as JSON."),
    ),
    ("verdict_id",),
    partition=None,
)


STATISTICS = Table(
    "statistics",
    "How far the platform's results could be chance: one row per metric.",
    "statistics",
    (
        Column("name", "VARCHAR", _I, "Name of the metric."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column("value", "DOUBLE", _R, "The metric; null if it is unknown.", is_nullable=True),
        Column("lower", "DOUBLE", _R, "Lower end of its interval, if any.", is_nullable=True),
        Column("upper", "DOUBLE", _R, "Upper end of its interval, if any.", is_nullable=True),
        Column("level", "DOUBLE", _R, "Two-sided level.", "fraction", is_nullable=True),
        Column("n", "BIGINT", _R, "Sessions, trades, events or trials, as the method says."),
        Column("method", "VARCHAR", _R, "How it was computed."),
        Column("sentence", "VARCHAR", _R, "The result in words, or why it is missing."),
    ),
    ("name",),
    partition=None,
)


AUDIT = Table(
    "audit",
    "The leakage audit: each check, what it examined and whether it passed.",
    "audit",
    (
        Column("check", "VARCHAR", _I, "Name of the check."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column("is_passed", "BOOLEAN", _R, "False also when it could not be run."),
        Column("evidence", "VARCHAR", _R, "What was checked and what was found."),
    ),
    ("check",),
    partition=None,
)


RESULT_VERSIONS = Table(
    "result_versions",
    "The data, settings and models that the stored audit and acceptance were made from.",
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
