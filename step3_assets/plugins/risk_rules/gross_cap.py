"""The gross cap: the most that the account may hold in all.

Belongs here: this rule. Trimming is the account's work. Prices that move a position above the cap
later do not cut it.
"""

from step3_assets.plugins.risk_rule import FRACTION, Account, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import SettingValues


class GrossCap:
    """Value of all positions, held and ordered, over equity."""

    def __init__(self, account: Account) -> None:
        self.max_frac = account.max_gross_frac

    def set_limit(self, config: SettingValues) -> None:
        """The limit is the account's and does not change."""

    def room_usd(self, request: EntryRequest) -> float:
        """What the positions beside it leave."""
        return self.max_frac * request.equity_usd - request.gross_usd

    def asked_frac(self, request: EntryRequest) -> float:
        """Gross exposure with the entry."""
        return (request.gross_usd + request.notional_usd) / request.equity_usd


GROSS_CAP = RiskRule(
    name="gross_cap",
    label="Gross exposure cap",
    loss="gross exposure at its cap",
    meaning="Trims an entry to the room under gross exposure.",
    kind=Kind.CAP,
    place=50,
    unit=FRACTION,
    make=GrossCap,
)
