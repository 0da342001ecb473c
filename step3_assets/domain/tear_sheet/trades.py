"""Measures of trades: how much they win and lose, how long they last, how far they run.

Belongs here: measures over the ledger of one series. Does not belong here: the ledger.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import TOLERANCE


@dataclass(frozen=True)
class TradeSummary:
    """A ledger in numbers; NaN where nothing can be computed.

    Parameters
    ----------
    n_trades, n_won : int
        A trade wins when its profit after costs is above 0.
    profit_factor : float
        Sum of gains over sum of losses, in USD.
    expectancy_usd, expectancy_bps : float
        Mean profit after costs a trade.
    mean_win_usd, mean_loss_usd : float
        The loss is negative.
    payoff : float
        Mean win over absolute mean loss.
    longest_win_streak, longest_loss_streak : int
        In order of exit.
    mean_hours, median_hours : float
        From the entry bar's start to the exit bar's start.
    """

    n_trades: int
    n_won: int
    profit_factor: float
    expectancy_usd: float
    expectancy_bps: float
    mean_win_usd: float
    mean_loss_usd: float
    payoff: float
    longest_win_streak: int
    longest_loss_streak: int
    mean_hours: float
    median_hours: float


def trade_summary(trades: pd.DataFrame) -> TradeSummary:
    """Summarise a ledger.

    Parameters
    ----------
    trades : DataFrame
        Rows of ``portfolio_trades`` of one series.
    """
    ordered = trades.sort_values(["exit_time_utc", "symbol"])
    pnl = ordered["pnl_usd"].to_numpy(dtype="float64")
    won, lost = pnl[pnl > 0], pnl[pnl <= 0]
    hours = (ordered["exit_time_utc"] - ordered["entry_time_utc"]).dt.total_seconds() / 3600
    mean_win, mean_loss = _mean(won), _mean(lost)
    return TradeSummary(
        n_trades=len(pnl),
        n_won=len(won),
        profit_factor=_gain_over_loss(float(won.sum()), float(lost.sum())),
        expectancy_usd=_mean(pnl),
        expectancy_bps=_mean(ordered["net_bps"].to_numpy(dtype="float64")),
        mean_win_usd=mean_win,
        mean_loss_usd=mean_loss,
        payoff=_gain_over_loss(mean_win, mean_loss),
        longest_win_streak=_longest(pnl > 0),
        longest_loss_streak=_longest(pnl <= 0),
        mean_hours=_mean(hours.to_numpy()),
        median_hours=float(np.median(hours)) if len(hours) else np.nan,
    )


def _gain_over_loss(gain: float, loss: float) -> float:
    """NaN where the loss is none, up to rounding error."""
    return gain / -loss if -loss > TOLERANCE * abs(gain) else np.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _longest(flags: np.ndarray) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def excursions(trades: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Largest move against and for each trade while it was open, in bps of the entry price.

    Parameters
    ----------
    trades : DataFrame
        Rows of ``portfolio_trades``.
    bars : DataFrame
        ``symbol, date, high, low``; ``date`` is the bar's start in UTC.

    Returns
    -------
    DataFrame
        ``mae_bps`` (at most 0) and ``mfe_bps`` (at least 0), indexed as `trades`. Bars from the
        entry up to, without, the exit bar count, and the exit's open. NaN without a bar.
    """
    out = pd.DataFrame({"mae_bps": np.nan, "mfe_bps": np.nan}, index=trades.index)
    for symbol, part in trades.groupby("symbol"):
        of_symbol = bars.loc[bars["symbol"] == symbol].sort_values("date")
        starts = pd.DatetimeIndex(of_symbol["date"])
        high, low = (of_symbol[name].to_numpy(dtype="float64") for name in ("high", "low"))
        first = starts.searchsorted(pd.DatetimeIndex(part["entry_time_utc"]))
        end = starts.searchsorted(pd.DatetimeIndex(part["exit_time_utc"]))
        for index, i, j, price, left in zip(
            part.index, first, end, part["entry_open"], part["exit_open"], strict=True
        ):
            if i < j:
                worst, best = min(low[i:j].min(), left), max(high[i:j].max(), left)
                out.at[index, "mae_bps"] = min(worst / price - 1.0, 0.0) * 1e4
                out.at[index, "mfe_bps"] = max(best / price - 1.0, 0.0) * 1e4
    return out


def grouped(trades: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Trades, hit rate, net and profit of each group.

    Parameters
    ----------
    trades : DataFrame
        Rows of ``portfolio_trades``.
    by : Series
        The group of each trade, indexed as `trades`.

    Returns
    -------
    DataFrame
        Indexed by group, sorted: ``n_trades, hit_rate, net_bps_mean, pnl_usd, profit_factor``.
    """
    rows = {}
    for name, part in trades.groupby(by.reindex(trades.index), sort=True):
        found = trade_summary(part)
        rows[name] = {
            "n_trades": found.n_trades,
            "hit_rate": found.n_won / found.n_trades,
            "net_bps_mean": found.expectancy_bps,
            "pnl_usd": float(part["pnl_usd"].sum()),
            "profit_factor": found.profit_factor,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def open_positions(trades: pd.DataFrame, stamps: pd.DatetimeIndex) -> np.ndarray:
    """Number of positions held at each bar close: entered before it and not yet exited.

    Parameters
    ----------
    trades : DataFrame
    stamps : DatetimeIndex
        Ends of bars, UTC, ascending.
    """
    at = stamps.as_unit("ns").asi8 if len(stamps) else np.array([], dtype="int64")
    entries, exits = (
        pd.DatetimeIndex(trades[name]).as_unit("ns").sort_values().asi8
        for name in ("entry_time_utc", "exit_time_utc")
    )
    return np.searchsorted(entries, at, side="left") - np.searchsorted(exits, at, side="left")
