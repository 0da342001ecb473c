"""Slope of realised net return on ``ev_final`` over all candidates."""

import math

from step3_assets.domain.portfolio.stored_metrics import MissingMetric
from step3_assets.domain.statistics.ev_slope import ev_slope
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    found = ev_slope(results.scored, results.config.statistics.level)
    if math.isnan(found.slope):
        raise MissingMetric(found.undefined)
    return StatisticRow(
        value=found.slope,
        method="least squares, jackknife over clusters of two weeks",
        sentence=f"A candidate expected to earn 1 bp more earned {found.slope:.2f} bp more "
        f"({found.level:.0%} interval {found.lo:.2f} to {found.hi:.2f}); 1 means calibrated, 0 "
        "means no information.",
        n=found.n_rows,
        lower=found.lo,
        upper=found.hi,
        level=found.level,
    )


STATISTIC = Statistic(
    name="ev_slope",
    position=9,
    label="EV calibration slope",
    decimals=3,
    says="how much a candidate earned for each further bp of `ev_final`",
    method="least squares of realised net on `ev_final` over every candidate with a final label, "
    "standard error by the jackknife over clusters of two weeks (CR3; MacKinnon, Nielsen and Webb "
    "2023)",
    limits="whether the level of `ev_final` is right: only differences count",
    compute=_compute,
)
