"""Replay: prepare scored events once, then trade them with many settings.

Belongs here: the path from cached scores through gate, size, allocation, risk, ledger and marks to
metrics, on arrays only, for the search and for the sleeves of the allocator. Does not belong here:
the steps of that path, which the portfolio provides, and the search.

A run without the frames' overhead gives the same fills, equity and metrics as
:func:`step3_assets.domain.portfolio.series.run_portfolio`, to the bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

import numpy as np
import pandas as pd

from step3_assets.config import RiskConfig, Step3Config
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months, month_start
from step3_assets.domain.decisions.decide import DecisionSettings, decide
from step3_assets.domain.execution.candidates import Orders, gated_candidates, prepare_orders
from step3_assets.domain.execution.ledger import Fills, fill_orders, period_rows
from step3_assets.domain.execution.marking import EquityCurve, MarkClock, mark_equity
from step3_assets.domain.portfolio.allocation import SessionReturns, allocate, share_matrix
from step3_assets.domain.portfolio.metrics import (
    cagr,
    calmar,
    max_drawdown,
    require_calendar,
    sharpe,
)
from step3_assets.domain.risk.schedule import RiskSchedule

_DECIDED_ON = ["cost_rt", "tp_to_cost", "entry_overnight", "sigma"]


@dataclass(frozen=True)
class Outcome:
    """The result of one run.

    Attributes
    ----------
    cagr, max_drawdown_frac, calmar, sharpe, net_bps_mean, turnover, end_equity_usd : float
        As in table ``portfolio``; ``turnover`` is value traded over starting capital.
        ``net_bps_mean`` and ``sharpe`` are NaN without trades.
    n_trades : int
    month_return_frac, month_max_drawdown_frac : ndarray, shape (n_months,)
        Each calendar month of the account, the drawdown within the month.
    month_n_trades : ndarray of int, shape (n_months,)
    month_calmar : ndarray, shape (n_months,)
        The month's return annualised over its drawdown, at least 1 %; 0 without a trade.
    fills : Fills
    curve : EquityCurve
    """

    end_equity_usd: float
    cagr: float
    max_drawdown_frac: float
    calmar: float
    sharpe: float
    n_trades: int
    net_bps_mean: float
    turnover: float
    month_return_frac: np.ndarray
    month_max_drawdown_frac: np.ndarray
    month_n_trades: np.ndarray
    month_calmar: np.ndarray
    fills: Fills = field(repr=False)
    curve: EquityCurve = field(repr=False)


@dataclass(frozen=True)
class Replay:
    """Scored events of consecutive months, on one clock.

    Attributes
    ----------
    months : tuple of date
    clock : MarkClock
    orders : Orders
        Every scored event, in time order, gated or not.
    known : DataFrame
        Inputs of gate and sizing for each order, besides the scores.
    ev_final, q10, q90 : ndarray
        Of each order, log return.
    month_of : ndarray of int
        Position in ``months`` of each order.
    """

    months: tuple[date, ...]
    clock: MarkClock
    orders: Orders
    known: pd.DataFrame
    ev_final: np.ndarray
    q10: np.ndarray
    q90: np.ndarray
    month_of: np.ndarray
    _edges_us: np.ndarray
    _weights: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_tables(
        cls,
        scores: pd.DataFrame,
        events: pd.DataFrame,
        bars: pd.DataFrame | MarkClock,
        months: Sequence[date],
    ) -> "Replay":
        """Prepare the scored events of `months`; rows of other months are left out.

        Parameters
        ----------
        scores : DataFrame
            ``month``, ``symbol``, ``decision_time_utc``, ``ev_final``, ``q10``, ``q90`` of table
            ``scores``, or out-of-fold predictions in the same columns.
        events : DataFrame
            Table ``events``; only the scored rows are used.
        bars : DataFrame or MarkClock
            Of the months and of the one after, for the exits; earlier ones serve the allocation.
        months : sequence of date
            Every calendar month, in order.

        Raises
        ------
        LedgerError
            As :func:`step3_assets.domain.execution.candidates.prepare_orders`.
        """
        months = tuple(require_calendar(months))
        clock = bars if isinstance(bars, MarkClock) else MarkClock.from_bars(bars)
        rows = scores[scores["month"].isin(months)]
        candidates = gated_candidates(rows.assign(is_gated=True, size_frac=1.0), events)
        edges = [month_start(m) for m in (*months, add_months(months[-1], 1))]
        whole = dict.fromkeys(clock.symbols, 1.0)
        orders = prepare_orders(candidates, clock, edges[0], edges[-1], whole)
        in_order = candidates.iloc[orders.row]
        known = in_order[EVENT_KEY].merge(
            events[[*EVENT_KEY, *[c for c in _DECIDED_ON if c in events]]], on=EVENT_KEY, how="left"
        )
        forecasts = in_order[EVENT_KEY].merge(
            rows[[*EVENT_KEY, "ev_final", "q10", "q90"]], on=EVENT_KEY, how="left"
        )
        place = {month: at for at, month in enumerate(months)}
        ev_final, q10, q90 = (
            forecasts[name].to_numpy(dtype="float64") for name in ("ev_final", "q10", "q90")
        )
        return cls(
            months=months,
            clock=clock,
            orders=orders,
            known=known,
            ev_final=ev_final,
            q10=q10,
            q90=q90,
            month_of=in_order["month"].map(place).to_numpy(dtype="int64"),
            _edges_us=np.array([instant_us(edge) for edge in edges]),
        )

    def run(
        self,
        config: Step3Config,
        *,
        ev_final: np.ndarray | None = None,
        first: int = 0,
        last: int | None = None,
        settings: Mapping[date, Step3Config] | None = None,
    ) -> Outcome:
        """Gate, size, allocate, trade and measure.

        Parameters
        ----------
        config : Step3Config
            Its ``gate``, ``sizing``, ``execution``, ``risk`` and ``allocation`` are used.
        ev_final : ndarray, optional
            Of each order, in place of the scores' own: a blend that is tried.
        first, last : int
            Positions of the first and last month; a single month starts without positions.
            Allocation is that of the whole replay.
        settings : mapping of date to Step3Config, optional
            Of the months that do not use `config`; capital and gross cap are `config`'s.
        """
        last = len(self.months) - 1 if last is None else last
        ev = self.ev_final if ev_final is None else ev_final
        by_month = [(settings or {}).get(month, config) for month in self.months]
        is_gated, sizes = self._decided(ev, by_month)
        weights = self._shares(is_gated, sizes, by_month, config)
        rows = np.flatnonzero(is_gated & (self.month_of >= first) & (self.month_of <= last))
        share = weights[self.month_of[rows], self.orders.symbol[rows]]
        orders = self.orders.take(rows, share, sizes[rows])
        limits = {m: chosen.risk for m, chosen in zip(self.months, by_month, strict=True)}
        rules = RiskSchedule.by_month(config.risk, self.months[first : last + 1], limits)
        fills = fill_orders(orders, self.clock, config.execution, rules)
        curve = self._marked(fills, config.execution.initial_capital_usd, first, last)
        traded_in = self.month_of[rows[fills.order]] - first
        return self._measured(fills, curve, traded_in, config, first, last)

    def _marked(self, fills: Fills, capital: float, first: int, last: int) -> EquityCurve:
        edges = self._edges_us[[first, last + 1]].tolist()
        rows = period_rows(self.clock, fills.positions, *edges)
        return mark_equity(fills.positions, self.clock, rows, capital)

    def _decided(
        self, ev: np.ndarray, by_month: Sequence[Step3Config]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gate and size of every order by the settings of its month."""
        is_gated, sizes = np.zeros(len(ev), dtype=bool), np.zeros(len(ev))
        groups: dict[int, tuple[Step3Config, list[int]]] = {}
        for place, month_config in enumerate(by_month):
            groups.setdefault(id(month_config), (month_config, []))[1].append(place)
        for month_config, places in groups.values():
            rows = slice(None) if len(groups) == 1 else np.isin(self.month_of, places)
            known, q10, q90 = self.known[rows], self.q10[rows], self.q90[rows]
            decisions = decide(known, ev[rows], q10, q90, DecisionSettings.of(month_config))
            is_gated[rows], sizes[rows] = decisions.is_gated, decisions.sizes.size_frac
        return is_gated, sizes

    def _shares(
        self,
        is_gated: np.ndarray,
        sizes: np.ndarray,
        by_month: Sequence[Step3Config],
        config: Step3Config,
    ) -> np.ndarray:
        """Shares by month and symbol; cached, because most trials share them."""
        methods = {m: chosen.allocation for m, chosen in zip(self.months, by_month, strict=True)}
        distinct = {id(method): method for method in methods.values()}
        names = {key: method.content_hash() for key, method in distinct.items()}
        key = names[id(methods[self.months[0]])]
        if len(distinct) > 1:
            key = ",".join(names[id(method)] for method in methods.values())
        needs_sleeves = any(method.method == "calmar" for method in distinct.values())
        if needs_sleeves:
            asked = np.where(is_gated, sizes, 0.0)
            key += f"{config.execution.content_hash()}{sha256(asked.tobytes()).hexdigest()}"
        if key not in self._weights:
            sleeves = self._sleeves(is_gated, sizes, config) if needs_sleeves else None
            shares = allocate(self.clock, self.months, methods, sleeves)
            self._weights[key] = share_matrix(shares, self.months, self.clock.symbols)
        return self._weights[key]

    def _sleeves(
        self, is_gated: np.ndarray, sizes: np.ndarray, config: Step3Config
    ) -> SessionReturns:
        """Each symbol's decisions on a separate account without rules."""
        capital, last = config.execution.initial_capital_usd, len(self.months) - 1
        period = np.searchsorted(self.clock.stamp_us, self._edges_us[[0, -1]], side="right")
        equity = {}
        for code, symbol in enumerate(self.clock.symbols):
            rows = np.flatnonzero(is_gated & (self.orders.symbol == code))
            orders = self.orders.take(rows, np.ones(len(rows)), sizes[rows])
            fills = fill_orders(orders, self.clock, config.execution, RiskConfig.off())
            curve = self._marked(fills, capital, 0, last)
            equity[symbol] = curve.equity_usd[: period[1] - period[0]]
        return SessionReturns.of_sleeves(self.clock, slice(*period.tolist()), equity, capital)

    def _measured(
        self,
        fills: Fills,
        curve: EquityCurve,
        traded_in: np.ndarray,
        config: Step3Config,
        first: int,
        last: int,
    ) -> Outcome:
        capital, n_months = config.execution.initial_capital_usd, last - first + 1
        equity, stamps = curve.equity_usd, curve.bar_end_us
        end = float(equity[-1]) if len(equity) else capital
        inner = np.searchsorted(stamps, self._edges_us[first + 1 : last + 1], side="right")
        edges = [0, *inner.tolist(), len(equity)]
        gained, fell, before = np.zeros(n_months), np.zeros(n_months), capital
        for month in range(n_months):
            marks = equity[edges[month] : edges[month + 1]]
            after = float(marks[-1]) if len(marks) else before
            gained[month] = after / before - 1.0 if before > 0.0 else 0.0
            fell[month] = max_drawdown(marks, before)
            before = after
        counts = np.bincount(traded_in, minlength=n_months)
        scored = [
            calmar(cagr(1.0, 1.0 + gain, 1), fall) if count else 0.0
            for gain, fall, count in zip(gained, fell, counts, strict=True)
        ]
        growth, drawdown = cagr(capital, end, n_months), max_drawdown(equity, capital)
        closing = equity[np.searchsorted(stamps, self._session_stamps(stamps))]
        returns = closing / np.concatenate([[capital], closing[:-1]]) - 1.0
        n_trades = len(fills.order)
        traded = fills.notional_usd + fills.positions.units * fills.exit_open
        net_bps = 1e4 * fills.pnl_usd / fills.notional_usd
        return Outcome(
            end_equity_usd=end,
            cagr=growth,
            max_drawdown_frac=drawdown,
            calmar=calmar(growth, drawdown),
            sharpe=sharpe(returns),
            n_trades=n_trades,
            net_bps_mean=float(np.mean(net_bps)) if n_trades else float("nan"),
            turnover=float(traded.sum()) / capital,
            month_return_frac=gained,
            month_max_drawdown_frac=fell,
            month_n_trades=counts,
            month_calmar=np.array(scored),
            fills=fills,
            curve=curve,
        )

    def _session_stamps(self, stamps: np.ndarray) -> np.ndarray:
        """Last mark of every session among the stamps; the last stamp ends a session cut short."""
        ends = self.clock.stamp_us[self.clock.session_ends]
        inside = ends[(ends >= stamps[:1].sum()) & (ends <= stamps[-1:].sum())]
        if len(stamps) and (not len(inside) or inside[-1] != stamps[-1]):
            inside = np.append(inside, stamps[-1])
        return inside
