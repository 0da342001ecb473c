"""The loop over orders in time: the status of each, with its reason.

Belongs here: the loop over orders, the checks of each order, the effect of a stop on the account.
Does not belong here: cash and positions (:mod:`.account`), the rules' conditions
(:mod:`step3_assets.domain.risk`), frames (:mod:`.ledger`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.execution.account import BUYING_POWER, NO_BUYING_POWER, Account
from step3_assets.domain.execution.candidates import Orders
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.risk.engine import (
    CANCELLED,
    FORCED_EXIT,
    TRIPPED,
    RiskEngine,
    RiskEvent,
)
from step3_assets.domain.risk.schedule import RiskSchedule
from step3_assets.plugins.risk_rule import EntryRequest


@dataclass
class Taken:
    """The status of every order, and lists of the orders that were accepted."""

    status: list[str]
    order: list[int]
    notional: list[float]
    equity_before: list[float]
    binding_cap: list[str]
    forced: dict[int, tuple[int, float, str]]
    risk_events: list[RiskEvent]

    def withdraw(self, order: int, rule: str) -> None:
        """Remove an order that was cancelled before its fill."""
        at = len(self.order) - 1 - self.order[::-1].index(order)
        for column in (self.order, self.notional, self.equity_before, self.binding_cap):
            del column[at]
        self.status[order] = rule

    def settle(self, notional: Mapping[int, float], trimmed: Collection[int]) -> None:
        """Replace the ordered amounts by the filled amounts."""
        for order in self.order:
            if order not in notional:
                self.status[order] = NO_BUYING_POWER
        kept = [at for at, order in enumerate(self.order) if order in notional]
        self.binding_cap = [
            BUYING_POWER if self.order[at] in trimmed else self.binding_cap[at] for at in kept
        ]
        self.equity_before = [self.equity_before[at] for at in kept]
        self.order = [self.order[at] for at in kept]
        self.notional = [notional[order] for order in self.order]


class _Watch:
    """Passes marks to the stops and carries out their exits."""

    def __init__(self, engine: RiskEngine, clock: MarkClock, taken: Taken) -> None:
        self._engine, self._taken = engine, taken
        self._sessions = clock.sessions
        self.account: Account | None = None

    def __call__(self, row: int, now: int, equity: float) -> None:
        if now > self._engine.next_us:
            self._engine.move_to(now)
        session = self._sessions[row]
        for name, stop in self._engine.stops:
            breach = stop.mark(session, equity)
            if breach is not None:
                self._flatten(name, *breach, now, equity)

    def _flatten(self, rule: str, threshold: float, value: float, now: int, equity: float) -> None:
        account, note = self.account, self._engine.events.append
        assert account is not None
        note(RiskEvent(now, -1, -1, rule, TRIPPED, threshold, value, equity, -1))
        for symbol in range(account.n_symbols):
            cancelled = account.cancel(symbol)
            if cancelled is not None:
                self._taken.withdraw(cancelled, rule)
                row = (now, symbol, cancelled, rule, CANCELLED, threshold, value, equity, -1)
                note(RiskEvent(*row))
            forced = account.force_exit(symbol, now)
            if forced is not None:
                order, fill = forced
                self._taken.forced[order] = (*account.forced[order], rule)
                row = (now, symbol, order, rule, FORCED_EXIT, threshold, value, equity, fill)
                note(RiskEvent(*row))


def decide_orders(
    orders: Orders,
    clock: MarkClock,
    config: ExecutionConfig,
    risk: RiskConfig | RiskSchedule,
) -> Taken:
    """Process the orders in time and record the status of each."""
    engine = RiskEngine(risk, config.max_gross_frac, config.initial_capital_usd)
    taken = Taken([], [], [], [], [], {}, engine.events)
    watch = _Watch(engine, clock, taken) if engine.stops else None
    caps = _CapsAtFill(engine) if engine.may_have_tight_cap else None
    account = Account(orders, clock, config, watch, caps)
    if watch is not None:
        watch.account = account
    entry, asked = orders.entry_us.tolist(), (orders.allocation * orders.size_frac).tolist()
    sessions = clock.sessions if engine.needs_calendar else None
    days, months = _entry_days(orders, clock) if engine.needs_calendar else ([], [])
    bars = _OwnBars(orders, clock, taken) if engine.needs_bars else None
    request = EntryRequest(0, 0, 0, 0, 0.0, 0.0, 0.0, None, None)
    rows = zip(
        orders.instant_us.tolist(),
        orders.mark_row.tolist(),
        orders.symbol.tolist(),
        orders.is_final.tolist(),
        strict=True,
    )
    for order, (instant, mark_row, symbol, is_final) in enumerate(rows):
        if not is_final:
            taken.status.append("not_final")
            continue
        if asked[order] <= 0.0:
            taken.status.append("zero_size")
            continue
        account.advance(instant, mark_row)
        if instant > engine.next_us:
            engine.move_to(instant)
        if not account.is_free(symbol, entry[order]):
            taken.status.append("position_open")
            continue
        equity = account.equity
        if not equity > 0.0:
            taken.status.append("no_equity")
            continue
        request.symbol, request.equity_usd = symbol, equity
        request.gross_usd = account.gross(entry[order])
        request.notional_usd = asked[order] * equity
        if sessions is not None:
            request.session = sessions[mark_row] if mark_row >= 0 else -1
            request.day, request.month = days[order], months[order]
        if bars is not None:
            bars.count(request, order, account.last_order(symbol))
        notional, binding = engine.allow(request, instant, order)
        if notional <= 0.0:
            taken.status.append(binding)
            continue
        account.enter(order, symbol, notional)
        taken.status.append("traded")
        taken.order.append(order)
        taken.notional.append(notional)
        taken.equity_before.append(equity)
        taken.binding_cap.append(binding)
    account.finish()
    taken.settle(account.notional, account.trimmed)
    return taken


class _CapsAtFill:
    """Applies the caps again at the fill, with the prices and cash of that instant."""

    def __init__(self, engine: RiskEngine) -> None:
        self._engine = engine
        self._request = EntryRequest(0, 0, 0, 0, 0.0, 0.0, 0.0, None, None)

    def __call__(self, time: int, symbol: int, equity: float, held: float) -> float:
        if time > self._engine.next_us:
            self._engine.move_to(time)
        request = self._request
        request.symbol, request.equity_usd, request.gross_usd = symbol, equity, held
        return self._engine.cap_room(request)


def _entry_days(orders: Orders, clock: MarkClock) -> tuple[list[int], list[int]]:
    """New York day and month of each order's entry, counted from 1970."""
    day = np.zeros(len(orders.row), dtype="int64")
    for code in np.unique(orders.symbol):
        of_symbol = orders.symbol == code
        starts, days = clock.bar_start_us[code], clock.bar_days[code]
        place = np.searchsorted(starts, orders.entry_us[of_symbol])
        day[of_symbol] = days[np.minimum(place, len(days) - 1)]
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
    return day.tolist(), month.tolist()


