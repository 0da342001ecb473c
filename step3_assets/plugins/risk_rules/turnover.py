"""The turnover governor: limits the value traded in a day, a week, a month.

Belongs here: value traded over equity by period. Does not belong here: the number of trades.
"""

from collections.abc import Callable
from functools import partial
from math import inf

from pydantic import Field

from step3_assets.plugins.risk_rule import (
    TIMES_EQUITY,
    Account,
    Breach,
    EntryRequest,
    Kind,
    RiskRule,
)
from step3_assets.plugins.setting import Bounds, Setting, SettingValues

PERIODS: dict[str, Callable[[EntryRequest], int]] = {
    "day": lambda request: request.day,
    "week": lambda request: (request.day + 3) // 7,  # 1970-01-01 was a Thursday: weeks from Monday
    "month": lambda request: request.month,
}


class TurnoverGovernor:
    """Refuse an entry that would take a period's turnover above its cap.

    An entry counts twice in the New York period of its fill: for itself and for its later exit, at
    the ordered notional. An exit is never refused.

    Parameters
    ----------
    account : Account
    period : str
        ``day``, ``week`` or ``month``.
    """

    def __init__(self, account: Account, period: str) -> None:
        self.max_turnover = inf
        self._setting = f"max_turnover_per_{period}"
        self._period_of = PERIODS[period]
        self._traded_usd: dict[int, float] = {}

    def set_limit(self, config: SettingValues) -> None:
        """Use the new cap; the value already traded in the period still counts."""
        limit = getattr(config, self._setting)
        self.max_turnover = inf if limit is None else limit

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse an entry that would exceed the cap; the value is the turnover with the entry."""
        before = self._traded_usd.get(self._period_of(request), 0.0)
        reached = (before + 2.0 * request.notional_usd) / request.equity_usd
        return Breach(self.max_turnover, reached) if reached > self.max_turnover else None

    def entered(self, request: EntryRequest) -> None:
        """Add the entry and its exit to the period."""
        period = self._period_of(request)
        self._traded_usd[period] = self._traded_usd.get(period, 0.0) + 2.0 * request.notional_usd


def _governor(
    period: str, place: int, default: float, bounds: Bounds, reason: str | None = None
) -> RiskRule:
    setting = Setting(float | None, Field(default=default, gt=0, description=reason), bounds)
    return RiskRule(
        name=f"turnover_{period}",
        label=f"Turnover of a {period}",
        loss=f"turnover of the {period} at its cap",
        meaning=f"Refuses an entry that takes the value traded in a {period} above the limit. An "
        "entry counts twice, for its exit too, in the New York period of its fill.",
        kind=Kind.TURNOVER,
        place=place,
        unit=TIMES_EQUITY,
        make=partial(TurnoverGovernor, period=period),
        limit=f"max_turnover_per_{period}",
        settings={f"max_turnover_per_{period}": setting},
    )


TURNOVER_DAY = _governor(
    "day",
    70,
    6.0,
    Bounds(2.0, 6.0, "One to three round trips of the whole account."),
    "Value traded over equity, both sides: three round trips of the whole account.",
)
TURNOVER_WEEK = _governor("week", 80, 20.0, Bounds(4.0, 20.0, "Two to ten round trips."))
TURNOVER_MONTH = _governor(
    "month",
    90,
    40.0,
    Bounds(10.0, 40.0, "Five round trips, the number that acceptance requires, to twenty."),
    "The limit of the acceptance criterion.",
)
