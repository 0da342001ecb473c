"""Random shocks: volatility, volume and the path of every bar, before any drift.

Belongs here: the laws of the random part, drawn for a whole history or for one bar of many
simulated futures. Does not belong here: drift, prices, signals.

Shocks do not depend on prices, so a whole history is drawn at once. Every increment of a path has
mean zero given all earlier ones, because a bar's volatility is fixed by the shocks of earlier bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from step3_assets.domain.worlds.clock import Clock
from step3_assets.domain.worlds.config import WorldConfig


@dataclass(frozen=True)
class Laws:
    """A configuration as arrays: k common volatility factors, S symbols."""

    persistence: np.ndarray  # (k, 1) of the common factors
    shock_scale: np.ndarray  # (k, 1) deviation of a factor's innovation
    leverage: np.ndarray  # (k, 1)
    own_persistence: float
    own_scale: float
    log_base: np.ndarray  # (S, 1) such that an average hour's mean square is the base's
    mixing: float
    gap_mixing: float
    market_weight: float
    own_weight: float
    sub_steps: int
    volume_slope: float
    memory_persistence: float
    memory_scale: float
    volume_noise: np.ndarray  # (1 + S, 1) common, then each symbol's own
    log_volume: np.ndarray  # (S, 1)


@dataclass(frozen=True)
class Draws:
    """Standard normals and unit exponentials of n bars (of one history, or of n futures).

    Shapes: ``market`` (sub_steps, 1, n), ``own`` (sub_steps, S, n), ``gap_market`` (1, n),
    ``gap_own`` (S, n), ``mixing`` and ``gap_mixing`` (1, n), ``upward`` and ``downward``
    (sub_steps, S, n), ``factors`` (k, n), ``own_factors`` (S, n), ``memory`` (1, n),
    ``volume`` (1 + S, n).
    """

    market: np.ndarray
    own: np.ndarray
    gap_market: np.ndarray
    gap_own: np.ndarray
    mixing: np.ndarray
    gap_mixing: np.ndarray
    upward: np.ndarray
    downward: np.ndarray
    factors: np.ndarray
    own_factors: np.ndarray
    memory: np.ndarray
    volume: np.ndarray

    def market_shock(self, is_first: np.ndarray) -> np.ndarray:
        """The market's move of the bar with its night, standard normal, shape (1, n)."""
        bar = self.market.sum(axis=0) / np.sqrt(len(self.market))
        return np.where(is_first, (bar + self.gap_market) / np.sqrt(2.0), bar)


@dataclass(frozen=True)
class BarShocks:
    """The random part of n bars, before drift; S symbols.

    Parameters
    ----------
    steps : ndarray, shape (sub_steps, S, n)
        Log return of each sub-step: symmetric about zero given everything before the bar.
    step_variance : ndarray, shape (S, n)
        Variance of one sub-step, given the bar's volatility.
    gap : ndarray, shape (S, n)
        Log return of the night before; 0 within a session.
    log_volume : ndarray, shape (S, n)
    volatility : ndarray, shape (S, n)
        Volatility of an average hour, log return.
    """

    steps: np.ndarray
    step_variance: np.ndarray
    gap: np.ndarray
    log_volume: np.ndarray
    volatility: np.ndarray


@dataclass(frozen=True)
class Hidden:
    """The hidden state of a history at the end of each bar."""

    factors: np.ndarray  # (k, T) common volatility factors of that bar
    own_factors: np.ndarray  # (S, T)
    market_shock: np.ndarray  # (1, T), which moves the next bar's factors
    memory: np.ndarray  # (1, T) of log volume


