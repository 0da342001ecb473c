"""The engine: asks the rules in their order and keeps a row of every answer.

Belongs here: which rules a configuration means, their order, the record. Does not belong here: any
rule's condition.
"""

from typing import NamedTuple

from step3_assets.config import RiskConfig
from step3_assets.domain.risk.caps import GrossCap, SymbolCap
from step3_assets.domain.risk.pacing import Cooldown, MinimumHolding
from step3_assets.domain.risk.rules import AccountStop, EntryRequest, EntryRule, SizeCap
from step3_assets.domain.risk.stops import DrawdownKillSwitch, SessionLossStop
from step3_assets.domain.risk.turnover import TurnoverGovernor

MIN_FILL_SHARE = 0.01
"""Room for less than this share of what was asked is no room: a crumb is not a trade, and must not
count as one where trades are counted."""

TRIPPED, FORCED_EXIT, CANCELLED = "tripped", "forced_exit", "cancelled_entry"
REFUSED, TRIMMED = "refused_entry", "trimmed_entry"


class RiskEvent(NamedTuple):
    """One answer of one rule; the columns of table ``risk_events``, as the account knows them.

    ``symbol`` and ``order`` are -1 where the answer is about the whole account, ``fill_us`` where
    nothing fills.
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
    """The rules of one account, in the order in which they are asked.

    Parameters
    ----------
    config : RiskConfig
    max_gross_frac, capital_usd : float
        Of the account.
    """

    def __init__(self, config: RiskConfig, max_gross_frac: float, capital_usd: float) -> None:
        stops: list[AccountStop] = []
        if config.kill_drawdown_frac is not None:
            stops.append(
                DrawdownKillSwitch(config.kill_drawdown_frac, config.rearm_sessions, capital_usd)
            )
        if config.session_loss_frac is not None:
            stops.append(SessionLossStop(config.session_loss_frac, capital_usd))
        pacing: list[EntryRule] = []
        if config.min_holding_bars:
            pacing.append(MinimumHolding(config.min_holding_bars))
        if config.cooldown_bars:
            pacing.append(Cooldown(config.cooldown_bars))
        governors: list[EntryRule] = [
            TurnoverGovernor(period, cap)
            for period, cap in (
                ("day", config.max_turnover_per_day),
                ("week", config.max_turnover_per_week),
                ("month", config.max_turnover_per_month),
            )
            if cap is not None
        ]
        caps: list[SizeCap] = [GrossCap(max_gross_frac)]
        if config.max_symbol_frac is not None:
            caps.append(SymbolCap(config.max_symbol_frac))
        self.stops, self.caps = tuple(stops), tuple(caps)
        self.needs_bars = bool(pacing)
        self.needs_calendar = bool(stops or governors)
        self.events: list[RiskEvent] = []
        self._before_size = (*stops, *pacing)
        self._governors = tuple(governors)
        self._entered = (*pacing, *governors)

    def allow(self, request: EntryRequest, now_us: int, order: int) -> tuple[float, str]:
        """Notional that may be entered and what bound it; 0 and the rule's name when refused.

        Parameters
        ----------
        request : EntryRequest
            Its ``notional_usd`` is what was asked for, and is lowered to what is allowed.
        now_us, order : int
            For the record.
        """
        if self._before_size:
            refused = self._refused(self._before_size, request, now_us, order)
            if refused is not None:
                return 0.0, refused
        asked, binding = request.notional_usd, "size_frac"
        for cap in self.caps:
            room = cap.room_usd(request)
            if request.notional_usd <= room:
                continue
            is_refused = room < MIN_FILL_SHARE * asked
            action, reached = REFUSED if is_refused else TRIMMED, cap.asked_frac(request)
            self._note(now_us, request, order, cap.name, action, cap.max_frac, reached)
            if is_refused:
                return 0.0, cap.name
            request.notional_usd, binding = room, cap.name
        if self._governors:
            refused = self._refused(self._governors, request, now_us, order)
            if refused is not None:
                return 0.0, refused
        for rule in self._entered:
            rule.entered(request)
        return request.notional_usd, binding

    def _refused(self, rules: tuple, request: EntryRequest, now_us: int, order: int) -> str | None:
        for rule in rules:
            breach = rule.refuses(request)
            if breach is not None:
                self._note(now_us, request, order, rule.name, REFUSED, *breach)
                return rule.name
        return None

    def _note(
        self,
        now_us: int,
        request: EntryRequest,
        order: int,
        rule: str,
        action: str,
        threshold: float,
        value: float,
    ) -> None:
        self.events.append(
            RiskEvent(
                now_us,
                request.symbol,
                order,
                rule,
                action,
                threshold,
                value,
                request.equity_usd,
                -1,
            )
        )
