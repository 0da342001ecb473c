"""Which columns of table ``bar_features`` a step reads, named by their purpose.

Belongs here: a selection that several stages share. Does not belong here: what a column means
(:mod:`step3_assets.catalogue.delivery`), or the input bars of the Step 2 builder
(:mod:`step3_assets.domain.step2.bars`).
"""

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS

CLOCK_BARS = ["month", "symbol", "bar_idx", "date", "bar_end_utc"]
"""Start, end and row number of each bar: for folds and labels."""

MARKING_PRICES = ["symbol", "date", "bar_end_utc", "open", "close", "low"]
"""The columns that an account is marked with, without the month."""

MARKING_BARS = ["month", *MARKING_PRICES]
"""Columns of the ledger: entries and exits at opens, marks at closes, drawdown at lows."""

TRAINING_BARS = [
    *CLOCK_BARS,
    "open",
    "close",
    "r_cc",
    *(
        column.name
        for column in BAR_FEATURES.columns
        if column.known_at is KnownAt.DECISION and column.name in EVENTS.by_name
    ),
]
"""Columns that models of drift per bar are trained on: prices, and the signals of events."""

SEARCH_BARS = [*TRAINING_BARS, "low"]
"""Columns of the nested search: it builds folds, trains, and simulates an account."""

DRIFT_BARS = ["month", "symbol", "bar_idx", "date", "close"]
"""Columns of monitoring: which bars a month has, and the moves between them."""

SHADOW_BARS = ["symbol", "date", "bar_end_utc", "open", "high", "low", "close"]
"""Columns of a live account: it detects touched barriers itself, so it needs highs and lows."""
