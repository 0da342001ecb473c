"""The stored results, read for the criteria and for the report.

Belongs here: which tables and columns those are. Does not belong here: what they mean.
"""

import pandas as pd

from step3_assets.defs.results.result_months import result_months
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.storage.store import Reader

OUTCOME_COLUMNS = ["month", *EVENT_KEY, "y", "net_logret", "cost_rt", "maturity"]
BY_MONTH = ("fold_backtests", "model_metrics", "scores", "folds")
WHOLE = (
    "portfolio",
    "portfolio_months",
    "portfolio_trades",
    "portfolio_equity",
    "portfolio_decisions",
)


def result_tables(store: Reader) -> dict[str, pd.DataFrame]:
    """The tables that statistics and criteria rest on, of every test month."""
    months = result_months(store)
    tables = {table: store.read(table, partitions=months) for table in BY_MONTH}
    return tables | {table: store.read(table) for table in WHOLE}
