"""Cooldown: how soon after its last exit a symbol may be entered again.

Belongs here: this rule.
"""

from pydantic import Field

from step3_assets.plugins.risk_rule import BARS, Account, Breach, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import Setting, SettingValues


class Cooldown:
    """A symbol rests this many of its bars after each exit; an entry at the exit's open waits 0."""

    def __init__(self, account: Account) -> None:
        self.bars = 0

    def set_limit(self, config: SettingValues) -> None:
        """The bars since the last fill are the account's, whatever the limit was then."""
        self.bars = config.cooldown_bars

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse an entry too few bars after the symbol's last exit."""
        since = request.bars_since_exit
        return Breach(self.bars, since) if since is not None and since < self.bars else None

    def entered(self, request: EntryRequest) -> None:
        """Nothing to note: the account knows its fills."""


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
