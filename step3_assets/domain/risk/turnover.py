"""The turnover governor: how much may be traded in a day, a week, a month.

Belongs here: value traded over equity by period. Does not belong here: the number of trades.
"""

from collections.abc import Callable
from math import inf

from step3_assets.config import RiskConfig
from step3_assets.domain.risk.rules import Breach, EntryRequest

PERIODS: dict[str, Callable[[EntryRequest], int]] = {
    "day": lambda request: request.day,
    "week": lambda request: (request.day + 3) // 7,  # 1970-01-01 was a Thursday: weeks from Monday
    "month": lambda request: request.month,
}


class TurnoverGovernor:
    """Refuse an entry that would take a period's turnover above its cap.

    An entry counts twice in the New York period of its fill, for itself and for the exit that it
    commits to, at the notional ordered; an exit is never refused.

    Parameters
    ----------
    period : str
        ``day``, ``week`` or ``month``.
    """

    def __init__(self, period: str) -> None:
        self.name = f"turnover_{period}"
        self.max_turnover = inf
        self._setting = f"max_turnover_per_{period}"
        self._period_of = PERIODS[period]
        self._traded_usd: dict[int, float] = {}

    def limit_of(self, config: RiskConfig) -> float | None:
        """``max_turnover_per_`` day, week or month: value traded over equity at the decision."""
        return getattr(config, self._setting)

    def set_limit(self, config: RiskConfig) -> None:
        """What a period has traded already counts under the new cap."""
        limit = self.limit_of(config)
        self.max_turnover = inf if limit is None else limit

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse what would exceed the cap; the figure is the turnover it would have reached."""
        before = self._traded_usd.get(self._period_of(request), 0.0)
        reached = (before + 2.0 * request.notional_usd) / request.equity_usd
        return Breach(self.max_turnover, reached) if reached > self.max_turnover else None

    def entered(self, request: EntryRequest) -> None:
        """Add the entry and its exit to the period."""
        period = self._period_of(request)
        self._traded_usd[period] = self._traded_usd.get(period, 0.0) + 2.0 * request.notional_usd
