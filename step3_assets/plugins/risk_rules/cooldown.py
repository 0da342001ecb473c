"""Cooldown: how soon after its last exit a symbol may be entered again.

Belongs here: this rule.
"""

from pydantic import Field

from step3_assets.plugins.risk_rule import BARS, Account, Breach, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import Setting, SettingValues


class Cooldown:
    """A symbol may not be entered for this many of its bars after an exit.

    An entry at the same open as the exit is 0 bars after it.
    """

    def __init__(self, account: Account) -> None:
        self.bars = 0

    def set_limit(self, config: SettingValues) -> None:
        """Use the new limit; the account counts the bars since the last exit."""
        self.bars = config.cooldown_bars

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse an entry that is too soon after the symbol's last exit."""
        since = request.bars_since_exit
        return Breach(self.bars, since) if since is not None and since < self.bars else None

    def entered(self, request: EntryRequest) -> None:
        """Do nothing: the account records its fills."""


COOLDOWN = RiskRule(
    name="cooldown",
    label="Cooldown",
    loss="too soon after the symbol's last exit",
    meaning="Bars from a symbol's last exit to its next entry.",
    kind=Kind.PACING,
    place=40,
    unit=BARS,
    make=Cooldown,
    limit="cooldown_bars",
    off=0,
    settings={
        "cooldown_bars": Setting(
            int,
            Field(
                default=0,
                ge=0,
                description="Bars from a symbol's last exit to its next entry.",
            ),
        )
    },
)
