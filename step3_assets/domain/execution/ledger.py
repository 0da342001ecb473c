"""The ledger: the one path that turns gated candidates into fills, trades and equity.

Belongs here: what happens to each candidate as time moves forward, on one capital account over all
symbols. Does not belong here: checks at the door (:mod:`.candidates`), size arithmetic
(:mod:`.sizing`), values at bar closes (:mod:`.marking`), metrics.

Order of events at one instant ``t``, the end of a decision bar: fills before ``t`` have happened;
equity is marked at the closes known at ``t``; candidates are decided in symbol order; what they
enter, and what exits at the open that follows, fills later.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from step3_assets.config import ExecutionConfig
from step3_assets.domain.execution.candidates import Allocation, Orders, prepare_orders
from step3_assets.domain.execution.marking import (
    ENTRY,
    EXIT,
    LedgerError,
    MarkClock,
    Positions,
    instant_us,
    mark_equity,
    utc_stamp,
)
from step3_assets.domain.execution.sizing import size_entry


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
    """

    trades: pd.DataFrame
    decisions: pd.DataFrame
    equity: pd.DataFrame
    positions: Positions | None = None


def simulate(
    candidates: pd.DataFrame,
    bars: pd.DataFrame | MarkClock,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    allocation: Allocation,
    config: ExecutionConfig,
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
    up to T as they were, to the bit.
    """
    clock = bars if isinstance(bars, MarkClock) else MarkClock.from_bars(bars)
    orders = prepare_orders(candidates, clock, start, end, allocation)
    fills = fill_orders(orders, clock, config)
    rows = period_rows(clock, fills.positions, start, end)
    decisions = candidates.iloc[orders.row][["symbol", "decision_time_utc", "month"]]
    return LedgerResult(
        _trade_frame(candidates, orders, fills),
        decisions.assign(status=_text(fills.status)).reset_index(drop=True),
        mark_equity(fills.positions, clock, rows, config.initial_capital_usd).frame(),
        fills.positions,
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
    notional_usd, cost_entry_usd, cost_exit_usd, pnl_usd, equity_before_usd : ndarray of float
    binding_cap : ndarray of str
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


def fill_orders(orders: Orders, clock: MarkClock, config: ExecutionConfig) -> Fills:
    """Run the account over orders that are laid out already; see :func:`simulate`.

    The costs and cash flows are computed twice, once by the account while time moves and here over
    all trades at once, by the same arithmetic: the two agree to the bit.
    """
    taken = _decide(orders, clock, config)
    order = np.array(taken.order, dtype="int64")
    notional = np.array(taken.notional, dtype="float64")
    half_cost = orders.half_cost[order]
    units = notional / orders.entry_open[order]
    value_out = units * orders.exit_open[order]
    cost_entry = np.maximum(half_cost * notional, config.min_fee_usd)
    cost_exit = np.maximum(half_cost * value_out, config.min_fee_usd)
    paid, received = notional + cost_entry, value_out - cost_exit
    positions = Positions(
        orders.symbol[order], orders.entry_us[order], orders.exit_us[order], units, paid, received
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
    )


def period_rows(
    clock: MarkClock, positions: Positions, start: pd.Timestamp, end: pd.Timestamp
) -> slice:
    """Marks from the period's start to its end, or to the end of the last exit's bar."""
    last_us = instant_us(end)
    for code in np.unique(positions.symbol):
        last_exit = positions.exit_us[positions.symbol == code].max()
        bar = int(np.searchsorted(clock.bar_start_us[code], last_exit))
        last_us = max(last_us, int(clock.bar_end_us[code][bar]))
    return clock.rows_after(instant_us(start), last_us)


@dataclass
class _Taken:
    """What became of the orders; lists run over the orders taken, but for `status`."""

    status: list[str]
    order: list[int]
    notional: list[float]
    equity_before: list[float]
    binding_cap: list[str]


class _Account:
    """Cash and positions while time moves forward.

    State is per symbol: the position held, and one ordered but not filled yet. A step costs the
    same however many trades there are.
    """

    def __init__(self, orders: Orders, clock: MarkClock, config: ExecutionConfig) -> None:
        n_symbols = len(clock.symbols)
        self.cash = config.initial_capital_usd
        self.equity = self.cash
        self._closes: list[float] = []
        self._clock, self._min_fee = clock, config.min_fee_usd
        self._now = -1
        self._fills: list[tuple[int, int, int, int, float]] = []  # time, kind, symbol, order, flow
        self._held = [-1] * n_symbols
        self._units = [0.0] * n_symbols
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
        self._now = now
        fills = self._fills
        while fills and fills[0][0] < now:
            _, kind, symbol, order, flow = heappop(fills)
            self.cash += flow
            if kind == EXIT:
                self._held[symbol], self._units[symbol] = -1, 0.0
            else:
                self._held[symbol], self._ordered[symbol] = order, -1
                self._units[symbol] = self._order_units.pop(order)
                del self._order_notional[order]
        self._closes = self._clock.closes_known(mark_row)
        value = 0.0
        for symbol, units in enumerate(self._units):
            if units:
                value += units * self._closes[symbol]
        if value != value:
            raise LedgerError(f"bars: no close yet of a position held at {utc_stamp(now)}")
        self.equity = self.cash + value

    def has_left(self, order: int, entry: int) -> bool:
        """The position is gone by the open at `entry`, and one knows so now."""
        return self._exit[order] <= entry and self._exit_known[order] <= self._now

    def is_free(self, symbol: int, entry: int) -> bool:
        """The symbol will hold nothing at the open at `entry`."""
        last = self._last[symbol]
        return last < 0 or self.has_left(last, entry)

    def gross(self, entry: int) -> float:
        """Value now of what will be held beside a position entered at `entry`, USD."""
        total = 0.0
        for symbol, order in enumerate(self._held):
            if order >= 0 and not self.has_left(order, entry):
                total += self._units[symbol] * self._closes[symbol]
            if self._ordered[symbol] >= 0:
                total += self._order_notional[self._ordered[symbol]]
        return total

    def enter(self, order: int, symbol: int, notional: float) -> None:
        """Order the entry, and with it the exit that the label decided."""
        units = notional / self._entry_open[order]
        value_out = units * self._exit_open[order]
        paid = notional + max(self._half_cost[order] * notional, self._min_fee)
        received = value_out - max(self._half_cost[order] * value_out, self._min_fee)
        heappush(self._fills, (self._entry[order], ENTRY, symbol, order, -paid))
        heappush(self._fills, (self._exit[order], EXIT, symbol, order, received))
        self._ordered[symbol] = self._last[symbol] = order
        self._order_units[order], self._order_notional[order] = units, notional


def _decide(orders: Orders, clock: MarkClock, config: ExecutionConfig) -> _Taken:
    """Go through the orders in time and say of each what became of it."""
    account = _Account(orders, clock, config)
    taken = _Taken([], [], [], [], [])
    entry, asked = orders.entry_us.tolist(), (orders.allocation * orders.size_frac).tolist()
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
        if not account.equity > 0.0:
            taken.status.append("no_equity")
            continue
        gross = account.gross(entry[order])
        notional, cap = size_entry(asked[order], account.equity, gross, config.max_gross_frac)
        if notional <= 0.0:
            taken.status.append("gross_cap")
            continue
        account.enter(order, symbol, notional)
        taken.status.append("traded")
        taken.order.append(order)
        taken.notional.append(notional)
        taken.equity_before.append(account.equity)
        taken.binding_cap.append(cap)
    return taken


def _trade_frame(candidates: pd.DataFrame, orders: Orders, fills: Fills) -> pd.DataFrame:
    """Table ``portfolio_trades`` without ``series``."""
    order = fills.order
    columns = ["symbol", "decision_time_utc", "month", "entry_time_utc", "exit_time_utc"]
    source = candidates.iloc[orders.row[order]][columns].reset_index(drop=True)
    return source.assign(
        allocation_frac=orders.allocation[order],
        size_frac=orders.size_frac[order],
        notional_usd=fills.notional_usd,
        units=fills.positions.units,
        entry_open=orders.entry_open[order],
        exit_open=orders.exit_open[order],
        cost_entry_usd=fills.cost_entry_usd,
        cost_exit_usd=fills.cost_exit_usd,
        pnl_usd=fills.pnl_usd,
        net_bps=1e4 * fills.pnl_usd / fills.notional_usd,
        equity_before_usd=fills.equity_before_usd,
        binding_cap=_text(fills.binding_cap),
    )


def _text(values: np.ndarray) -> ExtensionArray:
    """Text as a column, also when there is none."""
    return pd.Series(values, dtype="str").array
