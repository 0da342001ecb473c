"""The drawdown kill switch: close all positions and pause after too deep a fall.

Belongs here: this rule. It acts on a bar close and positions are closed at the next open, so the
realised loss may exceed the limit by the price move in between.
"""

from math import inf

from pydantic import Field

from step3_assets.plugins.risk_rule import (
    FRACTION,
    Account,
    Breach,
    EntryRequest,
    Kind,
    RiskRule,
)
from step3_assets.plugins.setting import Bounds, Setting, SettingValues


class DrawdownKillSwitch:
    """Close all positions and pause when equity has fallen too far below its peak.

    It trips when ``1 - equity / peak`` exceeds ``kill_drawdown_frac`` at a bar close. Trading
    starts again ``rearm_sessions`` sessions after the session in which it tripped. The peak is then
    reset to the current equity; without a reset, an account in cash would never start again. Each
    further fall by the limit causes another pause.

    Parameters
    ----------
    account : Account
        The account; its capital is the first peak.
    """

    def __init__(self, account: Account) -> None:
        self.threshold = inf
        self.rearm_sessions = 1
        self.peak = account.capital_usd
        self.aside_until: int | None = None
        self.tripped = Breach(inf, 0.0)

    def set_limit(self, config: SettingValues) -> None:
        """Use the new limits; the peak and a pause that has started do not change."""
        limit = config.kill_drawdown_frac
        self.threshold = inf if limit is None else limit
        self.rearm_sessions = config.rearm_sessions

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Trip if the close is below the peak by more than the threshold."""
        if self.aside_until is not None and not self._rearmed(session, equity_usd):
            return None
        if equity_usd > self.peak:
            self.peak = equity_usd
            return None
        fall = 1.0 - equity_usd / self.peak
        if fall > self.threshold:
            self.aside_until = session + self.rearm_sessions
            self.tripped = Breach(self.threshold, fall)
            return self.tripped
        return None

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse entries during the pause; report the limit and drawdown at which it tripped."""
        if self.aside_until is None or self._rearmed(request.session, request.equity_usd):
            return None
        return self.tripped

    def _rearmed(self, session: int, equity_usd: float) -> bool:
        assert self.aside_until is not None
        if session < self.aside_until or not equity_usd > 0.0:
            return False
        self.aside_until, self.peak = None, equity_usd
        return True


DRAWDOWN_KILL = RiskRule(
    name="drawdown_kill",
    label="Drawdown kill switch",
    loss="stood aside after the drawdown kill switch",
    meaning="When marked equity is further below its peak than the limit, it closes all positions "
    "and pauses trading for `rearm_sessions`.",
    kind=Kind.STOP,
    place=10,
    unit=FRACTION,
    make=DrawdownKillSwitch,
    limit="kill_drawdown_frac",
    settings={
        "kill_drawdown_frac": Setting(
            float | None,
            Field(
                default=0.10,
                gt=0,
                lt=1,
                description="Fall of marked equity below its peak that closes all positions. The "
                "plan's cap is 12 %: two points are left for the move to the next open.",
            ),
            Bounds(
                0.04,
                0.10,
                "Below 4 % an ordinary quarterly fall would cost a month of trading. The upper "
                "end may not exceed the plan's cap on the drawdown.",
            ),
        ),
        "rearm_sessions": Setting(
            int,
            Field(
                default=21,
                ge=1,
                description="Sessions without trading after the kill switch trips: a month. Then "
                "the peak is reset.",
            ),
        ),
    },
)
