"""What a risk rule is: what it sees, what it may answer.

Belongs here: the protocols and the two records they speak in. Does not belong here: any rule.

Every field is known at the decision instant or, for a stop, at the bar close it is shown.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from step3_assets.config import RiskConfig


class Breach(NamedTuple):
    """A limit and the figure that broke it, in the rule's own unit."""

    threshold: float
    value: float


@dataclass(slots=True)
class EntryRequest:
    """One entry that the account is about to order.

    Attributes
    ----------
    symbol : int
        Code on the clock.
    session : int
        Running number of the New York session that the decision lies in.
    day, month : int
        New York day and month of the entry's fill, counted from 1970.
    equity_usd, gross_usd : float
        Marked at the last closes known at the decision; gross is what will be held beside it.
    notional_usd : float
        What is asked for, after the caps asked so far.
    bars_since_entry, bars_since_exit : int or None
        The symbol's own bars from its last fill in, and out, to this one; None without one.
    """

    symbol: int
    session: int
    day: int
    month: int
    equity_usd: float
    gross_usd: float
    notional_usd: float
    bars_since_entry: int | None
    bars_since_exit: int | None


class Rule(Protocol):
    """What every rule is. Its limit may change with time, its state runs on."""

    name: str

    def limit_of(self, config: RiskConfig) -> float | None:
        """The limit that settings give it; None where they switch it off."""
        ...

    def set_limit(self, config: RiskConfig) -> None:
        """Go by these settings from now on; switched off, it is a limit that nothing reaches."""
        ...


class AccountStop(Rule, Protocol):
    """A rule that watches marked equity, flattens the account and stands aside."""

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """See one bar close; an answer flattens everything at the next open.

        Closes at which equity cannot have changed may be left out.
        """
        ...

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Answer while it stands aside, None when it is armed."""
        ...


class EntryRule(Rule, Protocol):
    """A rule that refuses an entry whole."""

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Answer when the entry may not be made."""
        ...

    def entered(self, request: EntryRequest) -> None:
        """Take note of an entry that was ordered."""
        ...


class SizeCap(Protocol):
    """A rule that trims an entry to the room there is."""

    name: str
    max_frac: float

    def room_usd(self, request: EntryRequest) -> float:
        """Largest notional that may be entered; may be below zero."""
        ...

    def asked_frac(self, request: EntryRequest) -> float:
        """What would be reached without the cap, in the unit of ``max_frac``."""
        ...
