"""The gross cap: the largest total value of all positions.

Belongs here: this rule. The account trims the entry. If a position grows above the cap later
because its price rises, it is not reduced.
"""

from step3_assets.plugins.risk_rule import FRACTION, Account, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import SettingValues


class GrossCap:
    """Value of all positions, held and ordered, over equity."""

    def __init__(self, account: Account) -> None:
        self.max_frac = account.max_gross_frac

    def set_limit(self, config: SettingValues) -> None:
        """Do nothing: the account defines the limit, and it does not change."""

    def room_usd(self, request: EntryRequest) -> float:
        """The cap minus the value of the other positions."""
        return self.max_frac * request.equity_usd - request.gross_usd

    def asked_frac(self, request: EntryRequest) -> float:
        """Gross exposure including the entry."""
        return (request.gross_usd + request.notional_usd) / request.equity_usd


GROSS_CAP = RiskRule(
    name="gross_cap",
    label="Gross exposure cap",
    loss="gross exposure at its cap",
    meaning="Trims an entry to the room that is left under the cap on gross exposure.",
    kind=Kind.CAP,
    place=50,
    unit=FRACTION,
    make=GrossCap,
)
