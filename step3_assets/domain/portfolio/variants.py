"""Variants: the account through all months, also with higher costs and with other allocations.

Belongs here: running decisions on an account with its allocation and rules, the tables that vary
one thing at a time. Does not belong here: which series a portfolio shows
(:mod:`step3_assets.domain.portfolio.series`), the simulation, the verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from step3_assets.catalogue.portfolio import ALLOCATION_COMPARISON, ALLOCATION_WEIGHTS, COST_STRESS
from step3_assets.config import AllocationConfig, RiskConfig, Step3Config
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.months import add_months, month_start
from step3_assets.domain.decisions.cost_stress import stress_events, stress_scores
from step3_assets.domain.decisions.decide import DecisionSettings
from step3_assets.domain.execution.candidates import gated_candidates
from step3_assets.domain.execution.ledger import AccountTerms, LedgerResult, trade
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.portfolio.allocation import (
    METHODS,
    SessionReturns,
    Shares,
    allocate,
    weight_turnover,
)
from step3_assets.domain.portfolio.metrics import summarise
from step3_assets.domain.risk.schedule import RiskSchedule

SEARCHED = "searched"
"""Name of the allocation whose method the search chose epoch by epoch."""


@dataclass(frozen=True)
class Period:
    """The calendar months of an account, its clock, and the settings that a search chose.

    The account runs through all months. Settings of a month change the limits of its rules and its
    shares from the first instant of the month on. Peak, pauses, turnover, weights and positions
    continue.
    """

    months: Sequence[date]
    clock: MarkClock
    settings: Mapping[date, Step3Config] = field(default_factory=dict)

    @classmethod
    def of_bars(
        cls,
        months: Sequence[date],
        bars: pd.DataFrame,
        settings: Mapping[date, Step3Config] | None = None,
    ) -> "Period":
        """The months, marked on the clock of `bars`; see :meth:`MarkClock.from_bars`."""
        return cls(months=months, clock=MarkClock.from_bars(bars), settings=settings or {})

    def rules(self, config: Step3Config) -> RiskSchedule:
        """The limits of each month: searched ones, else those of `config`."""
        searched = {month: month_config.risk for month, month_config in self.settings.items()}
        return RiskSchedule.by_month(config.risk, self.months, searched)

    def allocation(self, config: Step3Config) -> dict[date, AllocationConfig]:
        """The allocation settings of each month."""
        return {m: self.settings.get(m, config).allocation for m in self.months}

    @property
    def start(self) -> pd.Timestamp:
        """First instant."""
        return month_start(self.months[0])

    @property
    def end(self) -> pd.Timestamp:
        """First instant after."""
        return month_start(add_months(self.months[-1], 1))


def run_account(
    decisions: pd.DataFrame,
    events: pd.DataFrame,
    period: Period,
    config: Step3Config,
    shares: Shares | None = None,
) -> LedgerResult:
    """Trade the gated decisions on one account, under each month's shares and rules.

    Parameters
    ----------
    decisions, events : DataFrame
        See :func:`step3_assets.domain.execution.candidates.gated_candidates`.
    period : Period
    config : Step3Config
    shares : dict of month to dict of symbol to share, optional
        Shares to use instead of those of the settings.
    """
    candidates = gated_candidates(decisions, events)
    terms = AccountTerms(
        start=period.start,
        end=period.end,
        allocation=shares or shares_of(candidates, period, config, period.allocation(config)),
        config=config.execution,
        risk=period.rules(config),
    )
    return trade(candidates, period.clock, terms)


def shares_of(
    candidates: pd.DataFrame,
    period: Period,
    config: Step3Config,
    allocation: Mapping[date, AllocationConfig],
) -> Shares:
    """Shares by month: see :func:`step3_assets.domain.portfolio.allocation.allocate`."""
    sleeves = None
    if any(month_config.method == "calmar" for month_config in allocation.values()):
        sleeves = sleeve_returns(candidates, period, config)
    return allocate(period.clock, period.months, allocation, sleeves)


def sleeve_returns(candidates: pd.DataFrame, period: Period, config: Step3Config) -> SessionReturns:
    """Session returns of each symbol's candidates on a separate account without rules."""
    first, last = instant_us(period.start), instant_us(period.end)
    rows = period.clock.rows_after(first, last)
    equity = {}
    for symbol in period.clock.symbols:
        terms = AccountTerms(
            start=period.start,
            end=period.end,
            allocation={symbol: 1.0},
            config=config.execution,
            risk=RiskConfig.off(),
        )
        alone = trade(candidates[candidates["symbol"] == symbol], period.clock, terms)
        equity[symbol] = alone.equity["equity_usd"].to_numpy()[: rows.stop - rows.start]
    capital = config.execution.initial_capital_usd
    return SessionReturns.of_sleeves(period.clock, rows, equity, capital)


