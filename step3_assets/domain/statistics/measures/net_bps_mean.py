"""Mean net return of the platform's trades, with a bootstrap confidence interval."""

import numpy as np

from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import table_of
from step3_assets.domain.statistics.bootstrap import bootstrap_mean
from step3_assets.domain.statistics.bootstrap_row import bootstrap_row, interval_text, reading
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    trades = table_of(results.tables, "portfolio_trades")
    trades = trades[trades["series"] == PLATFORM].sort_values(EVENT_KEY[::-1])
    found = bootstrap_mean(trades["net_bps"].to_numpy(dtype=np.float64), results.resampling)
    sentence = (
        f"Net per trade {interval_text(found, 1)} bps over {found.n} trades: {reading(found)}."
    )
    return bootstrap_row(found, results, "trades", sentence)


STATISTIC = Statistic(
    name="net_bps_mean",
    position=4,
    label="Net per trade, bps",
    decimals=3,
    says="mean net return per trade",
    method="stationary bootstrap of trades in time order",
    limits="the return on the account: position sizes are not included",
    compute=_compute,
)
