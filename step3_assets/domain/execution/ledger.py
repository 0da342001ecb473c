"""The ledger: the one path that turns gated candidates into fills, trades and equity.

Belongs here: what happens to each candidate as time moves forward, on one capital account over all
symbols. Does not belong here: checks at the door (:mod:`.candidates`), cash and positions
(:mod:`.account`), the rules (:mod:`step3_assets.domain.risk`), values at bar closes
(:mod:`.marking`), metrics.

Order of events at one instant ``t``, the end of a decision bar: fills before ``t`` have happened;
equity is marked at the closes known at ``t``; the stops see it; candidates are decided in symbol
order; what they enter, and what exits at the open that follows, fills later.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.execution.account import Account
from step3_assets.domain.execution.candidates import Allocation, Orders, prepare_orders
from step3_assets.domain.execution.marking import (
    MarkClock,
    Positions,
    instant_us,
    mark_equity,
    utc_index,
)
from step3_assets.domain.risk.engine import (
    CANCELLED,
    FORCED_EXIT,
    TRIPPED,
    RiskEngine,
    RiskEvent,
)
from step3_assets.domain.risk.rules import EntryRequest
from step3_assets.domain.sizing import SIZING_COLUMNS

ALL_SYMBOLS = "ALL"


@dataclass(frozen=True)
class LedgerResult:
    """What one account did.

    Attributes
    ----------
    trades : DataFrame
        Table ``portfolio_trades`` without ``series``, in order of decision.
    decisions : DataFrame
        Table ``portfolio_decisions`` without ``series``: every candidate and its status.
    equity : DataFrame
        Table ``portfolio_equity`` without ``series``, at every bar close from the period's start
        to its end, or to the end of the last exit's bar where that lies later.
    positions : Positions, optional
        The trades as arrays; absent where the frames come from storage.
    risk_events : DataFrame, optional
        Table ``risk_events`` without ``series``; absent as well.
    """

    trades: pd.DataFrame
    decisions: pd.DataFrame
    equity: pd.DataFrame
    positions: Positions | None = None
    risk_events: pd.DataFrame | None = None


def simulate(
    candidates: pd.DataFrame,
    bars: pd.DataFrame | MarkClock,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    allocation: Allocation,
    config: ExecutionConfig,
    risk: RiskConfig | None = None,
) -> LedgerResult:
    """Trade the candidates on one capital account and mark it at every bar close.

    Parameters
    ----------
    candidates : DataFrame
        Columns :data:`.candidates.CANDIDATE_COLUMNS`: events that the gate let through, in any row
        order.
    bars : DataFrame or MarkClock
        Bars of every symbol from the period's first to the last exit's; more do not matter. Build
        the clock once to simulate often on the same bars.
    start, end : Timestamp
        The period, UTC: decisions lie in [start, end). Trades still open at `end` are marked on
        to their exits.
    allocation : mapping
        Share of equity by symbol, or by month and symbol.
    config : ExecutionConfig
    risk : RiskConfig, optional
        None is no rule but the gross cap.

    Returns
    -------
    LedgerResult

    Raises
    ------
    LedgerError
        On candidates or bars that cannot be simulated, naming symbol and stamps.

    Notes
    -----
    Entry at ``entry_open``, exit at ``exit_open``, half of ``cost_rt`` of the value traded on each
    side, at least ``min_fee_usd`` a side. A symbol holds one position at a time; an exit and a new
    entry may share a bar's open, because the exit was decided at the close before. A decision uses
    nothing that becomes known after its instant, so rows after any time T leave fills and equity
    up to T as they were, to the bit. An exit that a stop forces at a bar's close fills at the open
    of that symbol's next bar, at the same half of ``cost_rt``.
    """
    clock = bars if isinstance(bars, MarkClock) else MarkClock.from_bars(bars)
    orders = prepare_orders(candidates, clock, start, end, allocation)
    fills = fill_orders(orders, clock, config, risk)
    rows = period_rows(clock, fills.positions, instant_us(start), instant_us(end))
    decisions = candidates.iloc[orders.row][["symbol", "decision_time_utc", "month"]]
    return LedgerResult(
        _trade_frame(candidates, orders, fills),
        decisions.assign(status=_text(fills.status)).reset_index(drop=True),
        mark_equity(fills.positions, clock, rows, config.initial_capital_usd).frame(),
        fills.positions,
        _event_frame(candidates, orders, clock, fills.risk_events),
    )


@dataclass(frozen=True)
class Fills:
    """What became of the orders, as arrays.

    Attributes
    ----------
    status : ndarray of str, shape (n_orders,)
        One of ``TRADE_STATUSES`` for every order.
    order : ndarray of int, shape (n,)
        The orders that were traded; the other arrays run over these.
    positions : Positions
    notional_usd, cost_entry_usd, cost_exit_usd, pnl_usd, equity_before_usd, exit_open : ndarray
    binding_cap, exit_rule : ndarray of str
    risk_events : list of RiskEvent
    """

    status: np.ndarray
    order: np.ndarray
    positions: Positions
    notional_usd: np.ndarray
    cost_entry_usd: np.ndarray
    cost_exit_usd: np.ndarray
    pnl_usd: np.ndarray
    equity_before_usd: np.ndarray
    binding_cap: np.ndarray
    exit_open: np.ndarray
    exit_rule: np.ndarray
    risk_events: list[RiskEvent]


def fill_orders(
    orders: Orders, clock: MarkClock, config: ExecutionConfig, risk: RiskConfig | None = None
) -> Fills:
    """Run the account over orders that are laid out already; see :func:`simulate`.

    The costs and cash flows are computed twice, once by the account while time moves and here over
    all trades at once, by the same arithmetic: the two agree to the bit.
    """
    taken = _decide(orders, clock, config, risk or RiskConfig.off())
    order = np.array(taken.order, dtype="int64")
    notional = np.array(taken.notional, dtype="float64")
    exit_us, exit_open, exit_rule = _exits(orders, order, taken)
    half_cost = orders.half_cost[order]
    units = notional / orders.entry_open[order]
    value_out = units * exit_open
    cost_entry = np.maximum(half_cost * notional, config.min_fee_usd)
    cost_exit = np.maximum(half_cost * value_out, config.min_fee_usd)
    paid, received = notional + cost_entry, value_out - cost_exit
    positions = Positions(
        orders.symbol[order], orders.entry_us[order], exit_us, units, paid, received
    )
    return Fills(
        np.array(taken.status, dtype=object),
        order,
        positions,
        notional,
        cost_entry,
        cost_exit,
        received - paid,
        np.array(taken.equity_before, dtype="float64"),
        np.array(taken.binding_cap, dtype=object),
        exit_open,
        exit_rule,
        taken.risk_events,
    )


def _exits(
    orders: Orders, order: np.ndarray, taken: "_Taken"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, price and reason of each trade's exit: the label's unless a rule forced it."""
    exit_us, exit_open = orders.exit_us[order], orders.exit_open[order]
    rule = np.full(len(order), "label", dtype=object)
    if taken.forced:
        place = {number: at for at, number in enumerate(order.tolist())}
        for number, (fill, price, name) in taken.forced.items():
            at = place[number]
            exit_us[at], exit_open[at], rule[at] = fill, price, name
    return exit_us, exit_open, rule


