"""Reference lines: other uses of the same capital over the same months.

Belongs here: buy-and-hold of each symbol, the published baseline read from its summary file. Does
not belong here: the mock baseline that is run on our folds (it goes through the simulator), or
comparing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.domain.core.instants import instant_us, utc_stamp
from step3_assets.domain.core.months import add_months, month_start, parse_month
from step3_assets.domain.execution.marking import EquityCurve, MarkClock, running_peak
from step3_assets.domain.portfolio.metrics import (
    cagr,
    calmar,
    max_drawdown,
    monthly_table,
    require_calendar,
    summarise,
)

PUBLISHED = "published_baseline"
BUY_AND_HOLD = "buy_and_hold:"
"""Prefix of the name of a buy-and-hold series; the symbol follows."""


@dataclass(frozen=True)
class ReferenceLine:
    """One line that is shown beside the platform's.

    Attributes
    ----------
    series : str
    summary : dict
        Metric columns of table ``portfolio`` and its ``note``.
    equity : DataFrame
        Table ``portfolio_equity`` without ``series``; no rows where only month ends are known.
    months : DataFrame
        Table ``portfolio_months`` without ``series``.
    """

    series: str
    summary: dict[str, object]
    equity: pd.DataFrame
    months: pd.DataFrame


def buy_and_hold(
    symbol: str, clock: MarkClock, months: Sequence[date], capital_usd: float, cost_rt: float
) -> ReferenceLine | None:
    """All the capital in one symbol, from the period's first bar to its last.

    Parameters
    ----------
    symbol : str
    clock : MarkClock
        The bars that the portfolio was simulated on.
    months : sequence of date
        Contiguous.
    capital_usd : float
    cost_rt : float
        The one round trip that is charged: half on the purchase at the first bar's open, half on
        the sale at the last bar's close.

    Returns
    -------
    ReferenceLine or None
        None when the symbol has no bar in the period. Before its first bar the line is constant.
    """
    code = clock.symbols.index(symbol)
    start, end = (instant_us(month_start(m)) for m in (months[0], add_months(months[-1], 1)))
    starts, ends = clock.bar_start_us[code], clock.bar_end_us[code]
    inside = np.flatnonzero((starts >= start) & (ends <= end))
    if len(inside) == 0:
        return None
    rows = clock.rows_after(start, end)
    price = float(clock.bar_open[code][inside[0]])
    units = capital_usd / (price * (1.0 + cost_rt / 2.0))
    purchase = _Purchase(
        code=code,
        bought_us=int(starts[inside[0]]),
        units=units,
        capital_usd=capital_usd,
        cost_rt=cost_rt,
    )
    equity = _held_equity(clock, rows, purchase)
    last_close, last = float(clock.close[rows, code][-1]), float(equity["equity_usd"].iloc[-1])
    trade = pd.DataFrame(
        {
            "entry_time_utc": [utc_stamp(int(starts[inside[0]]))],
            "exit_time_utc": [utc_stamp(int(ends[inside[-1]]))],
            "notional_usd": units * price,
            "units": units,
            "exit_open": last_close,
            "pnl_usd": last - capital_usd,
            "net_bps": 1e4 * (last - capital_usd) / (units * price),
        }
    )
    bought = utc_stamp(int(starts[inside[0]]))
    note = (
        f"Bought with all the capital at the open of {bought:%Y-%m-%d %H:%M} UTC, marked at every "
        f"bar close, sold at the last; one round trip of {1e4 * cost_rt:.1f} bps charged."
    )
    return ReferenceLine(
        series=f"{BUY_AND_HOLD}{symbol}",
        summary=summarise(equity, trade, months, capital_usd) | {"note": note},
        equity=equity,
        months=monthly_table(equity, trade, months, capital_usd),
    )


@dataclass(frozen=True)
class _Purchase:
    """All the capital put into one symbol, at one instant.

    `code` is the symbol's column in the clock; `cost_rt` the round trip as a fraction.
    """

    code: int
    bought_us: int
    units: float
    capital_usd: float
    cost_rt: float


def _held_equity(clock: MarkClock, rows: slice, bought: _Purchase) -> pd.DataFrame:
    """Equity of one purchase, in cash before it and after the sale at the last mark."""
    stamps = clock.stamp_us[rows]
    is_held = stamps > bought.bought_us
    equity = np.where(is_held, bought.units * clock.close[rows, bought.code], bought.capital_usd)
    low = np.where(is_held, bought.units * clock.low[rows, bought.code], bought.capital_usd)
    equity[-1] -= equity[-1] * bought.cost_rt / 2.0
    is_held[-1] = False
    peak, peak_before = running_peak(equity, bought.capital_usd)
    return EquityCurve(
        bar_end_us=stamps,
        equity_usd=equity,
        cash_usd=np.where(is_held, 0.0, equity),
        gross_exposure_frac=is_held.astype("float64"),
        drawdown_frac=1.0 - equity / peak,
        drawdown_low_frac=np.maximum(0.0, 1.0 - low / peak_before),
    ).frame()


def published_baseline(
    published: Mapping[str, Any], months: Sequence[date], capital_usd: float
) -> ReferenceLine | None:
    """The mock baseline as it was published, restricted to the months and rebased.

    Parameters
    ----------
    published : mapping
        ``dual_symbol_portfolio_summary.json``: its ``monthly_table`` holds ``month_end``,
        ``equity``, ``pnl`` and ``trades`` of every month.
    months : sequence of date
        Contiguous.
    capital_usd : float
        Equity before the first month.

    Returns
    -------
    ReferenceLine or None
        Covers the months that the table holds, which may begin later or end earlier; None if it
        holds none of them. Drawdown is measured at month ends, so it is at most as deep as one
        marked at bar closes; metrics that need trades or days are NaN.

    Raises
    ------
    ValueError
        If the table is missing, or lacks a month between two that it holds, or is not an equity
        curve.
    """
    table = _published_months(published)
    covered = [m for m in months if m in table.index]
    if not covered:
        return None
    require_calendar(covered)
    part = table.loc[covered]
    before = float(part["equity"].iloc[0] - part["pnl"].iloc[0])
    equity = capital_usd * part["equity"].to_numpy() / before
    previous = np.concatenate([[capital_usd], equity[:-1]])
    returns = equity / previous - 1.0
    by_month = pd.DataFrame(
        {
            "month": covered,
            "equity_usd": equity,
            "pnl_usd": equity - previous,
            "return_frac": returns,
            "pnl_constant_usd": returns * capital_usd,
            "n_held": pd.array([pd.NA] * len(covered), dtype="Int64"),
            "max_drawdown_frac": np.maximum(0.0, -returns),
        }
    )
    n_trades = int(part["trades"].round().sum())
    summary = _published_summary(by_month, n_trades, capital_usd)
    note = "As published: partly in-sample; month-end marks only; rebased to the same capital."
    if len(covered) < len(months):
        note += f" Covers {len(covered)} of {len(months)} months."
    return ReferenceLine(
        series=PUBLISHED,
        summary=summary | {"note": note},
        equity=_no_equity(),
        months=by_month,
    )


def _published_summary(
    by_month: pd.DataFrame, n_trades: int, capital_usd: float
) -> dict[str, object]:
    """Metrics that can be computed from month ends; NaN for the others."""
    months = by_month["month"].tolist()
    equity, n_months = by_month["equity_usd"].to_numpy(), len(months)
    growth = cagr(capital_usd, float(equity[-1]), n_months)
    drawdown = max_drawdown(equity, capital_usd)
    unknown = ("sharpe", "sortino", "net_bps_mean", "hit_rate", "turnover_per_year")
    return {
        "start_utc": month_start(months[0]),
        "end_utc": month_start(add_months(months[-1], 1)),
        "start_equity_usd": capital_usd,
        "end_equity_usd": float(equity[-1]),
        "cagr": growth,
        "max_drawdown_frac": drawdown,
        "calmar": calmar(growth, drawdown),
        "n_trades": n_trades,
        "trades_per_month": n_trades / n_months,
        "worst_month_frac": float(by_month["return_frac"].min()),
        "calmar_monthly": calmar(growth, drawdown),
        **dict.fromkeys((*unknown, "exposure_frac"), float("nan")),
    }


def _published_months(published: Mapping[str, Any]) -> pd.DataFrame:
    """The monthly table by month, checked."""
    rows = published.get("monthly_table")
    if not isinstance(rows, list) or not rows:
        raise ValueError("published baseline: no monthly_table")
    try:
        table = pd.DataFrame(
            {
                "month": [parse_month(str(row["month_end"])[:10]) for row in rows],
                **{k: [float(row[k]) for row in rows] for k in ("equity", "pnl", "trades")},
            }
        ).set_index("month")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"published baseline: monthly_table is not readable: {error}") from error
    before = table["equity"] - table["pnl"]
    is_finite = np.isfinite(table.to_numpy()).all(axis=1)
    is_broken = ~is_finite | ~((table["equity"] > 0) & (before > 0)).to_numpy()
    if is_broken.any() or table.index.has_duplicates:
        at = ", ".join(f"{m:%Y-%m}" for m in table.index[is_broken][:6])
        raise ValueError(f"published baseline: monthly_table is no equity curve ({at or 'months'})")
    return table


def _no_equity() -> pd.DataFrame:
    nothing = np.zeros(0)
    return EquityCurve(nothing, nothing, nothing, nothing, nothing, nothing).frame()
