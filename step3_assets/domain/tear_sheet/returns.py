"""Measures of a return series: benchmarks, tails, drawdowns, rolling windows.

Belongs here: measures of bar-level equity and of its daily returns. Does not belong here: trades
(:mod:`step3_assets.domain.tear_sheet.trades`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.dispersion import TOLERANCE, is_flat

SESSIONS_A_YEAR = 252
TAIL = 0.05


def daily_returns(equity: pd.DataFrame, series: str, start_equity_usd: float) -> pd.Series:
    """Returns from one session's last mark to the next; the first from the starting equity.

    Parameters
    ----------
    equity : DataFrame
        Table ``portfolio_equity``.
    series : str
    start_equity_usd : float

    Returns
    -------
    Series
        Indexed by session (UTC date); empty when the series has no mark.
    """
    marks = equity.loc[equity["series"] == series].sort_values("bar_end_utc")
    stamps = pd.DatetimeIndex(marks["bar_end_utc"]).tz_convert("UTC").tz_localize(None)
    values = pd.Series(marks["equity_usd"].to_numpy(dtype="float64"), index=stamps.normalize())
    last = values.groupby(level=0).last()
    before = last.shift(1)
    if len(before):
        before.iloc[0] = start_equity_usd
    return last / before - 1.0


@dataclass(frozen=True)
class Against:
    """A series regressed on a benchmark, both in daily returns.

    Parameters
    ----------
    alpha : float
        Intercept times 252: a year's return at a benchmark that does not move, as a fraction.
    beta : float
    correlation : float
    n_sessions : int
        Sessions on which both have a return.
    """

    alpha: float
    beta: float
    correlation: float
    n_sessions: int


def against(returns: pd.Series, benchmark: pd.Series) -> Against:
    """Alpha, beta and correlation; NaN where the benchmark, or the series, does not vary.

    Examples
    --------
    >>> days = pd.date_range("2023-01-02", periods=3)
    >>> benchmark = pd.Series([0.01, -0.01, 0.02], index=days)
    >>> round(against(0.5 * benchmark + 0.001, benchmark).beta, 6)
    0.5
    """
    both = pd.concat([returns, benchmark], axis=1, join="inner").dropna()
    y, x = both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()
    if len(y) < 3 or is_flat(x) or not np.isfinite([x, y]).all():
        return Against(np.nan, np.nan, np.nan, len(y))
    beta = float(np.cov(y, x, ddof=1)[0, 1] / np.var(x, ddof=1))
    alpha = float(y.mean() - beta * x.mean()) * SESSIONS_A_YEAR
    correlation = np.nan if is_flat(y) else float(np.corrcoef(y, x)[0, 1])
    return Against(alpha, beta, correlation, len(y))


@dataclass(frozen=True)
class Tails:
    """The distribution of daily returns.

    Parameters
    ----------
    volatility : float
        Standard deviation times √252.
    skewness, kurtosis : float
        Kurtosis is the excess over that of a normal distribution.
    value_at_risk, expected_shortfall : float
        Loss that a day exceeds with probability 5 %, and the mean loss of such days (CVaR); both
        from the observed days, as positive fractions.
    tail_ratio : float
        95th percentile over the absolute 5th: above 1, large gains exceed large losses. NaN where
        the 5th is no loss.
    best, worst : float
    positive : float
        Share of days with a gain.
    n_sessions : int
    """

    volatility: float
    skewness: float
    kurtosis: float
    value_at_risk: float
    expected_shortfall: float
    tail_ratio: float
    best: float
    worst: float
    positive: float
    n_sessions: int


def tails(returns: pd.Series) -> Tails:
    """Measures of the distribution.

    NaN for fewer than 20 days, for days that do not vary, and where a return is not finite.
    """
    values = returns.dropna().to_numpy(dtype="float64")
    n = len(values)
    if n < 20 or is_flat(values) or not np.isfinite(values).all():
        nan = float("nan")
        return Tails(nan, nan, nan, nan, nan, nan, nan, nan, nan, n)
    centred = values - values.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    low, high = np.quantile(values, [TAIL, 1.0 - TAIL])
    return Tails(
        volatility=float(values.std(ddof=1)) * SESSIONS_A_YEAR**0.5,
        skewness=float(np.mean(centred**3)) / spread**3,
        kurtosis=float(np.mean(centred**4)) / spread**4 - 3.0,
        value_at_risk=-float(low),
        expected_shortfall=-float(values[values <= low].mean()),
        tail_ratio=float(high / -low) if low < -TOLERANCE else float("nan"),
        best=float(values.max()),
        worst=float(values.min()),
        positive=float((values > 0).mean()),
        n_sessions=n,
    )


@dataclass(frozen=True)
class Drawdown:
    """One fall of equity below its peak.

    Parameters
    ----------
    depth : float
        As a positive fraction of the peak.
    peak_utc, trough_utc : Timestamp
    recovered_utc : Timestamp or None
        When the peak was reached again; None while it was not.
    end_utc : Timestamp
        Recovery, or the last mark.
    """

    depth: float
    peak_utc: pd.Timestamp
    trough_utc: pd.Timestamp
    recovered_utc: pd.Timestamp | None
    end_utc: pd.Timestamp

    @property
    def n_days(self) -> int:
        """Calendar days from the peak to the recovery, or to the last mark."""
        return int((self.end_utc.normalize() - self.peak_utc.normalize()).days)


def drawdowns(
    equity: pd.DataFrame, series: str, start_equity_usd: float, n_deepest: int = 10
) -> list[Drawdown]:
    """The deepest falls of a series, marked at every bar close, deepest first.

    Two falls are apart when the peak was reached again between them.
    """
    marks = equity.loc[equity["series"] == series].sort_values("bar_end_utc")
    if marks.empty:
        return []
    stamps = pd.DatetimeIndex(marks["bar_end_utc"])
    values = marks["equity_usd"].to_numpy(dtype="float64")
    peaks = np.maximum(np.maximum.accumulate(values), start_equity_usd)
    depth = 1.0 - values / peaks
    is_under = depth > 0.0
    edges = np.diff(np.concatenate([[False], is_under, [False]]).astype(int))
    found = []
    starts, ends = (np.flatnonzero(edges == edge).tolist() for edge in (1, -1))
    for first, end in zip(starts, ends, strict=True):
        trough = first + int(np.argmax(depth[first:end]))
        is_recovered = end < len(values)
        last = stamps[end] if is_recovered else stamps[-1]
        found.append(
            Drawdown(
                depth=float(depth[trough]),
                peak_utc=stamps[max(first - 1, 0)],
                trough_utc=stamps[trough],
                recovered_utc=last if is_recovered else None,
                end_utc=last,
            )
        )
    return sorted(found, key=lambda fall: (-fall.depth, fall.peak_utc))[:n_deepest]


def rolling(returns: pd.Series, benchmark: pd.Series | None, sessions: int) -> pd.DataFrame:
    """Sharpe ratio, volatility and beta over the trailing sessions.

    Parameters
    ----------
    returns : Series
        Daily returns by session.
    benchmark : Series or None
        Without one, beta is NaN.
    sessions : int
        Length of the window; rows before it is full are NaN. A ratio of days that never move is
        NaN.

    Returns
    -------
    DataFrame
        ``sharpe``, ``volatility``, ``beta``, indexed as `returns`.
    """
    window = returns.rolling(sessions)
    spread = window.std(ddof=1)
    spread = spread.where(spread > 1e-12)
    beta = pd.Series(np.nan, index=returns.index)
    if benchmark is not None:
        other = benchmark.reindex(returns.index)
        beta = window.cov(other) / other.rolling(sessions).var(ddof=1)
    return pd.DataFrame(
        {
            "sharpe": window.mean() / spread * SESSIONS_A_YEAR**0.5,
            "volatility": spread * SESSIONS_A_YEAR**0.5,
            "beta": beta,
        }
    )
