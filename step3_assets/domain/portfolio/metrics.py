"""Metrics of an equity curve and a trade ledger over the calendar of the period.

Belongs here: growth, drawdown, Calmar, Sharpe, Sortino, the monthly table, the summary of one
series. Does not belong here: making the equity curve, thresholds and verdicts.

Metrics cover whole calendar months, from the first instant of the first month to the first instant
after the last, whether anything was traded or not.
"""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import is_flat
from step3_assets.domain.core.instants import NY
from step3_assets.domain.core.months import add_months, month_range, month_start

DRAWDOWN_FLOOR = 0.01
"""Calmar divides by at least this: a curve that has hardly fallen does not show its risk."""
NO_DOWNSIDE = 1e-6
"""Of the deviation of all returns: a downside below it is rounding error."""
SESSIONS_PER_YEAR = 252
MONTHS_PER_YEAR = 12


def cagr(start_equity: float, end_equity: float, n_months: int) -> float:
    """Compound annual growth over whole calendar months, a fraction.

    An account that ends at zero or below has grown by -1.

    Examples
    --------
    >>> round(cagr(10_000.0, 12_100.0, 24), 12)
    0.1
    """
    if n_months < 1:
        raise ValueError(f"cagr: a period of {n_months} months")
    if end_equity <= 0.0:
        return -1.0
    return float((end_equity / start_equity) ** (MONTHS_PER_YEAR / n_months) - 1.0)


def max_drawdown(equity: np.ndarray, start_equity: float) -> float:
    """Deepest fall below the highest equity so far, the start included; a fraction, >= 0.

    NaN where an equity is not finite.

    Examples
    --------
    >>> max_drawdown(np.array([9_000.0, 12_000.0, 9_000.0]), 10_000.0)
    0.25
    """
    if len(equity) == 0:
        return 0.0
    if not np.isfinite(equity).all():
        return math.nan
    peak = np.maximum(np.maximum.accumulate(equity), start_equity)
    return float(max(0.0, np.max(1.0 - equity / peak)))


def calmar(growth: float, drawdown: float) -> float:
    """Annual growth over ``max(drawdown, 1 %)``; 0 for a period that neither grew nor fell."""
    return growth / max(drawdown, DRAWDOWN_FLOOR)


def session_returns(equity: pd.DataFrame, start_equity: float) -> pd.Series:
    """Simple return of each New York session, the first against the starting capital.

    Parameters
    ----------
    equity : DataFrame
        ``bar_end_utc`` and ``equity_usd`` in time order; sessions without positions included.

    Returns
    -------
    Series
        Indexed by session date.
    """
    closing = equity["equity_usd"].groupby(session_labels(equity)).last()
    before = closing.shift(1, fill_value=start_equity)
    return closing / before - 1.0


def session_labels(equity: pd.DataFrame) -> np.ndarray:
    """New York session date of each mark; a bar that ends at midnight belongs to the day before."""
    ends = pd.DatetimeIndex(equity["bar_end_utc"]) - pd.Timedelta(microseconds=1)
    return np.asarray(ends.tz_convert(NY).date)


def why_no_ratio(returns: np.ndarray) -> str:
    """Why a ratio of mean to deviation is undefined for session returns; empty where it is defined.

    Examples
    --------
    >>> why_no_ratio(np.zeros(250))
    'the returns do not vary'
    """
    if len(returns) < 2:
        return "fewer than two sessions"
    if not np.isfinite(returns).all():
        return "a return is not finite"
    return "the returns do not vary" if is_flat(returns) else ""


def sharpe(returns: np.ndarray) -> float:
    """Mean over standard deviation (n - 1) of session returns, times the root of 252.

    NaN where :func:`why_no_ratio` gives a reason.

    Examples
    --------
    >>> sharpe(np.full(250, 0.001))
    nan
    """
    if why_no_ratio(returns):
        return float("nan")
    deviation = float(np.std(returns, ddof=1))
    return float(np.mean(returns)) / deviation * math.sqrt(SESSIONS_PER_YEAR)


