"""Allocation: how equity is divided among symbols, from data before each month.

Belongs here: shares by month. Does not belong here: the size of one position
(:mod:`step3_assets.domain.sizing`), or the state of the account.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np

from step3_assets.domain.execution.marking import MarkClock, instant_us
from step3_assets.domain.months import add_months, month_start


def equal_weight(clock: MarkClock, months: Sequence[date]) -> dict[date, dict[str, float]]:
    """1/n of equity for each symbol that has bars in the month.

    Parameters
    ----------
    clock : MarkClock
    months : sequence of date

    Returns
    -------
    dict of month to dict of symbol to share
        Months without bars have no symbols. Read from the month's own bars, so that a symbol that
        joins later changes no earlier month.
    """
    shares: dict[date, dict[str, float]] = {}
    for month in months:
        span = [instant_us(month_start(m)) for m in (month, add_months(month, 1))]
        present = [
            symbol
            for symbol, starts in zip(clock.symbols, clock.bar_start_us, strict=True)
            if np.diff(np.searchsorted(starts, span))[0] > 0
        ]
        shares[month] = {symbol: 1.0 / len(present) for symbol in present}
    return shares
