"""The symbol cap: the largest share of equity in one position.

Belongs here: this rule. The account trims the entry. If a position grows above the cap later
because its price rises, it is not reduced.
"""

from math import inf

from pydantic import Field

from step3_assets.plugins.risk_rule import FRACTION, Account, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import Bounds, Setting, SettingValues


class SymbolCap:
    """Cap on the value of a symbol's position over equity; a symbol has one position at a time."""

    def __init__(self, account: Account) -> None:
        self.max_frac = inf

    def set_limit(self, config: SettingValues) -> None:
        """Use the new cap for entries; a position that is held is not reduced."""
        self.max_frac = inf if config.max_symbol_frac is None else config.max_symbol_frac

    def room_usd(self, request: EntryRequest) -> float:
        """The cap itself."""
        return self.max_frac * request.equity_usd

    def asked_frac(self, request: EntryRequest) -> float:
        """The position over equity."""
        return request.notional_usd / request.equity_usd


SYMBOL_CAP = RiskRule(
    name="symbol_cap",
    label="Symbol exposure cap",
    loss="symbol exposure at its cap",
    meaning="Trims one symbol's position when it is entered.",
    kind=Kind.CAP,
    place=60,
    unit=FRACTION,
    make=SymbolCap,
    limit="max_symbol_frac",
    settings={
        "max_symbol_frac": Setting(
            float | None,
            Field(
                default=1.0,
                gt=0,
                description="Value of one symbol's position over equity, at its entry.",
            ),
            Bounds(0.3, 1.0, "Binds if the allocation is concentrated in one symbol."),
        )
    },
)
