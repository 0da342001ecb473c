"""The record of a risk rule, the data it sees, and the answers it may give.

Belongs here: the record that a rule's file declares, the protocols of the four kinds of rule, and
the data that they exchange with the account. Does not belong here: any rule
(:mod:`step3_assets.plugins.risk_rules`), the engine that applies them
(:mod:`step3_assets.domain.risk.engine`).

Every field is known at the decision instant or, for a stop, at the bar close.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from step3_assets.plugins.setting import Setting, SettingValues


class Kind(Enum):
    """When a rule is applied. The engine applies the kinds in this order."""

    STOP = "stop"  #: watches marked equity, closes all positions and pauses trading
    PACING = "pacing"  #: refuses an entry because of its time, before it has a size
    CAP = "cap"  #: trims an entry to the room under a limit
    TURNOVER = "turnover"  #: refuses an entry because of its size


class Unit(NamedTuple):
    """Unit of a rule's limit.

    Attributes
    ----------
    name : str
    show : callable
        Formats a value for the reader.
    furthest : callable
        Picks the value furthest beyond the limit from several that broke it.
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
    """The facts about the account that a rule gets when it is created."""

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
        Why an entry was refused, for the funnel in the report.
    meaning : str
        What it does, for the documentation.
    kind : Kind
    place : int
        Order among all rules.
    unit : Unit
        Unit of limit and value.
    make : callable
        Creates an instance of the rule for an account.
    limit : str or None
        Name of the setting that holds the limit; None if the account defines it
        (``execution.max_gross_frac``).
    settings : mapping of str to Setting
        All settings that it reads, including the limit.
    off : object
        Value of the limit that switches the rule off.
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
        """The limit in these settings; None if they switch the rule off."""
        value = None if self.limit is None else getattr(config, self.limit)
        return None if value == self.off else value


class Breach(NamedTuple):
    """A limit and the value that broke it, in the unit of the rule."""

    threshold: float
    value: float


@dataclass(slots=True)
class EntryRequest:
    """One entry that the account is about to order.

    Attributes
    ----------
    symbol : int
        Number of the symbol.
    session : int
        Running number of the New York session of the decision.
    day, month : int
        New York day and month of the entry's fill, counted from 1970.
    equity_usd, gross_usd : float
        Equity, and the value of the other positions, marked at the last closes known at the
        decision.
    notional_usd : float
        Requested value, after the caps applied so far.
    bars_since_entry, bars_since_exit : int or None
        Bars of the symbol since its last entry and since its last exit; None if there is none.
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
    """The methods of every rule. A change of the limit keeps the rule's state."""

    def set_limit(self, config: SettingValues) -> None:
        """Use these settings from now on; a rule that is off gets a limit that is never reached."""
        ...


class AccountStop(Rule, Protocol):
    """A rule of kind ``STOP``."""

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Check one bar close; a breach closes all positions at the next open.

        Closes at which equity cannot have changed may be skipped.
        """
        ...

    def refuses(self, request: EntryRequest) -> Breach | None:
        """The breach while trading is paused, else None."""
        ...


class EntryRule(Rule, Protocol):
    """A rule of kind ``PACING`` or ``TURNOVER``: it refuses whole entries."""

    def refuses(self, request: EntryRequest) -> Breach | None:
        """The breach if the entry must not be made, else None."""
        ...

    def entered(self, request: EntryRequest) -> None:
        """Remember an entry that was ordered."""
        ...


class SizeCap(Rule, Protocol):
    """A rule of kind ``CAP``: it trims an entry to the room under a limit."""

    max_frac: float

    def room_usd(self, request: EntryRequest) -> float:
        """Largest notional that may be entered; may be below zero."""
        ...

    def asked_frac(self, request: EntryRequest) -> float:
        """The value without the cap, in the unit of ``max_frac``."""
        ...
