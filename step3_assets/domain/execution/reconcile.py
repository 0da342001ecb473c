"""Reconciliation: where the trade ledger and the equity curve disagree.

Belongs here: checks that compute a value from the others in a second way. Does not belong here:
the simulation that made them, thresholds of a verdict.
"""

import numpy as np
import pandas as pd

from step3_assets.catalogue.portfolio import RISK_RULES
from step3_assets.config import ExecutionConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.execution.ledger import LedgerResult
from step3_assets.domain.execution.marking import stamps_us
from step3_assets.domain.risk.engine import CANCELLED, FORCED_EXIT, REFUSED

TOLERANCE = 1e-12
"""Relative tolerance: to the highest equity for sums over the account, to its size for a trade."""


def reconcile(
    result: LedgerResult, config: ExecutionConfig, bars: pd.DataFrame | None = None
) -> list[str]:
    """Every disagreement within a result, one sentence each; empty when there is none.

    Parameters
    ----------
    result : LedgerResult
        Of one account; to check stored tables, their rows of one series.
    config : ExecutionConfig
        The configuration that it was simulated with.
    bars : DataFrame, optional
        The bars it was simulated on. With them every mark is rebuilt from the trades and closes,
        and every fill is compared with the open of its bar.

    Returns
    -------
    list of str
        Checked are: final equity minus capital against the sum of P&L; the arithmetic of each
        trade; sizes against requested sizes; overlapping positions of one symbol; cash at every
        mark against the fills before it, and never below zero; trades against decisions; refusals
        and forced exits against ``risk_events``, if given; no position at the end.
    """
    problems = [
        *_trade_arithmetic(result.trades),
        *_overlaps(result.trades),
        *_decisions(result),
        *_risk_rows(result),
        *_cash(result, config.initial_capital_usd),
        *_total(result, config.initial_capital_usd),
        *_borrowed(result),
    ]
    if bars is not None:
        problems += _fills(result.trades, bars)
        problems += _marks(result, bars)
    return problems


def price_disagreements(candidates: pd.DataFrame, bars: pd.DataFrame) -> list[str]:
    """Fills that are not the open of their bar, as happens if events and bars are of two builds.

    Parameters
    ----------
    candidates : DataFrame
        ``symbol``, ``entry_time_utc``, ``exit_time_utc``, ``entry_open``, ``exit_open``; trades or
        events with an outcome.
    bars : DataFrame
        ``symbol``, ``date``, ``open``.
    """
    return _fills(candidates, bars)


def _trade_arithmetic(trades: pd.DataFrame) -> list[str]:
    notional, units = trades["notional_usd"], trades["units"]
    costs = trades["cost_entry_usd"] + trades["cost_exit_usd"]
    pnl = units * (trades["exit_open"] - trades["entry_open"]) - costs
    asked = trades["allocation_frac"] * trades["size_frac"] * trades["equity_before_usd"]
    is_free = trades["binding_cap"] == "size_frac"
    faults = {
        "notional_usd is not units times entry_open": _far(
            notional, units * trades["entry_open"], notional
        ),
        "pnl_usd is not the gain less costs": _far(trades["pnl_usd"], pnl, notional),
        "net_bps is not pnl_usd over notional_usd": _far(
            trades["net_bps"] / 1e4, trades["pnl_usd"] / notional, 1.0
        ),
        "notional_usd is more than was asked for": ~(notional <= asked * (1 + TOLERANCE)),
        "notional_usd is not what was asked for, and no cap bound it": is_free
        & _far(notional, asked, asked),
    }
    return [
        f"trades: {what}: {_named(trades[wrong])}" for what, wrong in faults.items() if wrong.any()
    ]


def _overlaps(trades: pd.DataFrame) -> list[str]:
    ordered = trades.sort_values(["symbol", "entry_time_utc"], kind="stable")
    same = ordered["symbol"].eq(ordered["symbol"].shift(1))
    early = ordered["entry_time_utc"] < ordered["exit_time_utc"].shift(1)
    wrong = ordered[same & early]
    return [f"trades: a position was open already: {_named(wrong)}"] if len(wrong) else []


def _decisions(result: LedgerResult) -> list[str]:
    key = EVENT_KEY
    traded = result.decisions.loc[result.decisions["status"] == "traded", key]
    both = traded.merge(result.trades[key], on=key, how="outer", indicator=True)
    lost = both[both["_merge"] != "both"]
    problems = [f"decisions and trades differ: {_named(lost)}"] if len(lost) else []
    doubled = result.decisions[result.decisions.duplicated(key)]
    if len(doubled):
        problems.append(f"decisions: decided twice: {_named(doubled)}")
    return problems


def _risk_rows(result: LedgerResult) -> list[str]:
    """Refusals and forced exits without a row of their rule, and rows without either."""
    if result.risk_events is None:
        return []
    key, rows = [*EVENT_KEY, "rule"], result.risk_events
    decisions = result.decisions.rename(columns={"status": "rule"})
    trades = result.trades.rename(columns={"exit_rule": "rule"})
    sides = {
        "refused": (
            decisions[decisions["rule"].isin(RISK_RULES)],
            rows[rows["action"].isin([REFUSED, CANCELLED])],
        ),
        "forced to leave": (
            trades[trades["rule"].isin(RISK_RULES)],
            rows[rows["action"] == FORCED_EXIT],
        ),
    }
    problems = []
    for what, (answered, recorded) in sides.items():
        both = answered[key].merge(recorded[key], on=key, how="outer", indicator=True)
        lost = both[both["_merge"] != "both"]
        if len(lost):
            problems.append(f"risk_events and what was {what} differ: {_named(lost)}")
    return problems