def period_rows(clock: MarkClock, positions: Positions, start_us: int, end_us: int) -> slice:
    """Marks from the period's start to its end, or to the end of the last exit's bar."""
    last_us = end_us
    for code in np.unique(positions.symbol):
        last_exit = positions.exit_us[positions.symbol == code].max()
        bar = int(np.searchsorted(clock.bar_start_us[code], last_exit))
        last_us = max(last_us, int(clock.bar_end_us[code][bar]))
    return clock.rows_after(start_us, last_us)


@dataclass
class _Taken:
    """What became of the orders; lists run over the orders taken, but for `status`."""

    status: list[str]
    order: list[int]
    notional: list[float]
    equity_before: list[float]
    binding_cap: list[str]
    forced: dict[int, tuple[int, float, str]]
    risk_events: list[RiskEvent]

    def withdraw(self, order: int, rule: str) -> None:
        """Take an order back that was cancelled before its fill."""
        at = len(self.order) - 1 - self.order[::-1].index(order)
        for column in (self.order, self.notional, self.equity_before, self.binding_cap):
            del column[at]
        self.status[order] = rule


class _Watch:
    """Shows marks to the stops, and does to the account what they ask."""

    def __init__(self, engine: RiskEngine, clock: MarkClock, taken: _Taken) -> None:
        self._engine, self._taken = engine, taken
        self._sessions = clock.sessions
        self.account: Account | None = None

    def __call__(self, row: int, now: int, equity: float) -> None:
        session = self._sessions[row]
        for stop in self._engine.stops:
            breach = stop.mark(session, equity)
            if breach is not None:
                self._flatten(stop.name, *breach, now, equity)

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


