"""The engine: applies the rules in their order and records each time one acts.

Belongs here: which rules a configuration uses, their order, the record. Does not belong here: any
rule's condition (:mod:`step3_assets.plugins.risk_rules`).
"""

from typing import Any, NamedTuple

from step3_assets.config import RiskConfig
from step3_assets.domain.risk.schedule import RiskSchedule
from step3_assets.plugins.risk_rule import (
    Account,
    AccountStop,
    Breach,
    EntryRequest,
    EntryRule,
    Kind,
    RiskRule,
    SizeCap,
)
from step3_assets.plugins.risk_rules import RULES

MIN_FILL_SHARE = 0.01
"""An entry that would be trimmed to less than this share of its requested size is refused instead:
such a tiny position must not be counted as a trade."""

TRIPPED, FORCED_EXIT, CANCELLED = "tripped", "forced_exit", "cancelled_entry"
REFUSED, TRIMMED = "refused_entry", "trimmed_entry"

_NEVER = 2**63 - 1


class RiskEvent(NamedTuple):
    """One action of one rule: a row of table ``risk_events``, with symbols as codes.

    ``symbol`` and ``order`` are -1 if the action concerns the whole account; ``fill_us`` is -1 if
    nothing is filled.
    """

    time_us: int
    symbol: int
    order: int
    rule: str
    action: str
    threshold: float
    value: float
    equity_usd: float
    fill_us: int


class RiskEngine:
    """The rules of one account, in the order in which they are applied.

    Limits may change with time. The state of the rules continues: the peak, the pause after a stop,
    the value traded. A rule that only later settings switch on exists from the start, with a limit
    that nothing reaches.

    Parameters
    ----------
    schedule : RiskConfig or RiskSchedule
    max_gross_frac, capital_usd : float
        Gross cap and starting capital of the account.
    """

    def __init__(
        self, schedule: RiskConfig | RiskSchedule, max_gross_frac: float, capital_usd: float
    ) -> None:
        if isinstance(schedule, RiskConfig):
            schedule = RiskSchedule((schedule,))
        account = Account(capital_usd, max_gross_frac)
        used: dict[Kind, list[tuple[str, Any]]] = {kind: [] for kind in Kind}
        for rule in RULES:
            if _is_used(rule, schedule):
                used[rule.kind].append((rule.name, rule.make(account)))
        self.stops: tuple[tuple[str, AccountStop], ...] = tuple(used[Kind.STOP])
        self._caps: tuple[tuple[str, SizeCap], ...] = tuple(used[Kind.CAP])
        pacing: tuple[tuple[str, EntryRule], ...] = tuple(used[Kind.PACING])
        self._governors: tuple[tuple[str, EntryRule], ...] = tuple(used[Kind.TURNOVER])
        self.needs_bars = bool(pacing)
        self.needs_calendar = bool(self.stops or self._governors)
        self.events: list[RiskEvent] = []
        self._before_size = (*self.stops, *pacing)
        self._entered = tuple(rule for _, rule in (*pacing, *self._governors))
        self._rules = tuple(rule for of_kind in used.values() for _, rule in of_kind)
        self.may_have_tight_cap = self._has_tight_cap(schedule)
        self._coming = list(zip(schedule.from_us, schedule.configs[1:], strict=True))
        self.next_us = self._coming[0][0] if self._coming else _NEVER
        self._set_limits(schedule.configs[0])

    def move_to(self, now_us: int) -> None:
        """Apply the settings that the schedule holds for an instant; time only moves forward.

        Only needed after ``next_us``.
        """
        while self._coming and now_us > self._coming[0][0]:
            self._set_limits(self._coming.pop(0)[1])
        self.next_us = self._coming[0][0] if self._coming else _NEVER

    def _set_limits(self, config: RiskConfig) -> None:
        for rule in self._rules:
            rule.set_limit(config)

    def allow(self, request: EntryRequest, now_us: int, order: int) -> tuple[float, str]:
        """The notional that may be entered and what limited it; 0 and the rule's name if refused.

        Parameters
        ----------
        request : EntryRequest
            Its ``notional_usd`` is the requested value; it is lowered to the allowed value.
        now_us, order : int
            For the recorded row.
        """
        if self._before_size:
            refused = self._refused(self._before_size, request, now_us, order)
            if refused is not None:
                return 0.0, refused
        asked, binding = request.notional_usd, "size_frac"
        for name, cap in self._caps:
            room = cap.room_usd(request)
            if request.notional_usd <= room:
                continue
            is_refused = room < MIN_FILL_SHARE * asked
            action, reached = REFUSED if is_refused else TRIMMED, cap.asked_frac(request)
            breach = Breach(cap.max_frac, reached)
            self._note(now_us, request, order, name, action, breach)
            if is_refused:
                return 0.0, name
            request.notional_usd, binding = room, name
        if self._governors:
            refused = self._refused(self._governors, request, now_us, order)
            if refused is not None:
                return 0.0, refused
        for rule in self._entered:
            rule.entered(request)
        return request.notional_usd, binding

    def _has_tight_cap(self, schedule: RiskSchedule) -> bool:
        """Whether a cap is ever below equity: a higher one never limits more than cash does."""
        for config in schedule.configs:
            for _, cap in self._caps:
                cap.set_limit(config)
                if cap.max_frac < 1.0:
                    return True
        return False

    def cap_room(self, request: EntryRequest) -> float:
        """Notional that the caps allow for an entry that is about to fill; not recorded."""
        return min(cap.room_usd(request) for _, cap in self._caps)

    def _refused(self, rules: tuple, request: EntryRequest, now_us: int, order: int) -> str | None:
        for name, rule in rules:
            breach = rule.refuses(request)
            if breach is not None:
                self._note(now_us, request, order, name, REFUSED, breach)
                return name
        return None

    def _note(
        self,
        now_us: int,
        request: EntryRequest,
        order: int,
        rule: str,
        action: str,
        breach: Breach,
    ) -> None:
        self.events.append(
            RiskEvent(
                now_us,
                request.symbol,
                order,
                rule,
                action,
                *breach,
                request.equity_usd,
                -1,
            )
        )


def _is_used(rule: RiskRule, schedule: RiskSchedule) -> bool:
    """Whether the account or any settings of a schedule give the rule a limit."""
    return rule.limit is None or any(rule.limit_of(c) is not None for c in schedule.configs)
