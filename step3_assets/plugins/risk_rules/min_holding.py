"""Minimum holding: how soon after its last entry a symbol may be entered again.

Belongs here: this rule.
"""

from pydantic import Field

from step3_assets.plugins.risk_rule import BARS, Account, Breach, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import Setting, SettingValues


class MinimumHolding:
    """A symbol is entered at most once in this many of its bars.

    A position may exit sooner, for example by its stop; the rule never delays an exit. It only
    delays the next entry.
    """

    def __init__(self, account: Account) -> None:
        self.bars = 0

    def set_limit(self, config: SettingValues) -> None:
        """Use the new limit; the account counts the bars since the last entry."""
        self.bars = config.min_holding_bars

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse an entry that is too soon after the symbol's last entry."""
        since = request.bars_since_entry
        return Breach(self.bars, since) if since is not None and since < self.bars else None

    def entered(self, request: EntryRequest) -> None:
        """Do nothing: the account records its fills."""


MIN_HOLDING = RiskRule(
    name="min_holding",
    label="Minimum holding",
    loss="too soon after the symbol's last entry",
    meaning="Bars from a symbol's last entry to its next. An exit is never delayed.",
    kind=Kind.PACING,
    place=30,
    unit=BARS,
    make=MinimumHolding,
    limit="min_holding_bars",
    off=0,
    settings={
        "min_holding_bars": Setting(
            int,
            Field(
                default=0,
                ge=0,
                description="Bars from a symbol's last entry to its next; an exit is never "
                "delayed. Off: labels overlap anyway, and one position per symbol spaces entries.",
            ),
        )
    },
)
