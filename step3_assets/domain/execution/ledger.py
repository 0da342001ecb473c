"""The ledger: the one path that turns gated candidates into fills, trades and equity.

Belongs here: one capital account over all symbols, from candidates to result frames. Does not
belong here: checks of the input (:mod:`.candidates`), the status of each order
(:mod:`.decisions`), cash and positions (:mod:`.account`), values at bar closes (:mod:`.marking`),
the rules (:mod:`step3_assets.domain.risk`), metrics.

Order of events at one instant ``t``, the end of a decision bar: fills before ``t`` have happened;
equity is marked at the closes known at ``t``; the stops see it; candidates are decided in symbol
order; their entries, and exits at the next open, fill later.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from step3_assets.config import ExecutionConfig, RiskConfig
from step3_assets.domain.core.instants import instant_us, utc_index
from step3_assets.domain.core.keys import ALL_SYMBOLS, EVENT_KEY
from step3_assets.domain.execution.candidates import Allocation, Orders, prepare_orders
from step3_assets.domain.execution.decisions import Taken, decide_orders
from step3_assets.domain.execution.marking import MarkClock, Positions, mark_equity
from step3_assets.domain.risk.engine import RiskEvent
from step3_assets.domain.risk.schedule import RiskSchedule
from step3_assets.plugins.sizing_method import SIZING_COLUMNS


@dataclass(frozen=True)
class LedgerResult:
    """Trades, decisions and equity of one account.

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
        The trades as arrays; absent if the frames come from storage.
    risk_events : DataFrame, optional
        Table ``risk_events`` without ``series``; absent if the frames come from storage.
    """

    trades: pd.DataFrame
    decisions: pd.DataFrame
    equity: pd.DataFrame
    positions: Positions | None = None
    risk_events: pd.DataFrame | None = None


@dataclass(frozen=True, kw_only=True)
class AccountTerms:
    """What one account trades under.

    Parameters
    ----------
    start, end : Timestamp
        The period, UTC: decisions lie in [start, end). Trades still open at `end` are marked on
        to their exits.
    allocation : mapping
        Share of equity by symbol, or by month and symbol.
    config : ExecutionConfig
    risk : RiskConfig or RiskSchedule, optional
        A schedule changes the rules' limits with time, not their state. None means no rule except
        the gross cap.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    allocation: Allocation
    config: ExecutionConfig
    risk: RiskConfig | RiskSchedule | None = None


def simulate(
    candidates: pd.DataFrame, bars: pd.DataFrame | MarkClock, **terms: Any
) -> LedgerResult:
    """As :func:`trade`, with the fields of :class:`AccountTerms` as keywords."""
    return trade(candidates, bars, AccountTerms(**terms))


def trade(
    candidates: pd.DataFrame, bars: pd.DataFrame | MarkClock, terms: AccountTerms
) -> LedgerResult:
    """Trade the candidates on one capital account and mark it at every bar close.

    Parameters
    ----------
    candidates : DataFrame
        Columns :data:`.candidates.CANDIDATE_COLUMNS`: events that the gate let through, in any row
        order.
    bars : DataFrame or MarkClock
        Bars of every symbol from the period's first to the last exit's; further bars do not matter.
        Build the clock once to simulate often on the same bars.
    terms : AccountTerms

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
    nothing that becomes known after its instant, so rows after any time T do not change fills and
    equity up to T, to the bit. An exit that a stop forces at a bar's close fills at the open
    of that symbol's next bar, at the same half of ``cost_rt``.
    """
    clock = bars if isinstance(bars, MarkClock) else MarkClock.from_bars(bars)
    config = terms.config
    orders = prepare_orders(candidates, clock, terms.start, terms.end, terms.allocation)
    fills = fill_orders(orders, clock, config, terms.risk)
    rows = period_rows(clock, fills.positions, instant_us(terms.start), instant_us(terms.end))
    decisions = candidates.iloc[orders.row][[*EVENT_KEY, "month"]]
    return LedgerResult(
        trades=_trade_frame(candidates, orders, fills),
        decisions=decisions.assign(status=_text(fills.status)).reset_index(drop=True),
        equity=mark_equity(fills.positions, clock, rows, config.initial_capital_usd).frame(),
        positions=fills.positions,
        risk_events=_event_frame(candidates, orders, clock, fills.risk_events),
    )


@dataclass(frozen=True)
class Fills:
    """The status of every order and the fills, as arrays.

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
    orders: Orders,
    clock: MarkClock,
    config: ExecutionConfig,
    risk: RiskConfig | RiskSchedule | None = None,
) -> Fills:
    """Run the account over prepared orders; see :func:`trade`.

    Costs and cash flows are computed twice with the same arithmetic: by the account step by step,
    and here over all trades. The two are equal to the bit.
    """
    taken = decide_orders(orders, clock, config, risk or RiskConfig.off())
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
        symbol=orders.symbol[order],
        entry_us=orders.entry_us[order],
        exit_us=exit_us,
        units=units,
        paid_usd=paid,
        received_usd=received,
    )
    return Fills(
        status=np.array(taken.status, dtype=object),
        order=order,
        positions=positions,
        notional_usd=notional,
        cost_entry_usd=cost_entry,
        cost_exit_usd=cost_exit,
        pnl_usd=received - paid,
        equity_before_usd=np.array(taken.equity_before, dtype="float64"),
        binding_cap=np.array(taken.binding_cap, dtype=object),
        exit_open=exit_open,
        exit_rule=exit_rule,
        risk_events=taken.risk_events,
    )


def _exits(
    orders: Orders, order: np.ndarray, taken: Taken
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


def _trade_frame(candidates: pd.DataFrame, orders: Orders, fills: Fills) -> pd.DataFrame:
    """Table ``portfolio_trades`` without ``series``."""
    order = fills.order
    columns = [*EVENT_KEY, "month", "entry_time_utc"]
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
    """A sizing input of decisions that have none."""
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
    """A text column, also for no rows."""
    return pd.Series(values, dtype="str").array