class _OwnBars:
    """Counts a symbol's own bars from its last fills to the bar that follows a decision."""

    def __init__(self, orders: Orders, clock: MarkClock, taken: Taken) -> None:
        places = np.zeros((3, len(orders.row)), dtype="int64")
        for code in np.unique(orders.symbol):
            of_symbol = orders.symbol == code
            starts, ends = clock.bar_start_us[code], clock.bar_end_us[code]
            places[0, of_symbol] = np.searchsorted(ends, orders.instant_us[of_symbol], side="right")
            places[1, of_symbol] = np.searchsorted(starts, orders.entry_us[of_symbol])
            places[2, of_symbol] = np.searchsorted(starts, orders.exit_us[of_symbol])
        self._next, self._entered, self._left = places.tolist()
        self._starts, self._forced = clock.bar_start_us, taken.forced

    def count(self, request: EntryRequest, order: int, last: int) -> None:
        """Write the counts into the request; `last` is the symbol's last order, -1 without one."""
        request.bars_since_entry = request.bars_since_exit = None
        if last < 0:
            return
        left = self._left[last]
        if last in self._forced:
            fill = self._forced[last][0]
            left = int(np.searchsorted(self._starts[request.symbol], fill))
        request.bars_since_entry = self._next[order] - self._entered[last]
        request.bars_since_exit = self._next[order] - left
