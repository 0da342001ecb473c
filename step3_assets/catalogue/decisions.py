"""Tables of the decisions: scores and the mock baseline.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import TEST_MONTH, Column, KnownAt, Table
from step3_assets.plugins.sizing_methods import SIZE_CAPS

_I = KnownAt.IDENTITY
_D = KnownAt.DECISION


GATE_REASONS = (
    "pass",
    "ev_below_cost",
    "overnight_ev_below_cost",
    "tp_to_cost_below_phi",
    "q10_below_floor",
    "no_model",
)


SIZING_COLUMNS = (
    *(
        Column(name, "DOUBLE", _D, meaning, unit, is_nullable=True)
        for name, meaning, unit in [
            ("forecast_sd", "Standard deviation of net return, from q90 - q10.", "log return"),
            ("kelly_frac", "ev_final / forecast_sd ** 2, the whole Kelly fraction.", "fraction"),
            ("vol_cap_frac", "Size at which volatility equals its target.", "fraction"),
            ("overnight_factor", "Factor of an overnight entry's size.", "fraction"),
        ]
    ),
    Column(
        "size_cap",
        "VARCHAR",
        _D,
        "What limited the size; null for a series that the platform does not size.",
        is_nullable=True,
        allowed=SIZE_CAPS,
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
                ("ev_threshold", "What ev_final must exceed.", "log return"),
            ]
        ),
        Column("is_gated", "BOOLEAN", _D, "The event passed the gate."),
        Column("gate_reason", "VARCHAR", _D, "pass, or why it failed.", allowed=GATE_REASONS),
        Column("size_frac", "DOUBLE", _D, "Share of the allocation asked for.", "fraction"),
        *SIZING_COLUMNS,
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
        Column("gate_reason", "VARCHAR", _D, "pass, or why it failed."),
        Column("size_frac", "DOUBLE", _D, "Share of equity asked for.", "fraction"),
    ),
    ("month", "symbol", "decision_time_utc"),
)
