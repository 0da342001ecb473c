"""The Step 2 signals that the planted edge depends on, updated bar by bar.

Belongs here: running values of those signals, for the symbols of one history or of many futures at
once. Does not belong here: the definition of a delivery's columns
(:mod:`step3_assets.domain.step2.features`); a test checks that the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from step3_assets.domain.step2.knobs import Step2Config


@dataclass
class Signals:
    """Running values at a bar's end; every array has one shape, symbols first.

    Parameters
    ----------
    log_close, close, fast, slow : ndarray
        The close, and its two exponential averages in price units.
    variance : ndarray
        EWMA of squared log returns.
    mean, spread : ndarray
        Exponential mean and biased variance of the log distance from the fast average to the
        close.
    atr : ndarray
        Exponential average of the true range, price units.
    weight : ndarray
        Sum of squared weights of `spread`, for its bias correction.
    """

    log_close: np.ndarray
    close: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    variance: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    atr: np.ndarray
    weight: np.ndarray

    @classmethod
    def start(cls, close: np.ndarray) -> Signals:
        """The signals at the first bar."""
        zero = np.zeros_like(close)
        return cls(
            log_close=np.log(close),
            close=close,
            fast=close,
            slow=close,
            variance=zero,
            mean=zero,
            spread=zero,
            atr=np.full_like(close, np.nan),  # the true range needs a close before it
            weight=np.ones_like(close),
        )

    def take(self, which: np.ndarray) -> Signals:
        """The signals of some columns."""
        return Signals(**{f.name: getattr(self, f.name)[..., which] for f in fields(self)})

    def advance(
        self, close: np.ndarray, high: np.ndarray, low: np.ndarray, knobs: Step2Config
    ) -> None:
        """Update with the next bar; arrays are replaced, never changed in place."""
        fast_alpha = 2.0 / (knobs.trend_fast_span + 1)
        slow_alpha = 2.0 / (knobs.trend_slow_span + 1)
        log_close = np.log(close)
        move = log_close - self.log_close
        true_range = np.maximum(high, self.close) - np.minimum(low, self.close)
        self.log_close = log_close
        self.close = close
        self.variance = self.variance + knobs.ewma_var_alpha * (move * move - self.variance)
        self.fast = self.fast + fast_alpha * (close - self.fast)
        self.slow = self.slow + slow_alpha * (close - self.slow)
        away = log_close - np.log(self.fast) - self.mean
        self.mean = self.mean + slow_alpha * away
        self.spread = (1 - slow_alpha) * (self.spread + slow_alpha * away * away)
        before = np.where(np.isnan(self.atr), true_range, self.atr)
        self.atr = before + 2.0 / (knobs.atr_span + 1) * (true_range - before)
        self.weight = (1 - slow_alpha) ** 2 * self.weight + slow_alpha**2

    def sigma(self) -> np.ndarray:
        """EWMA volatility per bar, log return."""
        return np.sqrt(self.variance)

    def atr_frac(self) -> np.ndarray:
        """Average true range over the close."""
        return self.atr / self.close

    def trend_score(self) -> np.ndarray:
        """Distance of the two averages over volatility; NaN at the first bar."""
        return (self.fast - self.slow) / self.close / self.sigma()

    def pullback_z(self) -> np.ndarray:
        """Distance of the close from the fast average over its deviation; NaN at the start."""
        deviation = np.sqrt(self.spread / (1.0 - self.weight))
        return (self.log_close - np.log(self.fast)) / deviation
