"""The account: cash and positions while time moves forward.

Belongs here: fills in their order, equity at a mark, what is free, orders, forced exits. Does not
belong here: whether to trade (:mod:`.ledger`), the rules (:mod:`step3_assets.domain.risk`).
"""

from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np

from step3_assets.config import ExecutionConfig
from step3_assets.domain.core.instants import utc_stamp
from step3_assets.domain.execution.candidates import Orders
from step3_assets.domain.execution.marking import ENTRY, EXIT, LedgerError, MarkClock

OnMark = Callable[[int, int, float], None]
"""Called at a bar close with its row of the clock, its stamp and equity."""


class Account:
    """Cash and positions while time moves forward.

    State is per symbol: the position held, and one ordered but not filled yet. A step costs the
    same however many trades there are.

    Parameters
    ----------
    orders : Orders
    clock : MarkClock
    config : ExecutionConfig
    on_mark : callable, optional
        Shown every bar close at which equity may have changed, in time order, before anything is
        decided at that close. It may force exits.

    Attributes
    ----------
    cash, equity : float
        After the fills before the instant; marked at the closes known at it.
    forced : dict of int to tuple of (int, float)
        Fill time and price of the orders whose exit was brought forward.
    """

    def __init__(
        self,
        orders: Orders,
        clock: MarkClock,
        config: ExecutionConfig,
        on_mark: OnMark | None = None,
    ) -> None:
        n_symbols = self.n_symbols = len(clock.symbols)
        self.cash = config.initial_capital_usd
        self.equity = self.cash
        self.forced: dict[int, tuple[int, float]] = {}
        self._closes: list[float] = []
        self._clock, self._min_fee = clock, config.min_fee_usd
        self._on_mark = on_mark
        self._now, self._row = -1, -1
        self._fills: list[tuple[int, int, int, int, float]] = []  # time, kind, symbol, order, flow
        self._held = [-1] * n_symbols
        self._units = [0.0] * n_symbols
        self._n_held = 0
        self._ordered = [-1] * n_symbols
        self._last = [-1] * n_symbols
        self._order_units: dict[int, float] = {}
        self._order_notional: dict[int, float] = {}
        self._entry, self._exit = orders.entry_us.tolist(), orders.exit_us.tolist()
        self._exit_known = orders.exit_known_us.tolist()
        self._entry_open, self._exit_open = orders.entry_open.tolist(), orders.exit_open.tolist()
        self._half_cost = orders.half_cost.tolist()

    def advance(self, now: int, mark_row: int) -> None:
        """Let fills before `now` happen and mark equity at the closes known at `now`."""
        if now == self._now:
            return
        if self._on_mark is not None:
            self._watch(mark_row, self._on_mark)
        self._now = now
        fills = self._fills
        if fills and fills[0][0] < now:
            self._fill_before(now)
        if self._n_held:
            self._mark(now, mark_row)
        else:
            self.equity = self.cash

    def finish(self) -> None:
        """Show the marks after the last decision, until the account is flat."""
        if self._on_mark is not None:
            self._watch(len(self._clock.stamp_us) - 1, self._on_mark)

    def has_left(self, order: int, entry: int) -> bool:
        """The position is gone by the open at `entry`, and that is known now."""
        return self._exit[order] <= entry and self._exit_known[order] <= self._now

    def is_free(self, symbol: int, entry: int) -> bool:
        """The symbol will hold nothing at the open at `entry`."""
        last = self._last[symbol]
        return last < 0 or self.has_left(last, entry)

    def last_order(self, symbol: int) -> int:
        """The symbol's last order that was not cancelled, -1 without one."""
        return self._last[symbol]

    def gross(self, entry: int) -> float:
        """Value now of what will be held beside a position entered at `entry`, USD."""
        total = 0.0
        if not self._fills:
            return total
        for symbol, order in enumerate(self._held):
            if order >= 0 and not self.has_left(order, entry):
                total += self._units[symbol] * self._closes[symbol]
            if self._ordered[symbol] >= 0:
                total += self._order_notional[self._ordered[symbol]]
        return total

    def enter(self, order: int, symbol: int, notional: float) -> None:
        """Order the entry, and with it the exit that the label decided."""
        units = notional / self._entry_open[order]
        cost = self._half_cost[order] * notional
        paid = notional + (cost if cost > self._min_fee else self._min_fee)
        heappush(self._fills, (self._entry[order], ENTRY, symbol, order, -paid))
        self._order_exit(order, symbol, units)
        self._ordered[symbol] = self._last[symbol] = order
        self._order_units[order], self._order_notional[order] = units, notional

    def force_exit(self, symbol: int, now: int) -> tuple[int, int] | None:
        """Bring the exit of what is held forward to the next bar's open after the close at `now`.

        Returns
        -------
        (order, fill time) or None
            None when nothing is held, or its own exit fills there already.
        """
        order = self._held[symbol]
        if order < 0:
            return None
        starts = self._clock.bar_start_us[symbol]
        bar = int(np.searchsorted(starts, now))
        fill = int(starts[bar])
        if fill >= self._exit[order]:
            return None
        price = float(self._clock.bar_open[symbol][bar])
        self._exit[order], self._exit_known[order] = fill, now
        self._exit_open[order] = price
        self.forced[order] = (fill, price)
        self._order_exit(order, symbol, self._units[symbol])
        return order, fill

    def cancel(self, symbol: int) -> int | None:
        """Cancel an entry that is ordered and not filled; the order, or None without one."""
        order = self._ordered[symbol]
        if order < 0:
            return None
        self._ordered[symbol] = -1
        self._last[symbol] = self._held[symbol]
        del self._order_units[order], self._order_notional[order]
        self._fills = [fill for fill in self._fills if fill[3] != order]
        self._fills.sort()  # a sorted list is a heap
        return order

    def _order_exit(self, order: int, symbol: int, units: float) -> None:
        value_out = units * self._exit_open[order]
        cost = self._half_cost[order] * value_out
        received = value_out - (cost if cost > self._min_fee else self._min_fee)
        heappush(self._fills, (self._exit[order], EXIT, symbol, order, received))

    def _fill_before(self, now: int) -> None:
        fills = self._fills
        while fills and fills[0][0] < now:
            time, kind, symbol, order, flow = heappop(fills)
            if kind == EXIT:
                if time != self._exit[order]:
                    continue  # brought forward since it was ordered
                self._held[symbol], self._units[symbol] = -1, 0.0
                self._n_held -= 1
            else:
                self._held[symbol], self._ordered[symbol] = order, -1
                self._units[symbol] = self._order_units.pop(order)
                self._n_held += 1
                del self._order_notional[order]
            self.cash += flow

    def _mark(self, now: int, row: int) -> None:
        self._closes = self._clock.closes_known(row)
        value = 0.0
        for symbol, units in enumerate(self._units):
            if units:
                value += units * self._closes[symbol]
        if value != value:
            raise LedgerError(f"bars: no close yet of a position held at {utc_stamp(now)}")
        self.equity = self.cash + value

    def _watch(self, last_row: int, on_mark: OnMark) -> None:
        """Show every mark up to `last_row` at which something is held or has just left."""
        stamps, row = self._clock.stamps, self._row + 1
        while row <= last_row:
            if not self._n_held:
                if not self._fills:
                    break
                row = max(row, bisect_right(stamps, self._fills[0][0]))
                if row > last_row:
                    break
            now = stamps[row]
            self._fill_before(now)
            if self._n_held:
                self._mark(now, row)
            else:
                self.equity = self.cash
            on_mark(row, now, self.equity)
            row += 1
        self._row = max(self._row, last_row)