def sortino(returns: np.ndarray) -> float:
    """Mean over downside deviation from zero of session returns, times the root of 252.

    The downside deviation is the root of the mean square of ``min(return, 0)`` over all sessions.
    NaN where :func:`why_no_ratio` gives a reason, and when the downside is less than a millionth of
    the deviation: there is none to divide by.
    """
    if why_no_ratio(returns):
        return float("nan")
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside <= NO_DOWNSIDE * float(np.std(returns)):
        return float("nan")
    return float(np.mean(returns)) / downside * math.sqrt(SESSIONS_PER_YEAR)


def monthly_table(
    equity: pd.DataFrame, trades: pd.DataFrame, months: Sequence[date], capital_usd: float
) -> pd.DataFrame:
    """Every calendar month of one series: what it gained, and the trades that it gained it with.

    Parameters
    ----------
    equity, months, capital_usd
        As of :func:`month_gains`.
    trades : DataFrame
        ``entry_time_utc`` and ``exit_time_utc``.

    Returns
    -------
    DataFrame
        Table ``portfolio_months`` without ``series``. ``n_held`` counts the trades that moved the
        month's marks, so a month without one has gained exactly nothing.
    """
    ends = pd.DatetimeIndex(equity["bar_end_utc"])
    held = np.zeros(len(months) + 1, dtype="int64")
    if len(ends) and len(trades):
        inner = _month_edges(ends, months)[1:-1]
        first, last = (
            np.searchsorted(inner, _first_mark_after(ends, trades[fill]), side="right")
            for fill in ("entry_time_utc", "exit_time_utc")
        )
        np.add.at(held, first, 1)
        np.add.at(held, last + 1, -1)
    gains = month_gains(equity, months, capital_usd)
    return gains.assign(n_held=np.cumsum(held)[:-1])


def _month_edges(ends: pd.DatetimeIndex, months: Sequence[date]) -> list[int]:
    """Where each month's marks begin, and the end of the last.

    A bar that ends with the month is still the month's; what follows the last month joins it.
    """
    starts = [int(ends.searchsorted(month_start(m), side="right")) for m in months[1:]]
    return [0, *starts, len(ends)]


def _first_mark_after(ends: pd.DatetimeIndex, fills: pd.Series) -> np.ndarray:
    """The first mark that a fill moves; the last one for a sale at the last close."""
    return np.minimum(ends.searchsorted(pd.DatetimeIndex(fills), side="right"), len(ends) - 1)


def month_gains(equity: pd.DataFrame, months: Sequence[date], capital_usd: float) -> pd.DataFrame:
    """What every calendar month of one series gained between its marks.

    Parameters
    ----------
    equity : DataFrame
        ``bar_end_utc`` and ``equity_usd`` in time order.
    months : sequence of date
        Contiguous. A month without marks keeps the equity before it; marks after the last month
        (trades decided in it that were still open) belong to the last month.
    capital_usd : float
        Equity before the first month, and the size of the constant account.

    Returns
    -------
    DataFrame
        ``month``, ``equity_usd``, ``pnl_usd`` of the compounding account, ``return_frac``,
        ``pnl_constant_usd`` (the month's return on an account of `capital_usd`),
        ``max_drawdown_frac``.
    """
    values = equity["equity_usd"].to_numpy()
    edges = _month_edges(pd.DatetimeIndex(equity["bar_end_utc"]), months)
    rows, before = [], capital_usd
    for month, first, after in zip(months, edges[:-1], edges[1:], strict=True):
        marks = values[first:after]
        last = float(marks[-1]) if len(marks) else before
        gained = last / before - 1.0 if before > 0.0 else 0.0
        rows.append(
            {
                "month": month,
                "equity_usd": last,
                "pnl_usd": last - before,
                "return_frac": gained,
                "pnl_constant_usd": gained * capital_usd,
                "max_drawdown_frac": max_drawdown(marks, before),
            }
        )
        before = last
    return pd.DataFrame(rows)


