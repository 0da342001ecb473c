"""Knobs of the Step 2 builder, with the values that the real delivery is built with.

Belongs here: the frozen configuration, its bounds, and reading it from JSON. Does not belong here:
what a knob does to a column (`features`, `cross`, `events`, `labels`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from step3_assets.domain.core.bar_grid import MAX_OFF_CALENDAR_FRAC

BUILDER_VERSION = "2.2.0"


class KnobsError(ValueError):
    """A file of knobs that cannot be used."""


class Step2Config(BaseModel):
    """Knobs of the Step 2 builder.

    Windows and spans count bars of one symbol; multiples are of ``u_atr``; costs are in basis
    points of notional, one side unless the name says round trip.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Signals
    trend_fast_span: int = Field(default=12, ge=1)
    trend_slow_span: int = Field(default=48, ge=1)
    ewma_var_alpha: float = Field(default=0.06, gt=0, le=1)
    atr_span: int = Field(default=14, ge=1)
    volume_window: int = Field(default=200, ge=2)
    volume_min_periods: int = Field(default=50, ge=2)
    high_window: int = Field(default=100, ge=1)
    high_min_periods: int = Field(default=20, ge=1)
    sigma_rank_window: int = Field(default=500, ge=1)
    atr_rank_window: int = Field(default=500, ge=1)
    rank_min_periods: int = Field(default=200, ge=1)
    vol_spike_q: float = Field(default=0.9, gt=0, lt=1)
    intraday_tail_window: int = Field(default=200, ge=1)
    intraday_tail_min_periods: int = Field(default=50, ge=1)
    intraday_tail_z: float = Field(default=2.0, gt=0)
    gap_lookback_events: int = Field(default=120, ge=2)
    gap_min_events: int = Field(default=20, ge=2)
    gap_tail_k: float = Field(default=2.0, gt=0)

    # Candidates
    trend_in: float = 0.6
    trend_regime_min: float = 0.25
    pullback_z: float = Field(default=1.0, ge=0)
    min_event_spacing_bars: int = Field(default=1, ge=1)
    dropna_core_only: bool = True

    # Labels
    horizon_intra: int = Field(default=12, ge=1)
    horizon_overn: int = Field(default=10, ge=1)
    tp_mult_intra: float = Field(default=2.0, gt=0)
    sl_mult_intra: float = Field(default=1.5, gt=0)
    tp_mult_overn: float = Field(default=2.2, gt=0)
    sl_mult_overn: float = Field(default=1.6, gt=0)
    same_bar_policy: Literal["worst", "best"] = "worst"

    # Cost
    spread_half_bps: dict[str, float] = Field(
        default_factory=lambda: {"SPY": 0.8, "QQQ": 1.2, "SMH": 1.8}
    )
    spread_half_default_bps: float = Field(default=1.5, ge=0)
    slip_base_bps: float = Field(default=0.8, ge=0)
    slip_vol_mult: float = Field(default=0.05, ge=0)
    slip_spike_add_bps: float = Field(default=2.0, ge=0)
    overnight_slip_add_bps: float = Field(default=1.5, ge=0)
    commission_round_trip_bps: float = Field(default=1.0, ge=0)

    # Bars
    max_off_calendar_frac: float = Field(
        default=MAX_OFF_CALENDAR_FRAC,
        ge=0,
        le=1,
        description="Largest share of bars off the exchange's hourly grid. Two unscheduled half "
        "days a year are 0.4 %; any other grid is 14 % or more. 1 accepts any grid.",
    )

    # The other symbol
    include_cross_asset: bool = True
    cross_merge_tolerance: str = "30min"
    partners: dict[str, str] = Field(
        default_factory=lambda: {"QQQ": "SPY", "SPY": "QQQ"},
        description="The other symbol of each symbol. It is fixed, so that a symbol that is added "
        "later does not change the rows of the others.",
    )
    default_partner: str = Field(
        default="SPY",
        description="The other symbol of every symbol that `partners` leaves out: the broad "
        "market.",
    )
    beta_window: int = Field(default=200, ge=2)
    beta_min_periods: int = Field(default=80, ge=2)

    @field_validator("cross_merge_tolerance")
    @classmethod
    def _is_a_duration(cls, value: str) -> str:
        if not pd.Timedelta(value) >= pd.Timedelta(0):
            raise ValueError("must be a duration of zero or more, such as '30min'")
        return value

    @field_validator("spread_half_bps")
    @classmethod
    def _is_a_spread_per_symbol(cls, value: dict[str, float]) -> dict[str, float]:
        wrong = sorted(symbol for symbol, spread in value.items() if not spread >= 0)
        if wrong:
            raise ValueError(f"a half spread must be zero or more: {wrong}")
        return {symbol.upper(): spread for symbol, spread in value.items()}

    @field_validator("partners")
    @classmethod
    def _is_another_symbol(cls, value: dict[str, str]) -> dict[str, str]:
        pairs = {symbol.upper(): other.upper() for symbol, other in value.items()}
        wrong = sorted(symbol for symbol, other in pairs.items() if symbol == other)
        if wrong:
            raise ValueError(f"a symbol cannot be its own partner: {wrong}")
        return pairs

    @model_validator(mode="after")
    def _minima_fit_their_windows(self) -> Step2Config:
        pairs = {
            "volume_min_periods": self.volume_window,
            "high_min_periods": self.high_window,
            "rank_min_periods": min(self.sigma_rank_window, self.atr_rank_window),
            "intraday_tail_min_periods": self.intraday_tail_window,
            "gap_min_events": self.gap_lookback_events,
            "beta_min_periods": self.beta_window,
        }
        for name, window in pairs.items():
            if getattr(self, name) > window:
                raise ValueError(f"{name}={getattr(self, name)} exceeds its window of {window}")
        return self

    def spread_half(self, symbol: str) -> float:
        """Half the quoted spread of `symbol`, in return units."""
        return self.spread_half_bps.get(symbol.upper(), self.spread_half_default_bps) / 1e4


def read_config(path: Path) -> Step2Config:
    """Read knobs from a JSON file: an object of knobs, or a delivery's ``meta`` file.

    Knobs that the file leaves out keep their defaults; an unknown knob is an error.

    Raises
    ------
    KnobsError
        If the file is not a JSON object, or a knob is unknown or out of bounds.
    """
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise KnobsError(f"{path.name}: not JSON: {error}") from error
    knobs = content.get("knobs", content) if isinstance(content, dict) else content
    if not isinstance(knobs, dict):
        raise KnobsError(f"{path.name}: expected a JSON object of knobs")
    # A meta file also names the partner of its one symbol.
    given = {name: value for name, value in knobs.items() if name != "cross_symbol"}
    symbol, partner = content.get("trade_symbol"), knobs.get("cross_symbol")
    if isinstance(symbol, str) and isinstance(partner, str):
        known = given.get("partners", Step2Config().partners)
        if isinstance(known, dict):
            given["partners"] = {**known, symbol: partner}
    try:
        return Step2Config(**given)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'knobs'}: {e['msg']}" for e in error.errors()]
        raise KnobsError(f"{path.name}: {'; '.join(wrong)}") from error
