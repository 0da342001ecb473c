"""The oracle: each event's true expected net return, given everything known at its decision.

Belongs here: simulated futures from the true state, and their average. Does not belong here: the
world's actual future, which the oracle never sees.

Within a bar and over a night, the random part of a log price has mean zero given the past, and an
event's exit depends only on what happened before it. By optional stopping (Doob), its expected
gross return is therefore the expected *drift* between entry and exit. The oracle averages that
drift over simulated futures instead of their returns: the expectation is the same, with a tenth of
the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from step3_assets.domain.worlds.clock import Clock
from step3_assets.domain.worlds.config import WorldConfig
from step3_assets.domain.worlds.edge import DriftLaw
from step3_assets.domain.worlds.prices import History
from step3_assets.domain.worlds.shocks import (
    Hidden,
    Laws,
    advance_factors,
    draw,
    extremes,
    shape_bars,
)
from step3_assets.domain.worlds.signals import Signals

# Futures simulated at once: enough to amortise array overhead, few enough for the CPU's cache.
_BATCH = 8192
# Futures that have ended are dropped when fewer than this share are still open.
_DROP_BELOW = 0.75


@dataclass(frozen=True)
class World:
    """What the oracle knows: the laws of the market, and the true state behind every bar."""

    config: WorldConfig
    clock: Clock
    laws: Laws
    law: DriftLaw
    history: History
    hidden: Hidden


@dataclass(frozen=True)
class Exits:
    """Exit rules of the decisions of a batch, shape (S, decisions); no event where horizon < 0."""

    target: np.ndarray  # log return
    stop: np.ndarray  # log return, positive
    horizon: np.ndarray  # bars

    @classmethod
    def of_events(cls, events: Mapping[str, pd.DataFrame], world: World) -> Exits:
        """Exit rules of every bar of the world."""
        shape = (len(world.config.symbols), world.clock.n_bars)
        target, stop = np.full((2, *shape), np.nan)
        horizon = np.full(shape, -1)
        for row, symbol in enumerate(world.config.symbols):
            bars = events[symbol]["t_idx"].to_numpy()
            target[row, bars] = events[symbol]["a_tp"]
            stop[row, bars] = events[symbol]["b_sl"]
            horizon[row, bars] = events[symbol]["H"]
        return cls(target=target, stop=stop, horizon=horizon)

    def take(self, bars: np.ndarray) -> Exits:
        """Exit rules of some bars."""
        return Exits(
            target=self.target[:, bars],
            stop=self.stop[:, bars],
            horizon=self.horizon[:, bars],
        )


@dataclass
class _Futures:
    """m simulated futures; arrays (S, m), (k, m) or (m,)."""

    decision: np.ndarray  # (m,) row in the batch of decision bars
    bar: np.ndarray  # (m,) decision bar in the world
    at: np.ndarray  # (S, m) log price
    entry: np.ndarray  # (S, m) log price of the entry
    signals: Signals
    factors: np.ndarray
    own_factors: np.ndarray
    market_shock: np.ndarray
    memory: np.ndarray
    volume_sum: np.ndarray  # (S, m) of centred log volume since the decision
    volume_squares: np.ndarray
    rate: np.ndarray
    is_open: np.ndarray  # (S, m) the position is held
    is_leaving: np.ndarray  # (S, m) it leaves at the next open
    earned: np.ndarray  # (S, m) drift since the entry

    def take(self, which: np.ndarray) -> _Futures:
        parts = {}
        for field in fields(self):
            value = getattr(self, field.name)
            parts[field.name] = (
                value.take(which) if isinstance(value, Signals) else value[..., which]
            )
        return _Futures(**parts)


def expected_returns(
    world: World,
    events: Mapping[str, pd.DataFrame],
    rng: np.random.Generator,
    progress: Callable[[float], None] | None = None,
) -> dict[str, pd.DataFrame]:
    """Expected net return of every event.

    Parameters
    ----------
    world : World
    events : mapping of str to DataFrame
        By symbol, as the builder made them.
    rng : Generator
        Random stream of the futures.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    dict of str to DataFrame
        By symbol: ``symbol``, ``decision_time_utc``, ``expected_gross``, ``expected_net`` and the
        ``standard_error`` of both, log return.
    """
    exits = Exits.of_events(events, world)
    volumes = _VolumeSums(world)
    n_paths = world.config.oracle_paths
    per_batch = max(1, _BATCH // n_paths)
    decisions = np.flatnonzero((exits.horizon >= 0).any(axis=0))
    mean, error = np.full((2, *exits.horizon.shape), np.nan)
    for first in range(0, len(decisions), per_batch):
        bars = decisions[first : first + per_batch]
        earned = _earned(world, volumes, bars, exits.take(bars), rng)
        mean[:, bars] = earned.mean(axis=2)
        error[:, bars] = earned.std(axis=2, ddof=1) / np.sqrt(n_paths)
        if progress is not None:
            progress(first / len(decisions))
    expected = {}
    for row, symbol in enumerate(world.config.symbols):
        rows = events[symbol]
        bars = rows["t_idx"].to_numpy()
        expected[symbol] = pd.DataFrame(
            {
                "symbol": rows["symbol"].to_numpy(),
                "decision_time_utc": rows["decision_time_utc"].to_numpy(),
                "expected_gross": mean[row, bars],
                "expected_net": mean[row, bars] - rows["cost_rt"].to_numpy(),
                "standard_error": error[row, bars],
            }
        )
    return expected


def _earned(
    world: World,
    volumes: _VolumeSums,
    bars: np.ndarray,
    exits: Exits,
    rng: np.random.Generator,
) -> np.ndarray:
    """Drift between entry and exit, shape (S, decisions, paths)."""
    n_paths = world.config.oracle_paths
    futures = _begin(world, bars, exits, n_paths)
    result = np.zeros((len(exits.horizon), len(bars) * n_paths))
    column = np.arange(result.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        for step in range(int(exits.horizon.max()) + 2):
            is_alive = np.asarray(futures.is_open.any(axis=0))
            if is_alive.mean() < _DROP_BELOW:
                result[:, column] = futures.earned
                futures, column = futures.take(is_alive), column[is_alive]
                if not is_alive.any():
                    return result.reshape(len(result), len(bars), n_paths)
            _advance(world, volumes, futures, exits, step, rng)
    result[:, column] = futures.earned
    return result.reshape(len(result), len(bars), n_paths)


def _begin(world: World, bars: np.ndarray, exits: Exits, n_paths: int) -> _Futures:
    history, hidden = world.history, world.hidden
    bar = np.repeat(bars, n_paths)
    at = history.log_price[:, bar]
    nothing = np.zeros_like(at)
    is_open = np.repeat(exits.horizon >= 0, n_paths, axis=1)
    return _Futures(
        decision=np.repeat(np.arange(len(bars)), n_paths),
        bar=bar,
        at=at,
        entry=at,
        signals=history.signals.take(bar),
        factors=hidden.factors[:, bar],
        own_factors=hidden.own_factors[:, bar],
        market_shock=hidden.market_shock[:, bar],
        memory=hidden.memory[:, bar],
        volume_sum=nothing,
        volume_squares=nothing,
        rate=history.rate[:, bar],
        is_open=is_open,
        is_leaving=np.zeros_like(is_open),
        earned=nothing,
    )


def _advance(
    world: World,
    volumes: _VolumeSums,
    futures: _Futures,
    exits: Exits,
    step: int,
    rng: np.random.Generator,
) -> None:
    """Simulate the bar that is `step` bars after the entry bar: first its open, then its path."""
    clock, laws = world.clock, world.laws
    bar = futures.bar + 1 + step
    draws = draw(laws, len(bar), rng, has_gaps=bool(clock.is_first[bar].any()))
    futures.factors = advance_factors(laws, futures.factors, futures.market_shock, draws.factors)
    futures.own_factors = (
        laws.own_persistence * futures.own_factors + laws.own_scale * draws.own_factors
    )
    futures.memory = laws.memory_persistence * futures.memory + laws.memory_scale * draws.memory
    futures.market_shock = draws.market_shock(clock.is_first[bar])
    shocks = shape_bars(
        laws,
        draws,
        futures.factors.sum(axis=0) + futures.own_factors,
        futures.memory,
        (clock.variance[bar], clock.gap_variance[bar], clock.log_volume[bar]),
    )
    hourly = futures.rate * shocks.volatility
    overnight = hourly * clock.gap_variance[bar]
    start = futures.at + shocks.gap + overnight
    if step == 0:
        futures.entry = start
    else:
        futures.earned = futures.earned + futures.is_open * overnight
        futures.is_open = futures.is_open & ~futures.is_leaving
    drift = hourly * clock.variance[bar]
    move, high, low = extremes(
        draws.upward, draws.downward, shocks.steps, shocks.step_variance, drift
    )
    high, low = start + high, start + low
    target, stop = exits.target[:, futures.decision], exits.stop[:, futures.decision]
    is_touched = (high - futures.entry >= target) | (low - futures.entry <= -stop)
    futures.is_leaving = is_touched | (step >= exits.horizon[:, futures.decision])
    futures.earned = futures.earned + futures.is_open * drift
    futures.at = start + move
    futures.signals.advance(np.exp(futures.at), np.exp(high), np.exp(low), world.config.step2)
    futures.rate = world.law.rate(
        futures.signals.sigma(),
        futures.signals.atr_frac(),
        futures.signals.trend_score(),
        futures.signals.pullback_z(),
        volumes.advance(futures, bar, shocks.log_volume),
        bar,
    )


class _VolumeSums:
    """Rolling ``vol_z`` of a future: over the world's bars up to the decision, then its own."""

    def __init__(self, world: World) -> None:
        self._knobs = world.config.step2
        self._centre = world.laws.log_volume
        centred = np.log(world.history.volume) - self._centre
        nothing = np.zeros((len(centred), 1))
        self._sum = np.concatenate([nothing, np.cumsum(centred, axis=1)], axis=1)
        self._squares = np.concatenate([nothing, np.cumsum(centred**2, axis=1)], axis=1)

    def advance(self, futures: _Futures, bar: np.ndarray, log_volume: np.ndarray) -> np.ndarray:
        """Add a bar's volume and return its ``vol_z``, shape (S, m)."""
        knobs = self._knobs
        centred = log_volume - self._centre
        futures.volume_sum = futures.volume_sum + centred
        futures.volume_squares = futures.volume_squares + centred**2
        first = np.maximum(0, bar + 1 - knobs.volume_window)
        count = bar + 1 - first
        last = futures.bar + 1
        total = self._sum[:, last] - self._sum[:, first] + futures.volume_sum
        squares = self._squares[:, last] - self._squares[:, first] + futures.volume_squares
        mean = total / count
        deviation = np.sqrt((squares - total * mean) / (count - 1))
        is_known = count >= knobs.volume_min_periods
        return np.where(is_known, (centred - mean) / deviation, np.nan)
