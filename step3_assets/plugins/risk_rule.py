"""What a risk rule is: its record, what it sees, what it may answer.

Belongs here: the record that a rule's file declares, the protocols of the four kinds of rule and
the data they exchange with the account. Does not belong here: any rule
(:mod:`step3_assets.plugins.risk_rules`), the engine that asks them
(:mod:`step3_assets.domain.risk.engine`).

Every field is known at the decision instant or, for a stop, at the bar close it is shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from step3_assets.plugins.setting import Setting, SettingValues


class Kind(Enum):
    """When a rule is asked. The engine asks the kinds in this order."""

    STOP = "stop"  #: watches marked equity, flattens the account and stands aside
    PACING = "pacing"  #: refuses an entry for when it comes, before it has a size
    CAP = "cap"  #: trims an entry to the room there is
    TURNOVER = "turnover"  #: refuses an entry for its size


class Unit(NamedTuple):
    """Unit of a rule's limit.

    Attributes
    ----------
    name : str
    show : callable
        The value as a reader sees it.
    furthest : callable
        Of several values that broke the limit, the one furthest beyond it.
    """

    name: str
    show: Callable[[float], str]
    furthest: Callable[[Any], Any] = max


FRACTION = Unit("fraction", lambda value: f"{value:.2%}")
BARS = Unit(
    "bars", lambda value: f"{int(value):,} {'bar' if int(value) == 1 else 'bars'}", furthest=min
)
TIMES_EQUITY = Unit("times equity", lambda value: f"{value:.2f} ×")


@dataclass(frozen=True)
class Account:
    """What a rule is told of the account when it is set up."""

    capital_usd: float
    max_gross_frac: float


@dataclass(frozen=True)
class RiskRule:
    """The record of one rule.

    Attributes
    ----------
    name : str
        Value of ``rule`` and ``status`` in the tables.
    label : str
        Name in the report.
    loss : str
        What became of an entry that it refused, for the funnel of the report.
    meaning : str
        What it does, for the documentation.
    kind : Kind
    place : int
        Order among all rules.
    unit : Unit
        Of limit and value.
    make : callable
        A new instance of the rule for an account.
    limit : str or None
        Name of the setting that is the limit; None where the account brings it
        (``execution.max_gross_frac``).
    settings : mapping of str to Setting
        Everything that it reads, the limit included.
    off : object
        Value of the limit that switches it off.
    """

    name: str
    label: str
    loss: str
    meaning: str
    kind: Kind
    place: int
    unit: Unit
    make: Callable[[Account], Any]
    limit: str | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    off: Any = None

    def limit_of(self, config: SettingValues) -> float | None:
        """The limit that the settings give it; None where they switch it off."""
        value = None if self.limit is None else getattr(config, self.limit)
        return None if value == self.off else value


class Breach(NamedTuple):
    """A limit and the value that broke it, in the rule's own unit."""

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

    def set_limit(self, config: SettingValues) -> None:
        """Go by these settings from now on; switched off, it is a limit that nothing reaches."""
        ...


class AccountStop(Rule, Protocol):
    """A rule of kind ``STOP``."""

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """See one bar close; an answer flattens everything at the next open.

        Closes at which equity cannot have changed may be left out.
        """
        ...

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Answer while it stands aside, None when it is armed."""
        ...


class EntryRule(Rule, Protocol):
    """A rule of kind ``PACING`` or ``TURNOVER``: it refuses an entry whole."""

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Answer when the entry may not be made."""
        ...

    def entered(self, request: EntryRequest) -> None:
        """Take note of an entry that was ordered."""
        ...


class SizeCap(Rule, Protocol):
    """A rule of kind ``CAP``: it trims an entry to the room there is."""

    max_frac: float

    def room_usd(self, request: EntryRequest) -> float:
        """Largest notional that may be entered; may be below zero."""
        ...

    def asked_frac(self, request: EntryRequest) -> float:
        """What would be reached without the cap, in the unit of ``max_frac``."""
        ...
