"""The account: cash and positions while time moves forward.

Belongs here: fills in their order, what an entry can afford, equity at a mark, orders, forced
exits. Does not belong here: whether to trade (:mod:`.decisions`), the rules
(:mod:`step3_assets.domain.risk`).
"""

from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np

from step3_assets.config import ExecutionConfig
from step3_assets.domain.core.instants import utc_stamp
from step3_assets.domain.execution.candidates import Orders
from step3_assets.domain.execution.marking import ENTRY, EXIT, LedgerError, MarkClock
from step3_assets.domain.risk.engine import MIN_FILL_SHARE

OnMark = Callable[[int, int, float], None]
"""Called at a bar close with its row of the clock, its stamp and equity."""

CapRoom = Callable[[int, int, float, float], float]
"""Called at an entry's fill with its stamp, symbol, equity and value held; returns the notional
that the caps allow. Infinite if the caps never limit more than cash does."""

NO_BUYING_POWER = "no_buying_power"
BUYING_POWER = "buying_power"
_RESERVE = 1.0 + 1e-9  # added to minimum fees, so that rounding never makes cash negative
_DOWN = 1.0 - 2.0**-50
_FOREVER = 2**63 - 1


class Account:
    """Cash and positions while time moves forward.

    The state per symbol is the position held and one that is ordered and not filled yet. The cost
    of a step does not depend on the number of trades.

    Parameters
    ----------
    orders : Orders
    clock : MarkClock
    config : ExecutionConfig
    on_mark : callable, optional
        Called at every bar close at which equity may have changed, in time order, before anything
        is decided at that close. It may force exits.
    cap_room : callable, optional
        Returns the notional that the caps allow at an entry's fill.

    Attributes
    ----------
    cash, equity : float
        Cash after the fills before the instant; equity marked at the closes known at it. Cash is
        never below zero: an entry spends at most the cash that there is at its fill.
    notional : dict of int to float
        Value of the entries that were filled, by order.
    trimmed : set of int
        Orders filled with less than was ordered, for lack of buying power.
    forced : dict of int to tuple of (int, float)
        Fill time and price of the orders whose exit was brought forward.
    """

    def __init__(
        self,
        orders: Orders,
        clock: MarkClock,
        config: ExecutionConfig,
        on_mark: OnMark | None = None,
        cap_room: CapRoom | None = None,
    ) -> None:
        n_symbols = self.n_symbols = len(clock.symbols)
        self.cash = config.initial_capital_usd
        self.equity = self.cash
        self.notional: dict[int, float] = {}
        self.trimmed: set[int] = set()
        self.forced: dict[int, tuple[int, float]] = {}
        self._closes: list[float] = []
        self._clock, self._min_fee = clock, config.min_fee_usd
        self._on_mark, self._cap_room = on_mark, cap_room
        self._now, self._row = -1, -1
        self._fills: list[tuple[int, int, int, int, float]] = []  # time, kind, symbol, order, flow
        self._held = [-1] * n_symbols
        self._units = [0.0] * n_symbols
        self._n_held = 0
        self._ordered = [-1] * n_symbols
        self._last = [-1] * n_symbols
        self._before_last = [-1] * n_symbols
        self._order_notional: dict[int, float] = {}
        self._entry, self._exit = orders.entry_us.tolist(), orders.exit_us.tolist()
        self._exit_known = orders.exit_known_us.tolist()
        self._entry_open, self._exit_open = orders.entry_open.tolist(), orders.exit_open.tolist()
        self._half_cost = orders.half_cost.tolist()

    def advance(self, now: int, mark_row: int) -> None:
        """Carry out the fills before `now`, and mark equity at the closes known at `now`."""
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
        """Process the marks after the last decision, and fill open orders."""
        if self._on_mark is not None:
            self._watch(len(self._clock.stamp_us) - 1, self._on_mark)
        self._fill_before(_FOREVER)

    def has_left(self, order: int, entry: int) -> bool:
        """Whether the position is closed by the open at `entry`, and this is known now."""
        return self._exit[order] <= entry and self._exit_known[order] <= self._now

    def is_free(self, symbol: int, entry: int) -> bool:
        """Whether the symbol will have no position at the open at `entry`."""
        last = self._last[symbol]
        return last < 0 or self.has_left(last, entry)

    def last_order(self, symbol: int) -> int:
        """The symbol's last order that was filled or may still be, -1 without one."""
        return self._last[symbol]

    def gross(self, entry: int) -> float:
        """Present value of the other positions at the open at `entry`, USD."""
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
        """Order an entry for an amount of money; the filled amount is decided at its fill."""
        heappush(self._fills, (self._entry[order], ENTRY, symbol, order, 0.0))
        self._before_last[symbol] = self._last[symbol]
        self._ordered[symbol] = self._last[symbol] = order
        self._order_notional[order] = notional

    def force_exit(self, symbol: int, now: int) -> tuple[int, int] | None:
        """Move the exit of the position forward to the next bar's open after the close at `now`.

        Returns
        -------
        (order, fill time) or None
            None if nothing is held, or if the regular exit fills there already.
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
        """Cancel an entry that is ordered and not filled; returns the order, or None."""
        order = self._ordered[symbol]
        if order < 0:
            return None
        self._forget(order, symbol)
        self._fills = [fill for fill in self._fills if fill[3] != order]
        self._fills.sort()  # a sorted list is a heap
        return order

    def _order_exit(self, order: int, symbol: int, units: float) -> None:
        value_out = units * self._exit_open[order]
        received = value_out - self._fee(order, value_out)
        heappush(self._fills, (self._exit[order], EXIT, symbol, order, received))

    def _fill_before(self, now: int) -> None:
        fills = self._fills
        while fills and fills[0][0] < now:
            time, kind, symbol, order, flow = heappop(fills)
            if kind == EXIT:
                if time != self._exit[order]:
                    continue  # the exit was moved forward after it was ordered
                self._held[symbol], self._units[symbol] = -1, 0.0
                self._n_held -= 1
                self.cash += flow
            else:
                self._enter_at(time, symbol, order)

    def _enter_at(self, time: int, symbol: int, order: int) -> None:
        """Fill an entry with the ordered amount, or with as much as the buying power allows."""
        ordered = self._order_notional[order]
        notional = self._affordable(time, symbol, order, ordered)
        if notional < MIN_FILL_SHARE * ordered:
            self._forget(order, symbol)
            return
        if notional < ordered:
            self.trimmed.add(order)
        self.notional[order] = notional
        units = notional / self._entry_open[order]
        self.cash += -(notional + self._fee(order, notional))
        self._held[symbol], self._ordered[symbol] = order, -1
        self._units[symbol] = units
        self._n_held += 1
        del self._order_notional[order]
        self._order_exit(order, symbol, units)

    def _affordable(self, time: int, symbol: int, order: int, ordered: float) -> float:
        """The part of `ordered` that cash and caps allow at the prices of the fill.

        A sale can bring as little as minus the minimum fee, so this fee is reserved for every
        position, this one included. A trade whose cost is its whole value is never affordable.
        """
        half, fee = self._half_cost[order], self._min_fee
        if half >= 1.0:
            return 0.0
        notional = ordered
        if self._cap_room is not None:
            held = self._value_at(time)
            equity = self.cash + held - self._fee(order, notional)
            notional = min(notional, self._cap_room(time, symbol, equity, held))
        kept = (self._n_held + 1) * fee * _RESERVE if fee else 0.0
        if self.cash - (notional + self._fee(order, notional)) >= kept:
            return notional
        free = self.cash - kept
        notional = min(free / (1.0 + half), free - fee)
        while notional > 0.0 and self.cash - (notional + self._fee(order, notional)) < kept:
            notional *= _DOWN
        return notional

    def _fee(self, order: int, value: float) -> float:
        cost = self._half_cost[order] * value
        return cost if cost > self._min_fee else self._min_fee

    def _value_at(self, time: int) -> float:
        """Value of the positions at the opens of an instant; without one, at the last close."""
        value = 0.0
        row = bisect_right(self._clock.stamps, time) - 1
        for symbol, units in enumerate(self._units):
            if units:
                starts = self._clock.bar_start_us[symbol]
                bar = int(np.searchsorted(starts, time))
                has_open = bar < len(starts) and int(starts[bar]) == time
                price = (
                    self._clock.bar_open[symbol][bar]
                    if has_open
                    else self._clock.close[row, symbol]
                )
                if price != price:  # no bar of the symbol has ended since the entry
                    price = self._entry_open[self._held[symbol]]
                value += units * float(price)
        return value

    def _forget(self, order: int, symbol: int) -> None:
        """Remove an ordered entry: the symbol's last order is again the one before it."""
        self._ordered[symbol] = -1
        self._last[symbol] = self._before_last[symbol]
        del self._order_notional[order]

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
        """Report the marks up to `last_row` at which a position is held or was just closed."""
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