def _cash(result: LedgerResult, capital_usd: float) -> list[str]:
    """Cash at each mark against the sum of the fills before it, by differences of running sums."""
    trades, equity = result.trades, result.equity
    marks = stamps_us(equity["bar_end_utc"])
    paid, received = _flows(trades)
    total = capital_usd + _before(stamps_us(trades["exit_time_utc"]), received, marks)
    total -= _before(stamps_us(trades["entry_time_utc"]), paid, marks)
    allowed = TOLERANCE * _scale(equity, capital_usd)
    wrong = ~(np.abs(equity["cash_usd"].to_numpy() - total) <= allowed)
    return _at_marks("cash_usd is not capital and the fills before", equity, wrong)


def _borrowed(result: LedgerResult) -> list[str]:
    """Marks at which the account owes money."""
    wrong = ~(result.equity["cash_usd"].to_numpy() >= 0.0)
    return _at_marks("cash_usd is below zero: money was borrowed", result.equity, wrong)


def _total(result: LedgerResult, capital_usd: float) -> list[str]:
    equity, trades = result.equity, result.trades
    pnl = float(np.sum(trades["pnl_usd"].to_numpy()))
    if equity.empty:
        return [] if trades.empty else ["equity: no mark, though there are trades"]
    last = equity.iloc[-1]
    gain = float(last["equity_usd"]) - capital_usd
    problems = []
    if not abs(gain - pnl) <= TOLERANCE * _scale(equity, capital_usd):
        problems.append(f"equity gained {gain!r} USD, the trades {pnl!r}")
    if last["gross_exposure_frac"] != 0.0:
        problems.append(f"equity: a position is open at the last mark, {last['bar_end_utc']}")
    return problems


def _fills(trades: pd.DataFrame, bars: pd.DataFrame) -> list[str]:
    problems = []
    opens = bars[["symbol", "date", "open"]]
    for side in ("entry", "exit"):
        stamp, price = f"{side}_time_utc", f"{side}_open"
        at = trades.merge(opens, left_on=["symbol", stamp], right_on=["symbol", "date"], how="left")
        wrong = at[_far(at[price], at["open"], at[price])]
        if len(wrong):
            problems.append(f"{price} is not the open of the bar at {stamp}: {_named(wrong)}")
    return problems


def _marks(result: LedgerResult, bars: pd.DataFrame) -> list[str]:
    """Rebuild the value of the positions at every mark, trade by trade, from the closes."""
    equity, trades = result.equity, result.trades
    marks, value = stamps_us(equity["bar_end_utc"]), np.zeros(len(equity))
    for symbol, of_symbol in trades.groupby("symbol"):
        symbol_bars = bars.loc[bars["symbol"] == symbol, ["bar_end_utc", "close"]]
        closes = pd.merge_asof(
            equity[["bar_end_utc"]], symbol_bars.sort_values("bar_end_utc"), on="bar_end_utc"
        )["close"].to_numpy()
        first, after = (
            np.searchsorted(marks, stamps_us(of_symbol[f"{side}_time_utc"]), side="right")
            for side in ("entry", "exit")
        )
        for units, held in zip(of_symbol["units"], map(slice, first, after), strict=True):
            value[held] += units * closes[held]
    rebuilt = equity["cash_usd"].to_numpy() + value
    wrong = _far(equity["equity_usd"], pd.Series(rebuilt), equity["equity_usd"]).to_numpy()
    problems = _at_marks("equity_usd is not cash and units times close", equity, wrong)
    exposure = pd.Series(value / rebuilt)
    wrong = _far(equity["gross_exposure_frac"], exposure, 1.0).to_numpy()
    return problems + _at_marks("gross_exposure_frac is not value over equity", equity, wrong)


def _flows(trades: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Money paid at each entry and received at each exit, USD."""
    paid = trades["notional_usd"] + trades["cost_entry_usd"]
    received = trades["units"] * trades["exit_open"] - trades["cost_exit_usd"]
    return paid.to_numpy(), received.to_numpy()


def _before(stamps: np.ndarray, amounts: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Sum of the amounts whose stamp lies strictly before each mark.

    In extended precision if the machine has it, because both sums grow with turnover.
    """
    order = np.argsort(stamps, kind="stable")
    running = np.concatenate([[0.0], np.cumsum(amounts[order].astype(np.longdouble))])
    return running[np.searchsorted(stamps[order], marks, side="left")]


def _scale(equity: pd.DataFrame, capital_usd: float) -> float:
    return max(capital_usd, float(equity["equity_usd"].abs().max()) if len(equity) else 0.0)


def _far(have: pd.Series, want: pd.Series, scale: pd.Series | float) -> pd.Series:
    """Whether values differ by more than the tolerance; NaN always does."""
    return ~((have - want).abs() <= TOLERANCE * abs(scale))


def _at_marks(what: str, equity: pd.DataFrame, wrong: np.ndarray) -> list[str]:
    if not wrong.any():
        return []
    first = equity["bar_end_utc"].iloc[int(np.flatnonzero(wrong)[0])]
    return [f"equity: {what} at {int(wrong.sum())} mark(s), first {first}"]


def _named(frame: pd.DataFrame) -> str:
    """The first rows by key, and how many there are."""
    first = [f"{r.symbol} {r.decision_time_utc}" for r in frame.head(3).itertuples()]
    return ", ".join(first) + (f" and {len(frame) - 3} more" if len(frame) > 3 else "")
