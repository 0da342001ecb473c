"""Permutation test of the gate: would trades at other times have done as well?

Belongs here: the permutation and its p value. Does not belong here: the gate.

Time is exchangeable under the null hypothesis. Labels overlap and symbols share noise, so
candidates may not be drawn one by one; the whole pattern of trades is shifted instead. Within each
block of about twelve months, all trades of all symbols move by the same number of sessions and wrap
around from the end of the block to its start. Each trade takes the next candidate of its symbol at
that time of day. The number of trades in a block, their clustering and their coincidence across
symbols do not change. A good year or symbol raises the shifted trades as much as the real ones, so
it does not count as skill.

Blocks of one month are too short. A gate that buys after a fall would be compared with the mean of
a month that contains the fall, and would look skilled without being so. At a nominal 5 % such gates
pass in more than half of all null worlds with blocks of a month, and in 7 to 8 % with blocks of a
year.

The test statistic is the sum of the trades' excess over their block's mean, divided by its standard
error with weeks as clusters. The division keeps the size correct if the gate prefers volatile
times, in which outcomes have a larger variance.

Sources: B. Phipson and G. K. Smyth (2010), *Permutation P-values Should Never Be Zero*, Statistical
Applications in Genetics and Molecular Biology 9(1), eq. 2; E. Chung and J. P. Romano (2013), *Exact
and Asymptotically Robust Permutation Tests*, Annals of Statistics 41(2), for the division. The size
is measured in ``benchmarks/size.py``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.instants import NY, week_numbers

BLOCK_MONTHS = 12
MIN_WEEKS = 5
"""With trades in fewer weeks, a standard error over weeks is meaningless."""
_TIE = 1e-9


@dataclass(frozen=True)
class GateNull:
    """The trades' mean net return and the distribution of the shifted trades' means.

    Parameters
    ----------
    net_bps, null_mean_bps : float
        Mean net return of the trades, and the average mean of the shifted trades.
    null_lower_bps, null_upper_bps : float
        Quantiles of the shifted means that leave ``(1 - level) / 2`` outside on each side.
    p_value : float
        ``(1 + draws at least as good) / (1 + draws)``; NaN if undefined.
    level : float
    n_trades, n_candidates, n_shifts : int
        Number of trades; of candidates in the blocks that have a trade; and of shifts, which is the
        number of sessions of the shortest such block.
    undefined : str
        Reason why there is no p-value; empty if there is one.
    """

    net_bps: float
    null_mean_bps: float
    null_lower_bps: float
    null_upper_bps: float
    p_value: float
    level: float
    n_trades: int
    n_candidates: int
    n_shifts: int
    undefined: str = ""


@dataclass(frozen=True)
class _Block:
    """One block under each of its shifts; shift 0 is the real trades.

    Parameters
    ----------
    excess, variance : ndarray, shape (n_sessions,)
        Sum over trades of net return minus the block's mean for the symbol, in bps; and the sum of
        squares of its weekly sums.
    expected : float
        Sum over trades of the block's mean for the symbol.
    n_candidates, n_chosen_from : int
        Candidates of symbols with a trade, and of those symbols that also have a candidate without
        a trade.
    n_weeks : int
        Number of weeks that have a trade.
    """

    excess: np.ndarray
    variance: np.ndarray
    expected: float
    n_candidates: int
    n_chosen_from: int
    n_weeks: int


def gate_null(
    candidates: pd.DataFrame, *, n_permutations: int, level: float, seed: int
) -> GateNull:
    """Compare the trades with the same pattern of trades at other times.

    Parameters
    ----------
    candidates : DataFrame
        Every candidate with a final label, traded or not: ``symbol``, ``decision_time_utc``,
        ``net_bps``, ``is_traded``.
    n_permutations : int
        Number of draws; each draws one shift for each block.
    level : float
        Level of the interval of shifted means; the p-value does not depend on it.
    seed : int

    Raises
    ------
    ValueError
        If an outcome is not finite.
    """
    rows = candidates.sort_values(["decision_time_utc", "symbol"], kind="stable")
    traded = rows["is_traded"].to_numpy(dtype=bool)
    net, n_trades = rows["net_bps"].to_numpy(dtype=np.float64), int(traded.sum())
    if not np.isfinite(net).all():
        n_bad = int((~np.isfinite(net)).sum())
        raise ValueError(f"gate_null: {n_bad} of {len(net)} outcomes are not finite")
    blocks = list(_blocks(rows)) if n_trades else []
    n_candidates = sum(block.n_candidates for block in blocks)
    n_shifts = min((len(block.excess) for block in blocks), default=0)
    undefined = _why_undefined(blocks, n_trades)
    observed = float(net[traded].mean()) if n_trades else math.nan
    if not n_trades or undefined:
        return GateNull(
            net_bps=observed,
            null_mean_bps=sum(b.expected for b in blocks) / n_trades if n_trades else math.nan,
            null_lower_bps=math.nan,
            null_upper_bps=math.nan,
            p_value=math.nan,
            level=level,
            n_trades=n_trades,
            n_candidates=n_candidates,
            n_shifts=n_shifts,
            undefined=undefined,
        )
    generator = np.random.default_rng(seed)
    excess, variance = np.zeros(n_permutations), np.zeros(n_permutations)
    for block in blocks:
        shift = generator.integers(len(block.excess), size=n_permutations)
        excess += block.excess[shift]
        variance += block.variance[shift]
    drawn = _ratio(excess, variance)
    found = _ratio(
        np.array([sum(block.excess[0] for block in blocks)]),
        np.array([sum(block.variance[0] for block in blocks)]),
    )[0]
    null = (excess + sum(block.expected for block in blocks)) / n_trades
    tail = (1.0 - level) / 2.0
    lower, upper = (float(q) for q in np.quantile(null, [tail, 1.0 - tail]))
    as_good = int((drawn >= found - _TIE).sum())
    return GateNull(
        net_bps=observed,
        null_mean_bps=float(null.mean()),
        null_lower_bps=lower,
        null_upper_bps=upper,
        p_value=(1 + as_good) / (1 + n_permutations),
        level=level,
        n_trades=n_trades,
        n_candidates=n_candidates,
        n_shifts=n_shifts,
    )


def _why_undefined(blocks: list[_Block], n_trades: int) -> str:
    if n_trades == 0:
        return "there is no trade"
    if sum(block.n_chosen_from for block in blocks) == 0:
        return "every candidate was traded, so none was chosen among others"
    n_weeks = sum(block.n_weeks for block in blocks)
    if n_weeks < MIN_WEEKS:
        return f"trades lie in {n_weeks} week(s), and {MIN_WEEKS} are needed"
    scale = max((float(np.max(block.variance)) for block in blocks), default=0.0)
    if not scale > _TIE:
        return "outcomes do not vary within a block"
    return ""


def _ratio(excess: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Excess divided by its standard error; 0 if the error is zero within rounding."""
    error = np.sqrt(np.maximum(variance, 0.0))
    is_flat = error <= _TIE * max(1.0, float(np.max(np.abs(excess))))
    return np.where(is_flat, 0.0, excess / np.where(is_flat, 1.0, error))


