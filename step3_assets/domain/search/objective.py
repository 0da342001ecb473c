"""The objective: the value of a trial on its inner months.

Belongs here: one number from the metrics of an account. Does not belong here: the account
(:mod:`step3_assets.domain.portfolio.replay`), which trial is tried next.
"""

from dataclasses import dataclass

import numpy as np

from step3_assets.config import SearchConfig
from step3_assets.domain.portfolio.replay import Outcome


@dataclass(frozen=True)
class Evaluation:
    """One configuration on consecutive months.

    Attributes
    ----------
    objective : float
        Finite.
    max_drawdown_frac : float
    n_trades : int
    month_return_frac : tuple of float
        Return of each month, from one account through all of them.
    month_scores : tuple of float
        Score of each month in the objective.
    rules : tuple of str
        Risk rules that acted.
    """

    objective: float
    max_drawdown_frac: float
    n_trades: int
    month_return_frac: tuple[float, ...]
    month_scores: tuple[float, ...]
    rules: tuple[str, ...]

    @classmethod
    def of(cls, outcome: Outcome, config: SearchConfig) -> "Evaluation":
        """Evaluate the outcome of a replay."""
        calmar, trades = outcome.month_calmar, outcome.month_n_trades
        return cls(
            objective=objective(calmar, trades, outcome.max_drawdown_frac, config),
            max_drawdown_frac=float(outcome.max_drawdown_frac),
            n_trades=int(outcome.n_trades),
            month_return_frac=tuple(float(x) for x in outcome.month_return_frac),
            month_scores=tuple(float(x) for x in month_scores(calmar, trades, config)),
            rules=tuple(sorted({event.rule for event in outcome.fills.risk_events})),
        )


def month_scores(
    month_calmar: np.ndarray, month_n_trades: np.ndarray, config: SearchConfig
) -> np.ndarray:
    """Each month's Calmar ratio; with fewer than ``min_month_trades`` trades, at most 0."""
    is_thin = month_n_trades < config.min_month_trades
    return np.where(is_thin, np.minimum(month_calmar, 0.0), month_calmar)


def objective(
    month_calmar: np.ndarray,
    month_n_trades: np.ndarray,
    max_drawdown_frac: float,
    config: SearchConfig,
) -> float:
    """Median Calmar of the months, less penalties.

    Parameters
    ----------
    month_calmar : ndarray, shape (n_months,)
        Each month's return annualised over its drawdown, at least 1 %; 0 without a trade.
    month_n_trades : ndarray of int, shape (n_months,)
    max_drawdown_frac : float
        Maximum drawdown of the account through all months.
    config : SearchConfig

    Returns
    -------
    float
        A month with fewer than ``min_month_trades`` trades scores at most 0. Penalties are
        ``drawdown_penalty`` for each percentage point of drawdown beyond ``max_drawdown_frac``, and
        ``trades_penalty`` times the share of ``min_trades_per_month`` that is missing.

    Examples
    --------
    Three months, the second with too few trades; a drawdown of 14 % with a cap of 12 %; three
    trades a month where five are required:

    >>> months, trades = np.array([3.0, 40.0, 1.0]), np.array([5, 1, 3])
    >>> round(objective(months, trades, 0.14, SearchConfig()), 9)
    -1.4
    """
    if not len(month_calmar):
        raise ValueError("objective: no month")
    scores = month_scores(month_calmar, month_n_trades, config)
    excess_points = max(0.0, max_drawdown_frac - config.max_drawdown_frac) * 100.0
    per_month = float(month_n_trades.mean())
    missing = 0.0
    if config.min_trades_per_month > 0:
        missing = max(0.0, 1.0 - per_month / config.min_trades_per_month)
    penalty = config.drawdown_penalty * excess_points + config.trades_penalty * missing
    return float(np.median(scores)) - penalty
