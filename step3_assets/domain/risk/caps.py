"""Caps: the most that one entry may bring the account to.

Belongs here: gross and per-symbol exposure at the entry. Does not belong here: trimming, which the
account does. Prices that move a position above a cap later do not cut it.
"""

from math import inf

from step3_assets.config import RiskConfig
from step3_assets.domain.risk.rules import EntryRequest


class GrossCap:
    """Value of all positions, held and ordered, over equity."""

    name = "gross_cap"

    def __init__(self, max_frac: float) -> None:
        self.max_frac = max_frac

    def room_usd(self, request: EntryRequest) -> float:
        """What the positions beside it leave."""
        return self.max_frac * request.equity_usd - request.gross_usd

    def asked_frac(self, request: EntryRequest) -> float:
        """Gross exposure with the entry."""
        return (request.gross_usd + request.notional_usd) / request.equity_usd


class SymbolCap:
    """Value of one symbol's position over equity; it holds one at a time."""

    name = "symbol_cap"

    def __init__(self) -> None:
        self.max_frac = inf

    def limit_of(self, config: RiskConfig) -> float | None:
        """``max_symbol_frac``."""
        return config.max_symbol_frac

    def set_limit(self, config: RiskConfig) -> None:
        """A position held already is not cut to a lower cap."""
        self.max_frac = inf if config.max_symbol_frac is None else config.max_symbol_frac

    def room_usd(self, request: EntryRequest) -> float:
        """The cap itself."""
        return self.max_frac * request.equity_usd

    def asked_frac(self, request: EntryRequest) -> float:
        """The position over equity."""
        return request.notional_usd / request.equity_usd