def _blocks(rows: pd.DataFrame) -> Iterator[_Block]:
    """The blocks that have a trade, in time order."""
    local = rows["decision_time_utc"].dt.tz_convert(NY)
    day = local.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    clock = (local.dt.hour * 60 + local.dt.minute).to_numpy() / 1440.0
    _, session = np.unique(day, return_inverse=True)
    month = day.astype("datetime64[M]").astype(np.int64)
    n_months = int(month.max() - month.min()) + 1
    n_blocks = max(1, round(n_months / BLOCK_MONTHS))
    block = (month - month.min()) * n_blocks // n_months
    week = week_numbers(day.astype(np.int64))
    traded = rows["is_traded"].to_numpy(dtype=bool)
    symbols = rows["symbol"].to_numpy()
    net = rows["net_bps"].to_numpy(dtype=np.float64)
    for number in np.unique(block[traded]):
        inside = np.flatnonzero(block == number)
        first = int(session[inside].min())
        frame = pd.DataFrame(
            {
                "symbol": symbols[inside],
                "at": session[inside] - first + clock[inside],
                "week": week[inside] - week[inside].min(),
                "net": net[inside],
                "is_traded": traded[inside],
            }
        )
        yield _shifted(frame, int(session[inside].max()) - first + 1)


def _shifted(block: pd.DataFrame, n_sessions: int) -> _Block:
    """Compute one block under every shift."""
    n_weeks = int(block["week"].max()) + 1
    by_week = np.zeros((n_sessions, n_weeks))
    expected, n_candidates, n_chosen_from = 0.0, 0, 0
    for _, part in block.groupby("symbol", sort=True):
        traded = np.flatnonzero(part["is_traded"].to_numpy())
        if len(traded) == 0:
            continue
        net, at = part["net"].to_numpy(), part["at"].to_numpy()
        chosen = next_candidates(at, traded, n_sessions)
        excess = net - net.mean()
        cell = np.arange(n_sessions)[:, None] * n_weeks + part["week"].to_numpy()[chosen]
        by_week += np.bincount(
            cell.ravel(), excess[chosen].ravel(), minlength=n_sessions * n_weeks
        ).reshape(n_sessions, n_weeks)
        expected += len(traded) * float(net.mean())
        n_candidates += len(part)
        n_chosen_from += len(part) if len(traded) < len(part) else 0
    return _Block(
        excess=by_week.sum(axis=1),
        variance=(by_week**2).sum(axis=1),
        expected=expected,
        n_candidates=n_candidates,
        n_chosen_from=n_chosen_from,
        n_weeks=block.loc[block["is_traded"], "week"].nunique(),
    )


def next_candidates(at: np.ndarray, traded: np.ndarray, n_sessions: int) -> np.ndarray:
    """The candidates that a symbol's trades take under each shift.

    Parameters
    ----------
    at : ndarray, shape (n_candidates,)
        Session number plus time of day of each candidate, ascending.
    traded : ndarray, shape (n_trades,)
        Positions of the trades among them.
    n_sessions : int

    Returns
    -------
    ndarray, shape (n_sessions, n_trades)
        Distinct in each row; the first row is `traded` itself.
    """
    wanted = at[traded][None, :] + np.arange(n_sessions)[:, None]
    wanted = np.sort(np.where(wanted >= n_sessions, wanted - n_sessions, wanted), axis=1)
    order = np.arange(len(traded))
    found = np.searchsorted(at, wanted - 1e-6, side="left")
    # Distinct: if a candidate is taken already, use the next one, or at the end the one before.
    distinct = np.maximum.accumulate(found - order, axis=1) + order
    return np.minimum(distinct, len(at) - len(traded) + order)
