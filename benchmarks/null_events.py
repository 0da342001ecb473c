"""Event tables of worlds without an edge, made directly and fast, for studies of test size.

Belongs here: a generator with the features that make tests on such tables hard (overlapping labels,
clusters of candidates, noise that symbols share, changing volatility, fat tails), and gates that do
not use outcomes. Does not belong here: the worlds that go through the whole platform
(:mod:`step3_assets.domain.worlds`), any test.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter

BARS_PER_SESSION = 7
HORIZON = 13
"""Bars from entry to the last exit: nearly two sessions."""
VARIANCE_SHARES = np.array([0.34, 0.15, 0.11, 0.08, 0.08, 0.10, 0.14])
"""Share of a session's variance by bar; the first includes the night."""
COST = 8e-4


@dataclass(frozen=True)
class NullWorld:
    """A world whose candidates all have the same expected net return.

    Parameters
    ----------
    seed : int
    n_symbols : int
    correlation : float
        Of the bar returns of any two symbols.
    years : float
    daily_vol : float
        Mean volatility of a session's return.
    annual_drift : float
        Log drift of every symbol.
    edge_bps : float
        Added to the net return of candidates whose signal (column ``signal``) is in its top third;
        0 in a null world.
    """

    seed: int
    n_symbols: int = 2
    correlation: float = 0.9
    years: float = 5.0
    daily_vol: float = 0.011
    annual_drift: float = 0.0
    edge_bps: float = 0.0


def _ar(rng: np.random.Generator, n: int, shape: tuple[int, ...], bars: float) -> np.ndarray:
    """Stationary AR(1) with unit variance that forgets over so many rows."""
    phi = np.exp(-1.0 / bars)
    noise = rng.standard_normal((n, *shape)) * np.sqrt(1.0 - phi**2)
    noise[0] /= np.sqrt(1.0 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=0))


def make_events(world: NullWorld) -> pd.DataFrame:
    """Candidates of every symbol in time order, with their outcome and features.

    Returns
    -------
    DataFrame
        ``symbol``, ``decision_time_utc``, ``month``, ``t_idx``, ``label_end_idx``, ``net_logret``,
        ``net_bps`` and, known at the decision: ``vol``, ``ret_1d``, ``ret_5d``, ``hour``, ``iid``,
        ``ar_1d``, ``ar_5d``, ``ar_20d``, ``shared_5d``, ``shared_20d``, ``signal``.
    """
    rng = np.random.default_rng(world.seed)
    n_sessions, n_symbols = round(252 * world.years), world.n_symbols
    n_bars = n_sessions * BARS_PER_SESSION
    log_vol = 0.45 * _ar(rng, n_sessions, (), 30.0)
    session_vol = world.daily_vol * np.exp(log_vol - 0.45**2)
    bar_vol = np.repeat(session_vol, BARS_PER_SESSION) * np.sqrt(
        np.tile(VARIANCE_SHARES, n_sessions)
    )
    shocks = rng.standard_t(5, (n_bars, n_symbols + 1)) / np.sqrt(5 / 3)
    common, own = shocks[:, :1], shocks[:, 1:]
    mixed = np.sqrt(world.correlation) * common + np.sqrt(1 - world.correlation) * own
    drift = world.annual_drift / (252 * BARS_PER_SESSION)
    returns = bar_vol[:, None] * mixed + drift
    shared = {f"shared_{d}d": _ar(rng, n_bars, (), d * BARS_PER_SESSION) for d in (5, 20)}
    days = pd.bdate_range("2016-01-04", periods=n_sessions)
    opens = days.to_numpy()[:, None] + np.timedelta64(14 * 60 + 30, "m")
    stamps = opens + np.arange(BARS_PER_SESSION) * np.timedelta64(60, "m")
    stamps = pd.DatetimeIndex(stamps.ravel()).tz_localize("UTC")
    scale = pd.Series(np.abs(mixed[:, 0] * bar_vol)).ewm(halflife=70).mean().to_numpy()
    parts = [
        _symbol_events(rng, f"S{i}", returns[:, i], scale, stamps, shared, world.edge_bps)
        for i in range(n_symbols)
    ]
    events = pd.concat(parts, ignore_index=True)
    return events.sort_values(["decision_time_utc", "symbol"], ignore_index=True)


