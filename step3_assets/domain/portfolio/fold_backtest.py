"""Fold backtest: one test month alone, starting without positions.

Belongs here: cutting the month's decisions and bars, one simulation, the rows of the month, for
each symbol and for all together. Does not belong here: the simulation
(:mod:`step3_assets.domain.execution`), the account that runs through all months
(:mod:`step3_assets.domain.portfolio.series`).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.portfolio import FOLD_BACKTESTS, FOLD_TRADES
from step3_assets.config import Step3Config
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.keys import ALL_SYMBOLS
from step3_assets.domain.core.months import add_months, month_start
from step3_assets.domain.decisions.outcomes import with_outcomes
from step3_assets.domain.execution.candidates import EVENT_COLUMNS, gated_candidates
from step3_assets.domain.execution.ledger import AccountTerms, LedgerResult, trade
from step3_assets.domain.execution.marking import MarkClock, mark_equity
from step3_assets.domain.models.probability_scores import brier
from step3_assets.domain.portfolio.allocation import equal_weight
from step3_assets.domain.portfolio.metrics import (
    cagr,
    calmar,
    max_drawdown,
    mean_exposure,
    trade_quality,
    traded_value_usd,
)


@dataclass(frozen=True)
class FoldBacktest:
    """The result of one test month.

    Attributes
    ----------
    summary : DataFrame
        Rows of table ``fold_backtests``: each symbol, then ALL.
    trades : DataFrame
        Rows of table ``fold_trades``: the trades of the one account.
    equity : DataFrame
        Columns of ``portfolio_equity`` without ``series``; through the last exit.
    ledger : LedgerResult
        The same account as the simulator returned it, for reconciliation.
    """

    summary: pd.DataFrame
    trades: pd.DataFrame
    equity: pd.DataFrame
    ledger: LedgerResult


def backtest_fold(
    scores: pd.DataFrame,
    events: pd.DataFrame,
    bars: pd.DataFrame,
    month: date,
    config: Step3Config,
    *,
    base_rate: float | None = None,
) -> FoldBacktest:
    """Trade one test month, starting without positions, on one account over all symbols.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``; rows of other months are ignored.
    events, bars : DataFrame
        Tables ``events`` and ``bar_features``: at least the month, and of the bars as much of the
        next month as the open trades need. Anything after the last exit does not matter.
    month : date
        The test month.
    config : Step3Config
    base_rate : float, optional
        Share of winners among the fold's training labels, for ``brier_base``; null without it.

    Returns
    -------
    FoldBacktest
        A trade decided in the month counts in full, even if it exits in the next month. A symbol's
        row is its share in the one account: its P&L over the whole capital, so that the symbols'
        returns add up to that of ALL. A month without events or trades is a row of zeros.

    Raises
    ------
    LedgerError
        If a gated decision has no event, or a bar that is needed is missing.
    """
    start, end = month_start(month), month_start(add_months(month, 1))
    capital = config.execution.initial_capital_usd
    month_scores = scores[scores["month"] == month]
    in_month = (events["decision_time_utc"] >= start) & (events["decision_time_utc"] < end)
    month_events = events.loc[in_month, [*EVENT_COLUMNS, "y"]]
    clock = MarkClock.from_bars(bars)
    terms = AccountTerms(
        start=start,
        end=end,
        allocation=equal_weight(clock, [month]),
        config=config.execution,
        risk=config.risk,
    )
    ledger = trade(gated_candidates(month_scores, month_events), clock, terms)
    has_score = month_scores["p_calibrated"].notna()
    outcomes = with_outcomes(month_scores[has_score], month_events, ["y"])
    of_symbol = {
        name: frame["symbol"].to_numpy(dtype=object)
        for name, frame in (
            ("events", month_events),
            ("gated", ledger.decisions),
            ("trades", ledger.trades),
            ("outcomes", outcomes),
        )
    }
    rows = []
    for symbol in [*sorted({*clock.symbols, *of_symbol["events"]}), ALL_SYMBOLS]:
        selected = {
            name: names == symbol if symbol != ALL_SYMBOLS else np.ones(len(names), dtype=bool)
            for name, names in of_symbol.items()
        }
        rows.append(
            {
                "month": month,
                "symbol": symbol,
                "n_candidates": int(selected["events"].sum()),
                "n_gated": int(selected["gated"].sum()),
                **_account_metrics(
                    ledger.trades[selected["trades"]],
                    _share_of(symbol, ledger, clock, start, capital),
                    capital,
                ),
                **_brier(outcomes[selected["outcomes"]], base_rate),
            }
        )
    summary = pd.DataFrame(rows)[FOLD_BACKTESTS.names]
    return FoldBacktest(summary, ledger.trades[FOLD_TRADES.names], ledger.equity, ledger)


def _share_of(
    symbol: str, ledger: LedgerResult, clock: MarkClock, start: pd.Timestamp, capital: float
) -> pd.DataFrame:
    """Equity of the account as if only this symbol's trades had been made, at the same sizes."""
    if symbol == ALL_SYMBOLS or symbol not in clock.symbols or ledger.equity.empty:
        return ledger.equity if symbol == ALL_SYMBOLS else ledger.equity.iloc[:0]
    assert ledger.positions is not None
    selected = ledger.positions.of_symbol(clock.symbols.index(symbol))
    last = instant_us(ledger.equity["bar_end_utc"].iloc[-1])
    return mark_equity(selected, clock, clock.rows_after(instant_us(start), last), capital).frame()


def _account_metrics(
    trades: pd.DataFrame, equity: pd.DataFrame, capital: float
) -> dict[str, float | int]:
    """The month's metrics; a month without a trade scores a Calmar of 0."""
    values = equity["equity_usd"].to_numpy()
    drawdown = max_drawdown(values, capital)
    last = float(values[-1]) if len(values) else capital
    annual = calmar(cagr(capital, last, 1), drawdown) if len(trades) else 0.0
    return {
        "n_trades": len(trades),
        "return_frac": last / capital - 1.0,
        "max_drawdown_frac": drawdown,
        "calmar": annual,
        **trade_quality(trades),
        "turnover": traded_value_usd(trades) / capital,
        "exposure_frac": mean_exposure(equity),
    }


def _brier(outcomes: pd.DataFrame, base_rate: float | None) -> dict[str, float]:
    """Brier score of the calibrated probability, and of the base rate."""
    if outcomes.empty:
        return {"brier": np.nan, "brier_base": np.nan}
    won = outcomes["y"].to_numpy(dtype="float64")
    predicted = outcomes["p_calibrated"].to_numpy(dtype="float64")
    rate = np.nan if base_rate is None else base_rate
    return {
        "brier": brier(won, predicted),
        "brier_base": brier(won, np.full(len(won), rate)),
    }
