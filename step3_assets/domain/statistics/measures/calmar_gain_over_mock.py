"""Calmar of the platform minus that of the mock baseline, on the same resampled sessions."""

from step3_assets.domain.portfolio.series import MOCK
from step3_assets.domain.portfolio.stored_metrics import metric_of
from step3_assets.domain.statistics.bootstrap import bootstrap_calmar_gain
from step3_assets.domain.statistics.bootstrap_row import bootstrap_row, interval_text, reading
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    found = bootstrap_calmar_gain(
        results.paths, results.paths_of(MOCK), results.n_months, results.resampling
    )
    mock = metric_of(results.tables, MOCK, "calmar")
    words = ("better than", "worse than", "not distinguishable from")
    share = f" That is {found.value / mock:+.0%} of the mock's {mock:.3f}." if mock > 0.0 else ""
    sentence = (
        f"Calmar less that of the mock baseline {interval_text(found, 3)}: {reading(found, words)} "
        f"the mock, both resampled on the same sessions.{share}"
    )
    return bootstrap_row(found, results, "sessions", sentence)


STATISTIC = Statistic(
    name="calmar_gain_over_mock",
    position=2,
    label="Calmar less the mock baseline's",
    decimals=3,
    says="how much higher Calmar is than the mock baseline's",
    method="both accounts on the same resampled sessions",
    limits="whether the mock was the best alternative",
    compute=_compute,
)
