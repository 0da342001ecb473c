"""Allocation: how equity is divided among symbols, decided at each month's start.

Belongs here: shares by month, from data before the month. Does not belong here: the size of one
position (:mod:`step3_assets.domain.decisions.sizing`), the account's state, the optimiser itself.

A symbol takes part in a month in which it has bars. Shares of a month add up to 1.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from step3_assets.config import AllocationConfig
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.months import add_months, month_start
from step3_assets.domain.execution.marking import MarkClock

Shares = dict[date, dict[str, float]]

METHODS = ("equal_weight", "inverse_volatility", "calmar")
SESSIONS_PER_MONTH = 21


@dataclass(frozen=True)
class SessionReturns:
    """Session returns of each symbol's trades alone.

    Attributes
    ----------
    end_us : ndarray, shape (n,)
        Last mark of the session, when its return is known; microseconds UTC, ascending.
    symbols : tuple of str
    values : ndarray, shape (n, n_symbols)
        Simple returns; 0 while nothing is held.
    """

    end_us: np.ndarray
    symbols: tuple[str, ...]
    values: np.ndarray

    @classmethod
    def of_sleeves(
        cls, clock: MarkClock, rows: slice, equity: Mapping[str, np.ndarray], capital_usd: float
    ) -> "SessionReturns":
        """From the equity of one account per symbol at the rows of a clock."""
        last = clock.session_ends
        last = last[(last >= rows.start) & (last < rows.stop)]
        symbols = tuple(sorted(equity))
        closing = np.column_stack([equity[s][last - rows.start] for s in symbols])
        before = np.vstack([np.full((1, len(symbols)), capital_usd), closing[:-1]])
        return cls(clock.stamp_us[last], symbols, closing / before - 1.0)


def history_months(config: AllocationConfig) -> int:
    """Months of bars before the first month that the volatility weights use."""
    return config.vol_sessions // 19 + 1  # no month has fewer than 19 sessions


def allocate(
    clock: MarkClock,
    months: Sequence[date],
    config: AllocationConfig | Mapping[date, AllocationConfig],
    sleeves: SessionReturns | None = None,
) -> Shares:
    """Shares of equity by month and symbol.

    Parameters
    ----------
    clock : MarkClock
        With all available bars before the first month; with fewer, weights stay equal for longer.
    months : sequence of date
        In order. The Calmar weights of a month start from the shares of the month before, by
        whichever method.
    config : AllocationConfig, or one for each month
    sleeves : SessionReturns, optional
        Only needed for ``calmar``.

    Raises
    ------
    ValueError
        If the method is ``calmar`` and there are no sleeves.
    """
    by_month = config if isinstance(config, Mapping) else dict.fromkeys(months, config)
    shares = equal_weight(clock, months)
    by_settings: dict[str, tuple[AllocationConfig, list[date]]] = {}
    for month in months:
        if by_month[month].method == "inverse_volatility":
            by_settings.setdefault(by_month[month].content_hash(), (by_month[month], []))[1].append(
                month
            )
    for chosen, its_months in by_settings.values():
        shares |= inverse_volatility(clock, its_months, chosen)
    seeking = {m: c for m, c in by_month.items() if c.method == "calmar"}
    if not seeking:
        return shares
    if sleeves is None:
        raise ValueError("allocation: calmar needs what each symbol's trades earned")
    return calmar_weights(shares, seeking, sleeves)


def equal_weight(clock: MarkClock, months: Sequence[date]) -> Shares:
    """1/n of equity for each symbol that has bars in the month.

    Read from the month's own bars, so that a symbol that joins later changes no earlier month.
    Months without bars have no symbols.
    """
    shares: Shares = {}
    for month in months:
        span = [instant_us(month_start(m)) for m in (month, add_months(month, 1))]
        present = [
            symbol
            for symbol, starts in zip(clock.symbols, clock.bar_start_us, strict=True)
            if np.diff(np.searchsorted(starts, span))[0] > 0
        ]
        shares[month] = {symbol: 1.0 / len(present) for symbol in present}
    return shares


def inverse_volatility(
    clock: MarkClock, months: Sequence[date], config: AllocationConfig
) -> Shares:
    """Shares in proportion to one over the deviation of trailing session returns.

    The last ``vol_sessions`` closes of sessions that ended before the month; while any symbol of
    the month has less than a third of them, or no deviation, the month is equally weighted.
    """
    last = clock.session_ends
    ends, closes = clock.stamp_us[last], np.log(clock.close[last])
    shares = equal_weight(clock, months)
    for month in months:
        present = [clock.symbols.index(symbol) for symbol in shares[month]]
        stop = int(np.searchsorted(ends, instant_us(month_start(month)), side="right"))
        window = np.diff(closes[max(0, stop - config.vol_sessions - 1) : stop, present], axis=0)
        known = np.isfinite(window)
        if not present or known.sum(axis=0).min() < max(2, config.vol_sessions // 3):
            continue
        deviation = np.array([c[k].std() for c, k in zip(window.T, known.T, strict=True)])
        if not (deviation > 0.0).all():
            continue
        weights = (1.0 / deviation) / (1.0 / deviation).sum()
        shares[month] = dict(zip(shares[month], weights.tolist(), strict=True))
    return shares


def calmar_weights(
    shares: Shares, settings: Mapping[date, AllocationConfig], sleeves: SessionReturns
) -> Shares:
    """Walk-forward weights that maximise return over drawdown, smoothed.

    For each month, find the weights of the sleeves that maximise mean return minus the cost of the
    change, divided by the deepest fall, over the ``lookback_months`` before. Then move from the
    weights of the month before by the share ``smoothing`` towards them. If no sleeve gained, the
    weights do not change.

    Parameters
    ----------
    shares : dict of month to dict of symbol to share
        Of every month in order; equal weight for the months whose weights are computed here.
    settings : mapping of date to AllocationConfig
        Of the months whose weights are computed here.
    sleeves : SessionReturns

    Notes
    -----
    Solved by skfolio (``MeanRisk``, maximum ratio, maximum drawdown of uncompounded returns) as a
    linear programme; weights are rounded to 1e-6.
    """
    found: Shares = {}
    held: dict[str, float] = {}
    for month, given in shares.items():
        config = settings.get(month)
        if config is None:
            found[month] = held = given
            continue
        present = list(given)
        equal = np.array(list(given.values()))
        if set(present) != set(held):
            held = dict(given)  # symbols joined or left: start from equal weight again
        before = np.array([held[symbol] for symbol in present])
        start, first = (
            instant_us(month_start(m)) for m in (month, add_months(month, -config.lookback_months))
        )
        rows = (sleeves.end_us > first) & (sleeves.end_us <= start)
        columns = [sleeves.symbols.index(s) for s in present if s in sleeves.symbols]
        enough = config.min_history_months * SESSIONS_PER_MONTH * 0.9
        if len(columns) == len(equal) > 1 and rows.sum() >= enough:
            wanted = _best_ratio(sleeves.values[rows][:, columns], before, config)
            if wanted is not None:
                moved = np.round(before + config.smoothing * (wanted - before), 6)
                held = dict(zip(present, (moved / moved.sum()).tolist(), strict=True))
        found[month] = dict(held)
    return found


def _best_ratio(
    returns: np.ndarray, before: np.ndarray, config: AllocationConfig
) -> np.ndarray | None:
    """Weights with the best ratio of mean to deepest fall; None if there are none."""
    if not (returns.mean(axis=0) > 0.0).any() or not (returns != 0.0).any(axis=0).all():
        return None
    from skfolio import RiskMeasure
    from skfolio.exceptions import ConvexOptimizationError
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    model = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO,
        risk_measure=RiskMeasure.MAX_DRAWDOWN,
        min_weights=min(config.min_weight_frac, 1.0 / len(before)),
        previous_weights=before,
        transaction_costs=config.turnover_penalty_bps / 1e4 / SESSIONS_PER_MONTH,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(model.fit(returns).weights_, dtype="float64")
        except ConvexOptimizationError:  # every allowed mixture loses
            return None


def share_matrix(shares: Shares, months: Sequence[date], symbols: Sequence[str]) -> np.ndarray:
    """Shares as an array, shape (n_months, n_symbols); NaN where a symbol takes no part."""
    rows = [[shares[month].get(symbol, np.nan) for symbol in symbols] for month in months]
    return np.array(rows, dtype="float64").reshape(len(months), len(symbols))


def weight_turnover(shares: Shares) -> float:
    """Mean over months of the weight that moved, a fraction of equity; 0 for a single month."""
    months = sorted(shares)
    moved = [
        sum(abs(shares[b].get(s, 0.0) - shares[a].get(s, 0.0)) for s in {*shares[a], *shares[b]})
        for a, b in pairwise(months)
    ]
    return float(np.mean(moved)) / 2.0 if moved else 0.0