def _decide(orders: Orders, clock: MarkClock, config: ExecutionConfig, risk: RiskConfig) -> _Taken:
    """Go through the orders in time and say of each what became of it."""
    engine = RiskEngine(risk, config.max_gross_frac, config.initial_capital_usd)
    taken = _Taken([], [], [], [], [], {}, engine.events)
    watch = _Watch(engine, clock, taken) if engine.stops else None
    account = Account(orders, clock, config, watch)
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
    return taken


def _entry_days(orders: Orders, clock: MarkClock) -> tuple[list[int], list[int]]:
    """New York day and month of each order's entry, counted from 1970."""
    day = np.zeros(len(orders.row), dtype="int64")
    for code in np.unique(orders.symbol):
        mine = orders.symbol == code
        starts, days = clock.bar_start_us[code], clock.bar_days[code]
        place = np.searchsorted(starts, orders.entry_us[mine])
        day[mine] = days[np.minimum(place, len(days) - 1)]
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
    return day.tolist(), month.tolist()


class _OwnBars:
    """Counts a symbol's own bars from its last fills to the bar that follows a decision."""

    def __init__(self, orders: Orders, clock: MarkClock, taken: _Taken) -> None:
        places = np.zeros((3, len(orders.row)), dtype="int64")
        for code in np.unique(orders.symbol):
            mine = orders.symbol == code
            starts, ends = clock.bar_start_us[code], clock.bar_end_us[code]
            places[0, mine] = np.searchsorted(ends, orders.instant_us[mine], side="right")
            places[1, mine] = np.searchsorted(starts, orders.entry_us[mine])
            places[2, mine] = np.searchsorted(starts, orders.exit_us[mine])
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


def _trade_frame(candidates: pd.DataFrame, orders: Orders, fills: Fills) -> pd.DataFrame:
    """Table ``portfolio_trades`` without ``series``."""
    order = fills.order
    columns = ["symbol", "decision_time_utc", "month", "entry_time_utc"]
    rows = candidates.iloc[orders.row[order]].reset_index(drop=True)
    return rows[columns].assign(
        exit_time_utc=utc_index(fills.positions.exit_us),
        allocation_frac=orders.allocation[order],
        size_frac=orders.size_frac[order],
        notional_usd=fills.notional_usd,
        units=fills.positions.units,
        entry_open=orders.entry_open[order],
        exit_open=fills.exit_open,
        cost_entry_usd=fills.cost_entry_usd,
        cost_exit_usd=fills.cost_exit_usd,
        pnl_usd=fills.pnl_usd,
        net_bps=1e4 * fills.pnl_usd / fills.notional_usd,
        equity_before_usd=fills.equity_before_usd,
        binding_cap=_text(fills.binding_cap),
        exit_rule=_text(fills.exit_rule),
        **{name: rows[name] if name in rows else _unknown(name, rows) for name in SIZING_COLUMNS},
    )


def _unknown(name: str, rows: pd.DataFrame) -> pd.Series:
    """A sizing input of decisions that bring none."""
    return pd.Series(np.nan, rows.index, dtype="str" if name == "size_cap" else "float64")


def _event_frame(
    candidates: pd.DataFrame, orders: Orders, clock: MarkClock, events: list[RiskEvent]
) -> pd.DataFrame:
    """Table ``risk_events`` without ``series``."""
    columns = [np.array(c) for c in zip(*events, strict=True)] or [np.zeros(0)] * 9
    time, symbol, order, rule, action, threshold, value, equity, fill = columns
    symbol, order = symbol.astype("int64"), order.astype("int64")
    names = np.array([*clock.symbols, ALL_SYMBOLS], dtype=object)
    decided = candidates["decision_time_utc"].iloc[orders.row[order]].reset_index(drop=True)
    return pd.DataFrame(
        {
            "position": np.arange(1, len(events) + 1, dtype="int64"),
            "time_utc": utc_index(time),
            "symbol": _text(names[symbol]),
            "decision_time_utc": decided.where(pd.Series(order >= 0)),
            "rule": _text(rule.astype(object)),
            "action": _text(action.astype(object)),
            "threshold": threshold.astype("float64"),
            "value": value.astype("float64"),
            "equity_usd": equity.astype("float64"),
            "fill_time_utc": utc_index(fill).where(fill >= 0),
        }
    )


def _text(values: np.ndarray) -> ExtensionArray:
    """Text as a column, also when there is none."""
    return pd.Series(values, dtype="str").array