def summarise(
    equity: pd.DataFrame, trades: pd.DataFrame, months: Sequence[date], capital_usd: float
) -> dict[str, object]:
    """The metrics of one series over its months.

    Parameters
    ----------
    equity : DataFrame
        ``bar_end_utc``, ``equity_usd``, ``gross_exposure_frac`` at every bar close.
    trades : DataFrame
        ``notional_usd``, ``units``, ``exit_open``, ``pnl_usd``, ``net_bps``.
    months : sequence of date
        Contiguous; the calendar that the metrics cover.
    capital_usd : float

    Returns
    -------
    dict
        The metric columns of table ``portfolio``. NaN where a metric has no meaning: net and hit
        rate without trades, Sharpe and Sortino without deviation.

    Raises
    ------
    ValueError
        If there are no months, or one is missing between the first and the last.
    """
    n_months = len(require_calendar(months))
    values = equity["equity_usd"].to_numpy()
    end_equity = float(values[-1]) if len(values) else capital_usd
    growth, drawdown = cagr(capital_usd, end_equity, n_months), max_drawdown(values, capital_usd)
    by_month = month_gains(equity, months, capital_usd)
    returns = session_returns(equity, capital_usd).to_numpy()
    mean_equity = float(values.mean()) if len(values) else capital_usd
    years = n_months / MONTHS_PER_YEAR
    return {
        "start_utc": month_start(months[0]),
        "end_utc": month_start(add_months(months[-1], 1)),
        "start_equity_usd": capital_usd,
        "end_equity_usd": end_equity,
        "cagr": growth,
        "max_drawdown_frac": drawdown,
        "calmar": calmar(growth, drawdown),
        "sharpe": sharpe(returns),
        "sortino": sortino(returns),
        "n_trades": len(trades),
        "trades_per_month": len(trades) / n_months,
        **trade_quality(trades),
        "turnover_per_year": traded_value_usd(trades) / mean_equity / years,
        "exposure_frac": mean_exposure(equity),
        "worst_month_frac": float(by_month["return_frac"].min()),
        "calmar_monthly": calmar(
            growth, max_drawdown(by_month["equity_usd"].to_numpy(), capital_usd)
        ),
    }


def trade_quality(trades: pd.DataFrame) -> dict[str, float]:
    """Mean net per trade in bps, and the share of winners; NaN without trades."""
    if trades.empty:
        return {"net_bps_mean": float("nan"), "hit_rate": float("nan")}
    return {
        "net_bps_mean": float(trades["net_bps"].mean()),
        "hit_rate": float((trades["pnl_usd"] > 0).mean()),
    }


def traded_value_usd(trades: pd.DataFrame) -> float:
    """Value traded on both sides, USD."""
    return float((trades["notional_usd"] + trades["units"] * trades["exit_open"]).sum())


def mean_exposure(equity: pd.DataFrame) -> float:
    """Mean gross exposure over all bar closes, the flat ones included; a fraction."""
    return float(equity["gross_exposure_frac"].mean()) if len(equity) else 0.0


def require_calendar(months: Sequence[date]) -> list[date]:
    """The months as a list, if they are every calendar month from the first to the last.

    Raises
    ------
    ValueError
        If there is none, or naming the months that are missing or out of order.
    """
    have = list(months)
    if not have:
        raise ValueError("months: none given; a result needs at least one calendar month")
    want = month_range(have[0], have[-1])
    if have != want:
        missing = sorted(set(want) - set(have))
        named = ", ".join(f"{m:%Y-%m}" for m in missing[:6]) or "out of order or doubled"
        raise ValueError(
            f"months: not every calendar month from {have[0]:%Y-%m} to {have[-1]:%Y-%m}: {named}"
        )
    return have
