"""Permutation null of the gate: would as many trades, drawn at random, have done as well?

Belongs here: the draw and its p value. Does not belong here: the gate.

Trades are drawn from the candidates of the same symbol and month, so a good month or symbol, which
costs no skill, lifts the null as it lifts the trades. The null knows nothing of overlap: drawn
trades may overlap where ours may not, so it spreads a little wider than it would.

Source: B. Phipson and G. K. Smyth (2010), *Permutation P-values Should Never Be Zero*, Statistical
Applications in Genetics and Molecular Biology 9(1), eq. 2.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

STRATUM = ["month", "symbol"]


@dataclass(frozen=True)
class GateNull:
    """The trades' mean net and where it lies among random ones.

    Parameters
    ----------
    net_bps, null_mean_bps : float
        Mean net of the trades, and of random ones.
    null_lower_bps, null_upper_bps : float
        Quantiles of the random means that leave ``(1 - level) / 2`` outside on each side.
    p_value : float
        ``(1 + draws at least as good) / (1 + draws)``; NaN without a trade or without a choice.
    level : float
    n_trades, n_candidates : int
        Candidates are those of the strata that have a trade.
    """

    net_bps: float
    null_mean_bps: float
    null_lower_bps: float
    null_upper_bps: float
    p_value: float
    level: float
    n_trades: int
    n_candidates: int


def gate_null(
    candidates: pd.DataFrame, *, n_permutations: int, level: float, seed: int
) -> GateNull:
    """Hold the trades against random choices of equally many candidates.

    Parameters
    ----------
    candidates : DataFrame
        Every candidate with a final label: ``month``, ``symbol``, ``net_bps``, ``is_traded``.
    n_permutations : int
    level : float
        Of the null's interval; the p value does not depend on it.
    seed : int

    Returns
    -------
    GateNull
        Where every candidate of every stratum was traded there was no choice, and no p value.
    """
    rows = candidates.sort_values([*STRATUM, "net_bps"], kind="stable")
    is_traded = rows["is_traded"].to_numpy(dtype=bool)
    net = rows["net_bps"].to_numpy(dtype=np.float64)
    total = np.zeros(n_permutations)
    n_candidates, has_choice = 0, False
    generator = np.random.default_rng(seed)
    for positions in rows.reset_index(drop=True).groupby(STRATUM, sort=True).indices.values():
        n_here, pool = int(is_traded[positions].sum()), net[positions]
        if n_here == 0:
            continue
        n_candidates += len(pool)
        has_choice |= n_here < len(pool)
        total += _random_sums(pool, n_here, n_permutations, generator)
    n_trades = int(is_traded.sum())
    nan = math.nan
    if n_trades == 0:
        return GateNull(nan, nan, nan, nan, nan, level, 0, n_candidates)
    observed, null = float(net[is_traded].mean()), total / n_trades
    tail = (1.0 - level) / 2.0
    lower, upper = (float(q) for q in np.quantile(null, [tail, 1.0 - tail]))
    # A mean that differs by rounding alone counts as at least as good.
    slack = 1e-9 * max(1.0, abs(observed))
    p_value = (1 + int((null >= observed - slack).sum())) / (1 + n_permutations)
    return GateNull(
        observed,
        float(null.mean()),
        lower,
        upper,
        p_value if has_choice else nan,
        level,
        n_trades,
        n_candidates,
    )


def _random_sums(
    pool: np.ndarray, n_drawn: int, n_permutations: int, generator: np.random.Generator
) -> np.ndarray:
    """Sums of `n_drawn` members of the pool, drawn without replacement, many times."""
    if n_drawn == len(pool):
        return np.full(n_permutations, pool.sum())
    keys = generator.random((n_permutations, len(pool)), dtype=np.float32)
    chosen = np.argpartition(keys, n_drawn - 1, axis=1)[:, :n_drawn]
    return pool[chosen].sum(axis=1)
