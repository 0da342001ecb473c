"""Calmar of the account minus that of buy-and-hold at the account's mean exposure."""

from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import metric_of
from step3_assets.domain.statistics.alpha import at_exposure
from step3_assets.domain.statistics.bootstrap import account_calmar, bootstrap_calmar_gain
from step3_assets.domain.statistics.bootstrap_row import bootstrap_row, interval_text, reading
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    exposure = metric_of(results.tables, PLATFORM, "exposure_frac")
    held = at_exposure(results.buy_and_hold, exposure)
    found = bootstrap_calmar_gain(results.paths, held, results.n_months, results.resampling)
    alone = account_calmar(held.to_numpy(), results.n_months)
    words = ("better than", "worse than", "not distinguishable from")
    sentence = (
        f"Calmar less that of buy-and-hold at the same mean exposure of {exposure:.0%} "
        f"({alone:.3f}) {interval_text(found, 3)}: {reading(found, words)} it, both resampled on "
        "the same sessions."
    )
    return bootstrap_row(found, results, "sessions", sentence)


STATISTIC = Statistic(
    name="calmar_gain_over_same_exposure",
    position=12,
    label="Calmar less buy-and-hold's at the same exposure",
    decimals=3,
    says="how much higher Calmar is than that of a constant position of the same mean size",
    method="equal parts of every symbol's buy-and-hold, scaled to the account's mean exposure at "
    "bar closes, on the same resampled sessions",
    limits="whether the account could have known its mean exposure in advance",
    compute=_compute,
)