def laws_of(config: WorldConfig) -> Laws:
    """Turn half lives and deviations into recursions."""
    law, volume = config.volatility, config.volume
    persistence = 0.5 ** (1.0 / np.array(law.half_lives_bars))
    own = 0.5 ** (1.0 / law.own_half_life_bars)
    memory = 0.5 ** (1.0 / volume.memory_half_life_bars)
    # E[exp(2x)] = exp(2 var) for a normal x; subtracting var makes the base the RMS.
    spread = float(np.sum(np.square(law.deviations))) + law.own_deviation**2
    return Laws(
        persistence=_column(persistence),
        shock_scale=_column(np.array(law.deviations) * np.sqrt(1 - persistence**2)),
        leverage=_column(law.leverages),
        own_persistence=own,
        own_scale=law.own_deviation * np.sqrt(1 - own**2),
        log_base=_column(np.log(np.array(config.per_symbol(config.base_volatility_bps)) / 1e4))
        - spread,
        mixing=law.bar_mixing,
        gap_mixing=law.gap_mixing,
        market_weight=float(np.sqrt(config.correlation)),
        own_weight=float(np.sqrt(1 - config.correlation)),
        sub_steps=config.sub_steps,
        volume_slope=volume.volatility_slope,
        memory_persistence=memory,
        memory_scale=volume.memory_deviation * np.sqrt(1 - memory**2),
        volume_noise=_column([volume.common_noise, *[volume.own_noise] * len(config.symbols)]),
        log_volume=_column(np.log(config.per_symbol(config.typical_volume))),
    )


def draw(laws: Laws, n: int, rng: np.random.Generator, *, has_gaps: bool = True) -> Draws:
    """Draw the randomness of n bars; without gaps, the arrays of gaps are zero and not drawn."""
    n_symbols, k = len(laws.log_base), laws.sub_steps
    gaps = rng.standard_normal((2 + n_symbols, n)) if has_gaps else np.zeros((2 + n_symbols, 1))
    return Draws(
        market=rng.standard_normal((k, 1, n)),
        own=rng.standard_normal((k, n_symbols, n)),
        gap_market=gaps[:1],
        gap_own=gaps[2:],
        mixing=rng.standard_normal((1, n)),
        gap_mixing=gaps[1:2],
        upward=rng.standard_exponential((k, n_symbols, n)),
        downward=rng.standard_exponential((k, n_symbols, n)),
        factors=rng.standard_normal((len(laws.persistence), n)),
        own_factors=rng.standard_normal((n_symbols, n)),
        memory=rng.standard_normal((1, n)),
        volume=rng.standard_normal((1 + n_symbols, n)),
    )


def advance_factors(
    laws: Laws, factors: np.ndarray, market_shock: np.ndarray, innovations: np.ndarray
) -> np.ndarray:
    """Common volatility factors of the next bar: persistent, and higher after falls (leverage)."""
    fresh = np.sqrt(1 - laws.leverage**2) * innovations
    return laws.persistence * factors + laws.shock_scale * (laws.leverage * market_shock + fresh)


