"""Sizing: how much one entry takes, and which limit bound it.

Belongs here: the size of one position and the division of equity among symbols. Does not belong
here: expected values (the gate asked for a size already), or the state of the account.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np

from step3_assets.domain.execution.marking import MarkClock, instant_us
from step3_assets.domain.months import add_months, month_start

MIN_FILL_SHARE = 0.01
"""Room for less than this share of what was asked is no room: a crumb is not a trade, and must not
count as one where trades are counted."""


def size_entry(
    asked_frac: float, equity_usd: float, gross_usd: float, max_gross_frac: float
) -> tuple[float, str]:
    """Notional of one entry.

    Parameters
    ----------
    asked_frac : float
        Allocation of the symbol times the size asked for, a share of equity.
    equity_usd, gross_usd : float
        Equity, and the value of positions held or already ordered, both at the last closes known
        at the decision instant.
    max_gross_frac : float
        Highest gross exposure, as a share of equity at those marks.

    Returns
    -------
    notional_usd : float
        0 when there is no room.
    binding_cap : str
        ``size_frac`` or ``gross_cap``: what limited the notional.

    Examples
    --------
    >>> size_entry(0.5, 10_000.0, 4_000.0, 1.0)
    (5000.0, 'size_frac')
    >>> size_entry(0.5, 10_000.0, 8_000.0, 1.0)
    (2000.0, 'gross_cap')
    >>> size_entry(0.5, 10_000.0, 10_000.0, 1.0)
    (0.0, 'gross_cap')
    """
    asked = asked_frac * equity_usd
    room = max_gross_frac * equity_usd - gross_usd
    if asked <= room:
        return asked, "size_frac"
    if room < MIN_FILL_SHARE * asked:
        return 0.0, "gross_cap"
    return room, "gross_cap"


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