def stressed_decisions(
    scores: pd.DataFrame,
    events: pd.DataFrame,
    factor: float,
    config: Step3Config,
    settings: Mapping[date, Step3Config] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events with costs times `factor`, and scores decided again with each month's settings."""
    by_month = settings or {}
    groups: dict[str, tuple[Step3Config, list[date]]] = {}
    for month in dict.fromkeys(scores["month"]):
        month_config = by_month.get(month, config)
        groups.setdefault(month_config.content_hash(), (month_config, []))[1].append(month)
    parts = []
    for month_config, months in groups.values():
        rows = scores if len(groups) == 1 else scores[scores["month"].isin(months)]
        parts.append(stress_scores(rows, events, factor, DecisionSettings.of(month_config)))
    if not parts:
        parts = [stress_scores(scores, events, factor, DecisionSettings(config.gate))]
    stressed = parts[0] if len(parts) == 1 else pd.concat(parts).loc[scores.index]
    return stressed, stress_events(events, factor)


def cost_stress(
    scores: pd.DataFrame, events: pd.DataFrame, period: Period, config: Step3Config
) -> pd.DataFrame:
    """Table ``cost_stress``: costs as modelled, at the factor of acceptance and at further ones."""
    limits = config.acceptance
    rows = []
    for factor in sorted({1.0, limits.cost_stress_factor, *limits.cost_stress_shown}):
        decisions, priced = scores, events
        if factor != 1.0:
            decisions, priced = stressed_decisions(scores, events, factor, config, period.settings)
        ledger = run_account(decisions, priced, period, config)
        metrics = _metrics(ledger, period, config)
        n_gated = int(decisions["is_gated"].astype(bool).sum())
        rows.append({"factor": factor, "n_gated": n_gated, **metrics})
    return pd.DataFrame(rows)[COST_STRESS.names]


def allocation_tables(
    scores: pd.DataFrame, events: pd.DataFrame, period: Period, config: Step3Config
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables ``allocation_comparison`` and ``allocation_weights``: every method, side by side.

    If the search chose different methods for months, their mixture is added as :data:`SEARCHED`.
    """
    candidates = gated_candidates(scores, events)
    in_use = period.allocation(config)
    used = {month_config.method for month_config in in_use.values()}
    used_name = used.pop() if len(used) == 1 else SEARCHED
    compared, weights = [], []
    for method in METHODS if used_name in METHODS else (*METHODS, SEARCHED):
        allocation = in_use
        if method != SEARCHED:
            changed = config.allocation.model_copy(update={"method": method})
            allocation = dict.fromkeys(period.months, changed)
        shares = shares_of(candidates, period, config, allocation)
        ledger = run_account(scores, events, period, config, shares)
        compared.append(
            {
                "method": method,
                "is_used": method == used_name,
                "weight_turnover_frac": weight_turnover(shares),
                **_metrics(ledger, period, config),
            }
        )
        weights += [
            (method, month, symbol, share)
            for month, of_month in shares.items()
            for symbol, share in of_month.items()
        ]
    return (
        pd.DataFrame(compared)[ALLOCATION_COMPARISON.names],
        pd.DataFrame(weights, columns=ALLOCATION_WEIGHTS.names),
    )


def _metrics(ledger: LedgerResult, period: Period, config: Step3Config) -> dict[str, object]:
    capital = config.execution.initial_capital_usd
    return summarise(ledger.equity, ledger.trades, period.months, capital)
