"""Portfolio: one account through all months, and the series that it is compared with.

Belongs here: which series are run, combining their frames, their notes. Does not belong here: the
simulation, the formulas of metrics and reference lines, the verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.catalogue.column import Table
from step3_assets.catalogue.portfolio import (
    PORTFOLIO,
    PORTFOLIO_DECISIONS,
    PORTFOLIO_EQUITY,
    PORTFOLIO_MONTHS,
    PORTFOLIO_TRADES,
    RISK_EVENTS,
)
from step3_assets.config import Step3Config
from step3_assets.domain.execution.ledger import LedgerResult
from step3_assets.domain.execution.reconcile import reconcile
from step3_assets.domain.portfolio import reference_lines
from step3_assets.domain.portfolio.metrics import monthly_table, require_calendar, summarise
from step3_assets.domain.portfolio.reference_lines import BUY_AND_HOLD, PUBLISHED, ReferenceLine
from step3_assets.domain.portfolio.variants import (
    Period,
    allocation_tables,
    cost_stress,
    run_account,
    stressed_decisions,
)

PLATFORM = "platform"
MOCK = "mock_baseline"

_NOTES = {
    PLATFORM: "Out of sample, marked at every bar close.",
    MOCK: "Ridge and tuned thresholds on the same folds, marked at every bar close.",
}


@dataclass(frozen=True)
class PortfolioResult:
    """Rows of the portfolio tables for every series.

    Attributes
    ----------
    summary, trades, decisions, equity, months, risk_events : DataFrame
        Tables ``portfolio``, ``portfolio_trades``, ``portfolio_decisions``,
        ``portfolio_equity``, ``portfolio_months`` and ``risk_events``.
    cost_stress, allocation_comparison, allocation_weights : DataFrame
        The tables of these names, for the platform.
    """

    summary: pd.DataFrame
    trades: pd.DataFrame
    decisions: pd.DataFrame
    equity: pd.DataFrame
    months: pd.DataFrame
    risk_events: pd.DataFrame
    cost_stress: pd.DataFrame
    allocation_comparison: pd.DataFrame
    allocation_weights: pd.DataFrame


RESULT_TABLES = {
    "portfolio": "summary",
    "portfolio_trades": "trades",
    "portfolio_decisions": "decisions",
    "portfolio_equity": "equity",
    "portfolio_months": "months",
    "risk_events": "risk_events",
    "cost_stress": "cost_stress",
    "allocation_comparison": "allocation_comparison",
    "allocation_weights": "allocation_weights",
}
"""Attribute of a result by the table that holds it, in the order of its fields."""


def stress_series(factor: float) -> str:
    """Name of the platform's series under costs times `factor`.

    Examples
    --------
    >>> stress_series(1.25)
    'platform_costs_x1.25'
    """
    return f"{PLATFORM}_costs_x{factor:g}"


def run_portfolio(
    decisions_by_series: Mapping[str, pd.DataFrame],
    events: pd.DataFrame,
    period: Period,
    config: Step3Config,
    published_baseline: Mapping[str, Any] | None = None,
) -> PortfolioResult:
    """Run every series through all months on the same clock and capital.

    Parameters
    ----------
    decisions_by_series : mapping of str to DataFrame
        ``platform``: table ``scores``. Others, ``mock_baseline`` for one: any frame with ``month``,
        ``symbol``, ``decision_time_utc``, ``is_gated``, ``size_frac``.
    events : DataFrame
        Table ``events`` of the months.
    period : Period
        Every calendar month, in order. Its clock also needs the bars of the month after, as far as
        the trades that are open at the end need them. Its settings, those that a search chose,
        apply to the platform alone: its risk limits and shares, and its gate and sizes where they
        are decided again under stressed costs. Every other series uses `config`, so that what the
        platform is compared with does not change with the search.
    config : Step3Config
    published_baseline : mapping, optional
        The published baseline's summary file; without it there is no such line.

    Returns
    -------
    PortfolioResult
        Series: those given; ``platform_costs_x1.25``, the platform decided again under stressed
        costs; ``published_baseline``; ``buy_and_hold:SYMBOL``. The trades of the last month are
        marked on to their exits, which are counted in that month.

    Raises
    ------
    ValueError
        If a month is missing, there is no ``platform``, or decisions lie outside the months.
    LedgerError
        If a gated decision has no event, or a bar that is needed is missing.
    """
    months, clock = period.months, period.clock
    require_calendar(months)
    if PLATFORM not in decisions_by_series:
        raise ValueError(f"portfolio: no series {PLATFORM!r}, only {sorted(decisions_by_series)}")
    scores = decisions_by_series[PLATFORM]
    factor = config.acceptance.cost_stress_factor
    runs = [(name, decisions, events) for name, decisions in decisions_by_series.items()]
    stressed = stressed_decisions(scores, events, factor, config, period.settings)
    runs.append((stress_series(factor), *stressed))
    parts = []
    for series, decisions, priced in runs:
        _require_within(series, decisions, months)
        is_ours = series in (PLATFORM, stress_series(factor))
        used_period = period if is_ours else replace(period, settings={})
        ledger = run_account(decisions, priced, used_period, config)
        parts.append(_series_frames(series, ledger, months, config, factor))
    capital = config.execution.initial_capital_usd
    lines = []
    if published_baseline:
        lines.append(reference_lines.published_baseline(published_baseline, months, capital))
    for symbol in clock.symbols:
        cost_rt = _cost_of(symbol, events)
        lines.append(reference_lines.buy_and_hold(symbol, clock, months, capital, cost_rt))
    parts += [_line_frames(line) for line in lines if line is not None]
    compared, weights = allocation_tables(scores, events, period, config)
    return _assembled(
        parts,
        cost_stress=cost_stress(scores, events, period, config),
        allocation_comparison=compared,
        allocation_weights=weights,
    )


def reconcile_portfolio(
    result: PortfolioResult, config: Step3Config, bars: pd.DataFrame | None = None
) -> list[str]:
    """Every disagreement within the ledgers of a portfolio; each sentence begins with its series.

    Parameters
    ----------
    result : PortfolioResult
        As computed, or made from the stored tables.
    config : Step3Config
    bars : DataFrame, optional
        See :func:`step3_assets.domain.execution.reconcile.reconcile`.
    """
    problems = []
    ran = [s for s in result.summary["series"] if s not in _reference_series(result)]
    for series in ran:
        trades, decisions, equity, risk_events = (
            frame[frame["series"] == series].reset_index(drop=True)
            for frame in (result.trades, result.decisions, result.equity, result.risk_events)
        )
        curve = equity.sort_values("bar_end_utc")
        ledger = LedgerResult(trades, decisions, curve, risk_events=risk_events)
        problems += [f"{series}: {p}" for p in reconcile(ledger, config.execution, bars)]
        total = float(result.months.loc[result.months["series"] == series, "pnl_usd"].sum())
        pnl = float(trades["pnl_usd"].sum())
        if not abs(total - pnl) <= 1e-12 * max(config.execution.initial_capital_usd, abs(total)):
            problems.append(f"{series}: the months gained {total!r} USD, the trades {pnl!r}")
    return problems


def _reference_series(result: PortfolioResult) -> set[str]:
    """Series without a ledger."""
    return {s for s in result.summary["series"] if s == PUBLISHED or s.startswith(BUY_AND_HOLD)}


def _require_within(series: str, decisions: pd.DataFrame, months: Sequence[date]) -> None:
    outside = sorted(set(decisions["month"]) - set(months))
    if outside:
        named = ", ".join(f"{m:%Y-%m}" for m in outside[:6])
        raise ValueError(f"portfolio: {series} holds decisions of other months: {named}")


def _cost_of(symbol: str, events: pd.DataFrame) -> float:
    """The symbol's median modelled round trip; 0 where it has no event."""
    costs = events.loc[events["symbol"] == symbol, "cost_rt"]
    return float(costs.median()) if len(costs) else 0.0


