"""Pacing: how soon a symbol may be entered again.

Belongs here: minimum holding and cooldown, in the symbol's own bars. Does not belong here: the
value traded (:mod:`.turnover`).
"""

from step3_assets.config import RiskConfig
from step3_assets.domain.risk.rules import Breach, EntryRequest


class MinimumHolding:
    """A symbol is entered at most once in this many of its bars.

    A position that leaves sooner, by its stop, say, leaves: holding it longer would add exposure.
    What the rule takes away is the churn after it.
    """

    name = "min_holding"

    def __init__(self) -> None:
        self.bars = 0

    def limit_of(self, config: RiskConfig) -> float | None:
        """``min_holding_bars``; 0 is off."""
        return config.min_holding_bars or None

    def set_limit(self, config: RiskConfig) -> None:
        """The bars since the last fill are the account's, whatever the limit was then."""
        self.bars = config.min_holding_bars

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse an entry too few bars after the symbol's last one."""
        since = request.bars_since_entry
        return Breach(self.bars, since) if since is not None and since < self.bars else None

    def entered(self, request: EntryRequest) -> None:
        """Nothing to note: the account knows its fills."""


class Cooldown:
    """A symbol rests this many of its bars after each exit; an entry at the exit's open waits 0."""

    name = "cooldown"

    def __init__(self) -> None:
        self.bars = 0

    def limit_of(self, config: RiskConfig) -> float | None:
        """``cooldown_bars``; 0 is off."""
        return config.cooldown_bars or None

    def set_limit(self, config: RiskConfig) -> None:
        """The bars since the last fill are the account's, whatever the limit was then."""
        self.bars = config.cooldown_bars

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse an entry too few bars after the symbol's last exit."""
        since = request.bars_since_exit
        return Breach(self.bars, since) if since is not None and since < self.bars else None

    def entered(self, request: EntryRequest) -> None:
        """Nothing to note: the account knows its fills."""
