"""The simulator's running signals are the delivery's columns; its bars are lawful bars."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.worlds import WorldConfig
from step3_assets.domain.worlds.clock import read_clock
from step3_assets.domain.worlds.edge import drift_law
from step3_assets.domain.worlds.prices import History, simulate_history, to_bars
from step3_assets.domain.worlds.shocks import draw_history, laws_of

CONFIG = WorldConfig(years=0.5, edge_bps=10, seed=3, symbols=("AAA", "BBB"))


@pytest.fixture(scope="module")
def market() -> tuple[History, dict[str, pd.DataFrame]]:
    clock, rng = read_clock(CONFIG), np.random.default_rng(CONFIG.seed)
    draws, shocks, _ = draw_history(laws_of(CONFIG), clock, rng)
    history = simulate_history(CONFIG, clock, draws, shocks, drift_law(CONFIG))
    return history, to_bars(CONFIG, clock, history, rng)


@pytest.mark.parametrize("row", [0, 1])
def test_running_signals_equal_the_builders(market, row: int):
    history, bars = market
    symbol = CONFIG.symbols[row]
    built = build_delivery(bars, CONFIG.step2).bar_features[symbol]
    signals = history.signals.take(np.arange(1, history.volume.shape[1]))  # nothing has moved at 0
    running = {
        "sigma": signals.sigma()[row],
        "u_atr": signals.atr_frac()[row],
        "trend_score": signals.trend_score()[row],
        "pullback_z": signals.pullback_z()[row],
        "vol_z": history.volume_z[row, 1:],
    }
    for name, values in running.items():
        expected = built[name].to_numpy()[1:]
        known = np.isfinite(expected) & np.isfinite(values)
        assert known.sum() > 800
        np.testing.assert_allclose(values[known], expected[known], rtol=1e-8, err_msg=name)


def test_bars_are_lawful(market):
    _, bars = market
    for frame in bars.values():
        assert (frame["high"] >= frame[["open", "close"]].max(axis=1)).all()
        assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all()
        assert (frame["low"] > 0).all()
        assert (np.round(frame["close"] * 100) / 100 == frame["close"]).all()
        assert frame["date"].is_monotonic_increasing
        assert frame["is_opening_bar"].sum() == frame["ny_time"].dt.date.nunique()