def _series_frames(
    series: str, ledger: LedgerResult, months: Sequence[date], config: Step3Config, factor: float
) -> dict[str, pd.DataFrame]:
    """The rows of one simulated series."""
    capital = config.execution.initial_capital_usd
    note = _NOTES.get(series, "Marked at every bar close.")
    if series == stress_series(factor):
        note = f"The platform decided again under costs times {factor:g}."
    n_waiting = int((ledger.decisions["status"] == "not_final").sum())
    if n_waiting:
        note += f" {n_waiting} gated event(s) left out: their labels are not final."
    metrics = summarise(ledger.equity, ledger.trades, months, capital)
    table = monthly_table(ledger.equity, ledger.trades, months, capital)
    assert ledger.risk_events is not None
    return {
        PORTFOLIO.name: pd.DataFrame([{"series": series, **metrics, "note": note}]),
        RISK_EVENTS.name: ledger.risk_events.assign(series=series),
        PORTFOLIO_TRADES.name: ledger.trades.assign(series=series),
        PORTFOLIO_DECISIONS.name: ledger.decisions.assign(series=series),
        PORTFOLIO_EQUITY.name: ledger.equity.assign(series=series),
        PORTFOLIO_MONTHS.name: table.assign(series=series),
    }


def _line_frames(line: ReferenceLine) -> dict[str, pd.DataFrame]:
    """The rows of one reference line, which has no ledger."""
    return {
        PORTFOLIO.name: pd.DataFrame([{"series": line.series, **line.summary}]),
        PORTFOLIO_EQUITY.name: line.equity.assign(series=line.series),
        PORTFOLIO_MONTHS.name: line.months.assign(series=line.series),
    }


def _assembled(
    parts: Sequence[Mapping[str, pd.DataFrame]], **variants: pd.DataFrame
) -> PortfolioResult:
    """The rows of all parts, in catalogue columns, beside the tables of the variants."""

    def stacked(table: Table) -> pd.DataFrame:
        rows = [part[table.name][table.names] for part in parts if table.name in part]
        filled = [frame for frame in rows if len(frame)]
        return pd.concat(filled or rows[:1], ignore_index=True)

    return PortfolioResult(
        summary=stacked(PORTFOLIO),
        trades=stacked(PORTFOLIO_TRADES),
        decisions=stacked(PORTFOLIO_DECISIONS),
        equity=stacked(PORTFOLIO_EQUITY),
        months=stacked(PORTFOLIO_MONTHS),
        risk_events=stacked(RISK_EVENTS),
        **variants,
    )


def portfolio_frames(result: PortfolioResult) -> dict[str, pd.DataFrame]:
    """The result by table name."""
    return {name: getattr(result, attribute) for name, attribute in RESULT_TABLES.items()}