def shape_bars(
    laws: Laws,
    draws: Draws,
    log_volatility: np.ndarray,
    memory: np.ndarray,
    clock: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> BarShocks:
    """Scale draws by volatility.

    Parameters
    ----------
    laws : Laws
    draws : Draws
    log_volatility : ndarray, shape (S, n)
        Common plus own factors of each bar.
    memory : ndarray, shape (1, n)
        Slow part of log volume.
    clock : tuple of ndarray, each (n,)
        ``variance``, ``gap_variance`` and seasonal ``log_volume`` of each bar.
    """
    variance, gap_variance, seasonal = clock
    level = laws.log_base + log_volatility
    mixing = laws.mixing * draws.mixing - laws.mixing**2
    step_deviation = np.exp(level + mixing) * np.sqrt(variance / laws.sub_steps)
    steps = laws.market_weight * draws.market + laws.own_weight * draws.own
    steps *= step_deviation
    if gap_variance.any():
        gap_mixing = laws.gap_mixing * draws.gap_mixing - laws.gap_mixing**2
        gap = laws.market_weight * draws.gap_market + laws.own_weight * draws.gap_own
        gap = gap * np.exp(level + gap_mixing) * np.sqrt(gap_variance)
    else:
        gap = np.zeros_like(level)
    noise = laws.volume_noise * draws.volume
    log_volume = laws.log_volume + laws.volume_slope * (log_volatility + mixing)
    log_volume += seasonal + memory + noise[:1] + noise[1:]
    return BarShocks(
        steps=steps,
        step_variance=step_deviation**2,
        gap=gap,
        log_volume=log_volume,
        volatility=np.exp(level),
    )


def draw_history(
    laws: Laws, clock: Clock, rng: np.random.Generator
) -> tuple[Draws, BarShocks, Hidden]:
    """Draw the whole history of a world; factors start from their stationary distribution."""
    n = clock.n_bars
    draws = draw(laws, n, rng)
    is_first = clock.is_first[:n]
    market_shock = draws.market_shock(is_first)
    before = np.concatenate([rng.standard_normal((1, 1)), market_shock[:, :-1]], axis=1)
    pushes = advance_factors(laws, np.zeros_like(draws.factors), before, draws.factors)
    deviation = laws.shock_scale / np.sqrt(1 - laws.persistence**2)
    factors = _autoregression(laws.persistence, pushes, deviation, rng)
    own_deviation = laws.own_scale / np.sqrt(1 - laws.own_persistence**2)
    own_pushes = laws.own_scale * draws.own_factors
    own_factors = _autoregression(laws.own_persistence, own_pushes, own_deviation, rng)
    memory_deviation = laws.memory_scale / np.sqrt(1 - laws.memory_persistence**2)
    pushes = laws.memory_scale * draws.memory
    memory = _autoregression(laws.memory_persistence, pushes, memory_deviation, rng)
    shocks = shape_bars(
        laws,
        draws,
        factors.sum(axis=0) + own_factors,
        memory,
        (clock.variance[:n], clock.gap_variance[:n], clock.log_volume[:n]),
    )
    hidden = Hidden(
        factors=factors, own_factors=own_factors, market_shock=market_shock, memory=memory
    )
    return draws, shocks, hidden


def extremes(
    upward: np.ndarray,
    downward: np.ndarray,
    steps: np.ndarray,
    step_variance: np.ndarray,
    bar_drift: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move, highest and lowest point of each bar's path, from its open.

    Within a sub-step the path is a Brownian bridge: the maximum of a bridge from a to b of
    variance v exceeds m with probability exp(-2 (m-a)(m-b) / v), which an exponential draw
    inverts (Glasserman, Monte Carlo Methods in Financial Engineering, 2003, section 6.4).

    Parameters
    ----------
    upward, downward : ndarray, shape (sub_steps, S, ...)
        Unit exponential draws.
    steps : ndarray, shape (sub_steps, S, ...)
        Log return of each sub-step without drift.
    step_variance : ndarray, shape (S, ...)
        Variance of one sub-step.
    bar_drift : ndarray, shape (S, ...)
        Log drift over the bar, spread evenly over its sub-steps.

    Returns
    -------
    move, high, low : ndarray, shape (S, ...)
        Log distances from the open; high >= max(0, move), low <= min(0, move).
    """
    moves = steps + bar_drift / len(steps)
    ends = np.cumsum(moves, axis=0)
    middle = ends - 0.5 * moves
    squared = moves * moves
    spread = 2.0 * step_variance
    high = (middle + 0.5 * np.sqrt(squared + spread * upward)).max(axis=0)
    low = (middle - 0.5 * np.sqrt(squared + spread * downward)).min(axis=0)
    return ends[-1], high, low


def _autoregression(
    persistence: float | np.ndarray,
    pushes: np.ndarray,
    deviation: float | np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """x[t] = persistence x[t-1] + pushes[t] in each row, from a stationary start."""
    from scipy.signal import lfilter

    rows = len(pushes)
    start = rng.standard_normal((rows, 1)) * deviation
    persistences = np.broadcast_to(persistence, (rows, 1))[:, 0]
    return np.stack(
        [
            lfilter([1.0], [1.0, -phi], push, zi=phi * first)[0]
            for phi, push, first in zip(persistences, pushes, start, strict=True)
        ]
    )


def _column(values: object) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)[:, None]
