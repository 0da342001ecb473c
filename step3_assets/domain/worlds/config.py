"""Configuration of a synthetic world: size, edge, seed, and the parameters of its market.

Belongs here: every number that a world depends on, frozen, with its unit. Does not belong here: the
planted patterns (`families`) or any simulation.

The market's numbers are rounded stylised facts of large equity ETFs (volatility clusters over
hours, weeks and months; a third of a day's variance falls overnight; the first and last hours are
busy).
"""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import Field, field_validator, model_validator

from step3_assets.config import Frozen
from step3_assets.domain.step2.bars import check_symbol
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.worlds.families import FAMILIES


class VolatilityConfig(Frozen):
    """Stochastic volatility: a sum of autoregressive factors of log volatility."""

    half_lives_bars: tuple[float, ...] = Field(
        default=(600.0, 50.0, 6.0),
        description="Common factors: months, weeks, hours (seven bars a session).",
    )
    deviations: tuple[float, ...] = Field(
        default=(0.30, 0.32, 0.20), description="Standard deviation of each factor, log units."
    )
    leverages: tuple[float, ...] = Field(
        default=(-0.4, -0.9, -0.8),
        description="Correlation of each factor's shock with the market return of the bar before.",
    )
    own_half_life_bars: float = Field(
        default=250.0, gt=0, description="Half life of each symbol's own factor."
    )
    own_deviation: float = Field(default=0.15, ge=0)
    bar_mixing: float = Field(
        default=0.25,
        ge=0,
        description="Log deviation of a bar's independent volatility multiplier, which makes fat "
        "tails.",
    )
    gap_mixing: float = Field(default=0.40, ge=0, description="The same, for overnight gaps.")

    @model_validator(mode="after")
    def _factors_fit(self) -> VolatilityConfig:
        if not len(self.half_lives_bars) == len(self.deviations) == len(self.leverages):
            raise ValueError("half_lives_bars, deviations and leverages must have equal lengths")
        if any(not -1 <= value <= 1 for value in self.leverages):
            raise ValueError("leverages are correlations: -1 to 1")
        if any(value <= 0 for value in self.half_lives_bars) or min(self.deviations) < 0:
            raise ValueError("half lives must be positive, deviations zero or more")
        return self


class SessionConfig(Frozen):
    """The shape of a trading day: variance and volume by bar of the session."""

    variance: tuple[float, ...] = Field(
        default=(1.20, 1.45, 0.95, 0.75, 0.70, 0.80, 1.30),
        min_length=7,
        max_length=7,
        description="Variance of each bar relative to one another; the last entry is the closing "
        "bar's, also on a half day. The opening bar lasts half an hour.",
    )
    gap_variance: float = Field(default=4.0, gt=0, description="Overnight gap, same scale.")
    log_volume: tuple[float, ...] = Field(
        default=(0.10, 0.30, -0.05, -0.30, -0.35, -0.20, 0.50), min_length=7, max_length=7
    )


class VolumeConfig(Frozen):
    """Volume: it rises with volatility and has its own memory and noise (log units)."""

    volatility_slope: float = 0.55
    memory_half_life_bars: float = Field(default=80.0, gt=0)
    memory_deviation: float = Field(default=0.25, ge=0)
    common_noise: float = Field(default=0.23, ge=0)
    own_noise: float = Field(default=0.19, ge=0)


class WorldConfig(Frozen):
    """A world: symbols, span, edge and seed. The same config gives the same bits.

    Values per symbol are used in order, and again from the first where there are more symbols.
    """

    symbols: tuple[str, ...] = Field(default=("QQQ", "SPY"), min_length=2, max_length=16)
    years: float = Field(default=10, gt=0, le=60, description="Span that ends at `end`.")
    end: date = Field(default=date(2023, 12, 29), description="Last New York session date.")
    edge_bps: float = Field(
        default=0.0,
        ge=0,
        le=30,
        description="Mean net return of the oracle gate's trades; 0 is the null world.",
    )
    family: str = Field(
        default="region", description="Where the edge lies: a family of docs/synthetic_worlds.md."
    )
    seed: int = Field(default=0, ge=0)

    base_volatility_bps: tuple[float, ...] = Field(
        default=(37.0, 28.5), min_length=1, description="Root mean square of an hour's return."
    )
    start_price: tuple[float, ...] = Field(default=(180.0, 260.0), min_length=1)
    typical_volume: tuple[float, ...] = Field(default=(4.0e6, 8.0e6), min_length=1)
    correlation: float = Field(
        default=0.90, ge=0, lt=1, description="Correlation of any two symbols' shocks."
    )
    premium_frac: float = Field(
        default=0.78,
        ge=0,
        lt=1,
        description="Equity premium: drift over a typical holding time, as a share of the "
        "round-trip cost at the present volatility. Below 1, so that drift alone never pays.",
    )
    sub_steps: int = Field(default=3, ge=1, le=64, description="Sub-steps of each bar's path.")
    oracle_paths: int = Field(
        default=64, ge=2, le=100_000, description="Simulated futures per decision bar."
    )

    volatility: VolatilityConfig = VolatilityConfig()
    session: SessionConfig = SessionConfig()
    volume: VolumeConfig = VolumeConfig()
    step2: Step2Config = Step2Config()

    @field_validator("symbols")
    @classmethod
    def _are_tickers(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(check_symbol(symbol.upper(), "symbols") for symbol in symbols)
        if len(set(names)) < len(names):
            raise ValueError(f"a symbol appears twice: {', '.join(names)}")
        return tuple(sorted(names))

    @field_validator("family")
    @classmethod
    def _is_known(cls, family: str) -> str:
        if family not in FAMILIES:
            raise ValueError(f"family {family!r} is not one of {', '.join(FAMILIES)}")
        return family

    @property
    def start(self) -> date:
        """First New York date of the span."""
        return self.end - timedelta(days=round(self.years * 365.25) - 1)

    def per_symbol(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """One of the values for each symbol, in order, and again from the first if too few."""
        return tuple(values[at % len(values)] for at in range(len(self.symbols)))
