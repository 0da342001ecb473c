"""Annual alpha of the account against buy-and-hold of its symbols."""

import math

from step3_assets.domain.portfolio.metrics import SESSIONS_PER_YEAR
from step3_assets.domain.portfolio.stored_metrics import MissingMetric
from step3_assets.domain.statistics.alpha import LAGS, jensen_alpha
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    ours, market = results.paths, results.buy_and_hold
    found = jensen_alpha(
        ours["growth"].to_numpy() - 1.0,
        market["growth"].to_numpy() - 1.0,
        results.config.statistics.level,
    )
    if math.isnan(found.alpha):
        raise MissingMetric(found.undefined)
    value, lower, upper = (
        SESSIONS_PER_YEAR * part for part in (found.alpha, found.lower, found.upper)
    )
    return StatisticRow(
        value=value,
        method=f"session returns regressed on those of buy-and-hold, Newey-West with {LAGS} lags",
        sentence=f"Beyond what its beta of {found.beta:.2f} to buy-and-hold explains, the account "
        f"earned {value:+.1%} a year ({found.level:.0%} interval {lower:+.1%} to {upper:+.1%}, "
        f"t {found.t:.2f}); correlation {found.correlation:.2f}.",
        n=found.n,
        lower=lower,
        upper=upper,
        level=found.level,
    )


STATISTIC = Statistic(
    name="alpha",
    position=11,
    label="Alpha a year, as a fraction",
    decimals=3,
    says="what the account earned beyond the share of the market's return that its beta explains",
    method="Jensen 1968: session returns regressed on those of equal-weight buy-and-hold of all "
    "symbols; Newey-West 1987 errors with five lags, interval of Student's t",
    limits="whether beta was constant: gains from market timing also count as alpha",
    compute=_compute,
)
