"""Prices: the loop in which signals determine the drift of the bars that follow.

Belongs here: the history of a world, bar by bar, and its bars as a table. Does not belong here: the
random part (`shocks`), the edge (`edge`), simulated futures (`oracle`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from step3_assets.domain.worlds.clock import Clock
from step3_assets.domain.worlds.config import WorldConfig
from step3_assets.domain.worlds.edge import DriftLaw
from step3_assets.domain.worlds.shocks import BarShocks, Draws, extremes
from step3_assets.domain.worlds.signals import Signals

_CENTS = 100.0  # prices are whole cents
_REPORT_EVERY = 500


@dataclass(frozen=True)
class History:
    """The simulated history of S symbols over T bars.

    Parameters
    ----------
    log_price : ndarray, shape (S, T)
        Log close before it is rounded to cents.
    prices : ndarray, shape (4, S, T)
        Open, high, low, close, USD.
    volume : ndarray, shape (S, T)
    volume_z : ndarray, shape (S, T)
        ``vol_z`` of each bar.
    rate : ndarray, shape (S, T)
        Drift over volatility of the next hours, as it follows from the bar's end.
    signals : Signals
        At each bar's end.
    """

    log_price: np.ndarray
    prices: np.ndarray
    volume: np.ndarray
    volume_z: np.ndarray
    rate: np.ndarray
    signals: Signals


def simulate_history(
    config: WorldConfig,
    clock: Clock,
    draws: Draws,
    shocks: BarShocks,
    law: DriftLaw,
    progress: Callable[[float], None] | None = None,
) -> History:
    """Simulate bar by bar: a bar's drift depends on the signals at the end of the one before.

    Parameters
    ----------
    config, clock, draws, shocks, law
    progress : callable, optional
        Called with the share done.
    """
    n_symbols, n = shocks.gap.shape
    volume = np.round(np.exp(shocks.log_volume))
    volume_z = _volume_z(volume, config)
    names = [field.name for field in fields(Signals)]
    kept = {name: np.empty((n, n_symbols)) for name in names}
    log_price, rates = np.empty((2, n, n_symbols))
    prices = np.empty((n, 4, n_symbols))
    at = np.log(np.array(config.per_symbol(config.start_price)))
    rate = np.zeros(n_symbols)
    signals = None
    with np.errstate(invalid="ignore", divide="ignore"):
        for bar in range(n):
            hourly = rate * shocks.volatility[:, bar]
            start = at + shocks.gap[:, bar] + hourly * clock.gap_variance[bar]
            drift = hourly * clock.variance[bar]
            move, high, low = extremes(
                draws.upward[..., bar],
                draws.downward[..., bar],
                shocks.steps[..., bar],
                shocks.step_variance[:, bar],
                drift,
            )
            at = start + move
            price = np.array([start, start + high, start + low, at])
            prices[bar] = price = np.round(np.exp(price) * _CENTS) / _CENTS
            if signals is None:
                signals = Signals.start(price[3])
            else:
                signals.advance(price[3], price[1], price[2], config.step2)
            rate = _rate(law, signals, volume_z[:, bar], bar)
            log_price[bar], rates[bar] = at, rate
            for name in names:
                kept[name][bar] = getattr(signals, name)
            if progress is not None and bar % _REPORT_EVERY == 0:
                progress(bar / n)
    return History(
        log_price=log_price.T,
        prices=np.moveaxis(prices, 0, 2),
        volume=volume,
        volume_z=volume_z,
        rate=rates.T,
        signals=Signals(**{name: values.T for name, values in kept.items()}),
    )


def to_bars(
    config: WorldConfig, clock: Clock, history: History, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Bars by symbol, in the layout that Step 2 reads."""
    average = np.round(history.prices.mean(axis=0), 3)
    trade_size = np.exp(rng.normal(5.3, 0.15, size=history.volume.shape))
    stamps = clock.calendar.iloc[: clock.n_bars]
    return {
        symbol: pd.DataFrame(
            {
                "date": stamps["date"],
                **dict(zip(("open", "high", "low", "close"), history.prices[:, row], strict=True)),
                "volume": history.volume[row],
                "average": average[row],
                "barCount": np.maximum(1, history.volume[row] / trade_size[row]).astype(np.int64),
                "ny_time": stamps["ny_time"],
                "is_opening_bar": stamps["is_opening_bar"],
                "expected_bar_seconds": stamps["expected_bar_seconds"],
                "is_partial_bar": stamps["is_partial_bar"],
            }
        )
        for row, symbol in enumerate(config.symbols)
    }


def _rate(law: DriftLaw, signals: Signals, volume_z: np.ndarray, bar: int) -> np.ndarray:
    readings = (
        signals.sigma(),
        signals.atr_frac(),
        signals.trend_score(),
        signals.pullback_z(),
        volume_z,
    )
    return law.rate(*(values[:, None] for values in readings), bar=np.array([bar]))[:, 0]


def _volume_z(volume: np.ndarray, config: WorldConfig) -> np.ndarray:
    """Each bar's ``vol_z``: volume does not depend on prices, so it is known for all bars."""
    knobs = config.step2
    log_volume = pd.DataFrame(np.log(volume).T)
    window = log_volume.rolling(knobs.volume_window, min_periods=knobs.volume_min_periods)
    return ((log_volume - window.mean()) / window.std()).to_numpy().T
