"""Brier score of the probabilities compared with that of the base rate."""

import math

import numpy as np

from step3_assets.domain.portfolio.stored_metrics import MissingMetric, table_of
from step3_assets.domain.statistics.brier import brier_gain
from step3_assets.domain.statistics.ev_slope import utc_days
from step3_assets.domain.statistics.results import Results
from step3_assets.domain.statistics.statistic import Statistic, StatisticRow


def _compute(results: Results) -> StatisticRow:
    settings, metrics = results.config.statistics, table_of(results.tables, "model_metrics")
    rates = metrics[(metrics["head"] == "base_rate") & (metrics["metric"] == "p_mean")]
    by_month = dict(zip(rates["month"], rates["value"], strict=True))
    rows = results.scored[results.scored["p_calibrated"].notna()]
    rows = rows.assign(rate=rows["month"].map(by_month).astype("float64"))
    rows = rows[rows["rate"].notna()]
    p, rate, won = (rows[c].to_numpy(dtype=np.float64) for c in ("p_calibrated", "rate", "y"))
    days = utc_days(rows["decision_time_utc"])
    found = brier_gain(p, rate, won, days, n_lags=settings.overlap_days, level=settings.level)
    if math.isnan(found.gain):
        raise MissingMetric(found.undefined)
    word = "better" if found.lower > 0 else "worse" if found.upper < 0 else "no better or worse"
    return StatisticRow(
        value=found.gain,
        method=f"Diebold-Mariano, days with {settings.overlap_days} lags",
        sentence=f"Brier score {found.brier:.4f} against {found.brier_base:.4f} of the plain base "
        f"rate: the probabilities are {word} than the base rate at the "
        f"{found.level:.0%} level.",
        n=found.n_rows,
        lower=found.lower,
        upper=found.upper,
        level=found.level,
    )


STATISTIC = Statistic(
    name="brier_gain",
    position=10,
    label="Brier gain over the base rate",
    decimals=4,
    says="whether the probabilities beat the plain base rate",
    method="Diebold and Mariano 1995 on squared errors, days with five lags (Driscoll and Kraay "
    "1998)",
    limits="whether they rank candidates well",
    compute=_compute,
)
