"""Which columns of table ``bar_features`` a step reads, named by what they serve.

Belongs here: a selection that several stages share. Does not belong here: what a column means
(:mod:`step3_assets.catalogue.delivery`), or the bars that the Step 2 builder takes in
(:mod:`step3_assets.domain.step2.bars`).
"""

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS

CLOCK_BARS = ["month", "symbol", "bar_idx", "date", "bar_end_utc"]
"""When each bar starts and ends, and its row: for folds and labels."""

MARKING_PRICES = ["symbol", "date", "bar_end_utc", "open", "close", "low"]
"""What an account is marked with, without the month."""

MARKING_BARS = ["month", *MARKING_PRICES]
"""What the ledger reads: entries and exits at opens, marks at closes, drawdown at lows."""

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
"""What models of drift per bar are trained on: prices of the bars and the signals of events."""

SEARCH_BARS = [*TRAINING_BARS, "low"]
"""What the nested search reads: it builds folds, trains, and keeps an account."""

DRIFT_BARS = ["month", "symbol", "bar_idx", "date", "close"]
"""What monitoring reads: which bars a month has, and the moves between them."""

SHADOW_BARS = ["symbol", "date", "bar_end_utc", "open", "high", "low", "close"]
"""What a live account reads: it looks for touched barriers itself, so it needs highs and lows."""
