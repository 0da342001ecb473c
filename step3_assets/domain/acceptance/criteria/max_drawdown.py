"""The criterion ``max_drawdown``: the fall below the highest mark stays within its limit."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, metric_of, series_of


def _find(tables: Tables, config: Step3Config) -> Finding:
    limits = config.acceptance
    value = metric_of(tables, PLATFORM, "max_drawdown_frac")
    at_lows = series_of(tables, "portfolio_equity", PLATFORM)["drawdown_low_frac"].max()
    sentence = (
        f"Deepest fall {value:.2%} at bar closes ({at_lows:.2%} at bar lows), "
        f"at most {limits.max_drawdown_frac:.0%} allowed."
    )
    if limits.warn_drawdown_frac < value <= limits.max_drawdown_frac:
        sentence += f" WARNING: above {limits.warn_drawdown_frac:.0%}."
    return Finding(value, limits.max_drawdown_frac, sentence)


CRITERION = Criterion(
    name="max_drawdown",
    label="Max drawdown",
    position=30,
    comparison="<=",
    number="percent",
    asks="deepest fall at bar closes at most the limit; above `warn_drawdown_frac` the sentence "
    "warns",
    find=_find,
    setting="max_drawdown_frac",
)
