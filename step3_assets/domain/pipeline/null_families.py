"""Families of worlds without skill, in which nothing may be promoted.

Belongs here: how the bars of each family are generated. Does not belong here: the simulator
(:mod:`step3_assets.domain.worlds`), verdicts (:mod:`.null_verdicts`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from step3_assets.config import FoldConfig
from step3_assets.domain.core.adjustments import real_moves
from step3_assets.domain.core.months import first_test_month
from step3_assets.domain.delivery import Delivery, probe_months, read_delivery
from step3_assets.domain.step2.build import BuildOptions, build_with
from step3_assets.domain.step2.write import write_delivery
from step3_assets.domain.worlds import WorldConfig, simulate_world

Bars = dict[str, pd.DataFrame]
PRICES = ("open", "high", "low", "close")
NAMES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")
DEAD_EDGE_BPS = 20.0
TRAINED_YEARS = 3.0
"""Years of bars that the first fold trains on; the dead edge exists only in these years."""


@dataclass(frozen=True)
class NullFamily:
    """One kind of world in which there is no skill to find.

    Parameters
    ----------
    name, label : str
    bars : callable
        Bars by symbol from a seed and a number of years.
    traded : tuple of str
        Symbols whose events are built; empty for all.
    """

    name: str
    label: str
    bars: Callable[[int, float], Bars]
    traded: tuple[str, ...] = ()


def _simulated(seed: int, years: float, **changes: object) -> Bars:
    world = WorldConfig(years=years, seed=seed, **changes)  # type: ignore[arg-type]
    return simulate_world(world, has_oracle=False).bars


def _no_edge(seed: int, years: float) -> Bars:
    return _simulated(seed, years, premium_frac=0.0)


def _premium(seed: int, years: float) -> Bars:
    return _simulated(seed, years, premium_frac=0.95)


def _eight(seed: int, years: float) -> Bars:
    return _simulated(seed, years, symbols=NAMES)


def _bull(seed: int, years: float) -> Bars:
    """A market that rises by 20 to 35 % a year, whatever the signals say."""
    annual = float(np.random.default_rng(seed).uniform(0.20, 0.35))
    return {
        symbol: with_trend(frame, np.log1p(annual))
        for symbol, frame in _simulated(seed, years).items()
    }


def _dead_edge(seed: int, years: float) -> Bars:
    """A planted edge while the first fold trains, and none afterwards."""
    alive = _simulated(seed, years, edge_bps=DEAD_EDGE_BPS)
    dead = _simulated(seed + 1_000_000, years)
    return {symbol: spliced(alive[symbol], dead[symbol], TRAINED_YEARS) for symbol in alive}


def with_trend(frame: pd.DataFrame, log_a_year: float) -> pd.DataFrame:
    """Bars with a constant log growth rate added; all prices of a bar get the same factor."""
    stamps = pd.to_datetime(frame["date"], utc=True)
    years = ((stamps - stamps.iloc[0]) / pd.Timedelta(days=365.25)).to_numpy(dtype=np.float64)
    factor = np.exp(log_a_year * years)
    return frame.assign(**{name: frame[name] * factor for name in PRICES})


def spliced(first: pd.DataFrame, then: pd.DataFrame, years: float) -> pd.DataFrame:
    """Bars of one world for the first `years`, then of another, rescaled so that there is no jump.

    Raises
    ------
    ValueError
        If the two do not have the same timestamps.
    """
    if not first["date"].equals(then["date"]):
        raise ValueError("spliced: the worlds have different bars")
    stamps = pd.to_datetime(first["date"], utc=True)
    is_first = (stamps < stamps.iloc[0] + pd.Timedelta(days=365.25 * years)).to_numpy()
    if is_first.all():
        return first
    at = int(np.argmin(is_first))
    if at == 0:
        return then
    scale = float(first["close"].iloc[at - 1] / then["close"].iloc[at - 1])
    scaled = then.assign(**{name: then[name] * scale for name in PRICES})
    return pd.concat([first.iloc[:at], scaled.iloc[at:]], ignore_index=True)


FAMILIES: Mapping[str, NullFamily] = {
    family.name: family
    for family in (
        NullFamily("no_edge", "no edge and no premium", _no_edge),
        NullFamily("bull", "a market that rises 20 to 35 % a year", _bull),
        NullFamily("volatility_premium", "a premium that grows with volatility", _premium),
        NullFamily("dead_edge", "an edge that was real in training and died", _dead_edge),
        NullFamily("one_symbol", "one symbol", _no_edge, traded=("QQQ",)),
        NullFamily("eight_symbols", "eight symbols", _eight),
    )
}


def family_delivery(
    family: NullFamily, seed: int, years: float, folds: FoldConfig
) -> tuple[Delivery, date, date]:
    """The delivery of one world of a family, with its first and last test month.

    Raises
    ------
    ValueError
        If the world is too short for one test month.
    """
    bars = family.bars(seed, years)
    options = BuildOptions(symbols=family.traded or None, adjustments=real_moves(bars))
    built = build_with(bars, WorldConfig().step2, options)
    with TemporaryDirectory() as scratch:
        write_delivery(built, Path(scratch))
        first, last, is_complete = probe_months(Path(scratch))
        delivery = read_delivery(Path(scratch))
    test = first_test_month(first, is_complete, folds.train_months)
    if test > last:
        raise ValueError(f"{years} years leave no test month; name more")
    return delivery, test, last