def _symbol_events(
    rng: np.random.Generator,
    symbol: str,
    returns: np.ndarray,
    scale: np.ndarray,
    stamps: pd.DatetimeIndex,
    shared: dict[str, np.ndarray],
    edge_bps: float,
) -> pd.DataFrame:
    n_bars = len(returns)
    level = np.cumsum(returns)
    busy = _ar(rng, n_bars, (), 10.0)
    past = level - np.concatenate([np.zeros(7), level[:-7]])
    wants = busy + 0.5 * past / (scale * 3.0) + rng.standard_normal(n_bars)
    t = np.flatnonzero(wants > -0.3)
    t = t[(t >= 40 * BARS_PER_SESSION) & (t < n_bars - HORIZON - 3)]
    # Entry at the next bar's open: its return is the first of the label.
    ahead = np.lib.stride_tricks.sliding_window_view(returns, HORIZON)[t + 1]
    path = np.cumsum(ahead, axis=1)
    barrier = 3.5 * scale[t][:, None]
    hit = np.abs(path) > barrier
    last = np.where(hit.any(axis=1), hit.argmax(axis=1), HORIZON - 1)
    # Left at the open after the bar that touched: the night's share of that bar goes with it.
    gross = path[np.arange(len(t)), last]
    signal = _ar(rng, n_bars, (), 10.0)[t]
    net = gross - COST + edge_bps * 1e-4 * (signal > 0.43)
    own = {f"ar_{d}d": _ar(rng, n_bars, (), d * BARS_PER_SESSION)[t] for d in (1, 5, 20)}
    frame = pd.DataFrame(
        {
            "symbol": symbol,
            "decision_time_utc": stamps[t],
            "t_idx": t,
            "label_end_idx": t + 1 + last,
            "net_logret": net,
            "net_bps": 1e4 * net,
            "vol": scale[t],
            "ret_1d": (level[t] - level[t - 7]) / scale[t],
            "ret_5d": (level[t] - level[t - 35]) / scale[t],
            "hour": (t % BARS_PER_SESSION).astype(float),
            "iid": rng.standard_normal(len(t)),
            **own,
            **{name: x[t] for name, x in shared.items()},
            "signal": signal,
        }
    )
    months = frame["decision_time_utc"].dt.tz_localize(None).dt.to_period("M")
    return frame.assign(month=months.dt.start_time.dt.date)


GATES = (
    ("iid", 1), ("ar_1d", 1), ("ar_5d", 1), ("ar_20d", 1), ("shared_5d", 1), ("shared_20d", 1),
    ("vol", 1), ("vol", -1), ("ret_5d", 1), ("ret_5d", -1), ("ret_1d", -1), ("hour", -1),
)  # fmt: skip
"""Feature and direction of each outcome-blind gate."""
SHARES = (0.1, 0.3)


def blind_gates(events: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Name and ``is_traded`` of each outcome-blind gate, one position a symbol at a time."""
    for name, sign in GATES:
        score = sign * events[name].to_numpy() + 1e-9 * events["iid"].to_numpy()
        for share in SHARES:
            gated = score > np.quantile(score, 1.0 - share)
            label = f"{'-' if sign < 0 else ''}{name} {share:.0%}"
            yield label, one_position_each(events, gated)


def one_position_each(events: pd.DataFrame, gated: np.ndarray) -> np.ndarray:
    """Of the gated candidates those that met no open position of their symbol."""
    traded = np.zeros(len(events), dtype=bool)
    free = dict.fromkeys(events["symbol"].unique(), -1)
    columns = (events[c].to_numpy() for c in ("symbol", "t_idx", "label_end_idx"))
    symbols, t_idx, ends = columns
    for at in np.flatnonzero(gated):
        if t_idx[at] >= free[symbols[at]]:
            traded[at] = True
            free[symbols[at]] = ends[at]
    return traded
