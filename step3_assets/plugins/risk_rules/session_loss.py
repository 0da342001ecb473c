"""The session loss stop: close all positions and pause for the rest of a losing session.

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


class SessionLossStop:
    """Close all positions and pause for the rest of the session when it has lost too much.

    It trips when equity at a bar close is below the last mark of the session before by more than
    ``session_loss_frac``. The overnight gap counts in the new session.

    Parameters
    ----------
    account : Account
        The account; its capital is the equity before the first session.

    Notes
    -----
    A decision at the session's last close belongs to that session and is refused, even though it
    would be filled in the next one.
    """

    def __init__(self, account: Account) -> None:
        self.threshold = inf
        self.session = -1
        self.opened_usd = self.last_usd = account.capital_usd
        self.tripped_in = -1
        self.tripped = Breach(inf, 0.0)

    def set_limit(self, config: SettingValues) -> None:
        """Use the new limit; a session in which it tripped stays paused."""
        limit = config.session_loss_frac
        self.threshold = inf if limit is None else limit

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Trip if the loss since the last session's last mark exceeds the threshold."""
        if session != self.session:
            self.session, self.opened_usd = session, self.last_usd
        self.last_usd = equity_usd
        if self.tripped_in == session or not self.opened_usd > 0.0:
            return None
        loss = 1.0 - equity_usd / self.opened_usd
        if loss > self.threshold:
            self.tripped_in, self.tripped = session, Breach(self.threshold, loss)
            return self.tripped
        return None

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse for the rest of the session; report the limit and loss at which it tripped."""
        return self.tripped if request.session == self.tripped_in else None


SESSION_LOSS = RiskRule(
    name="session_loss",
    label="Session loss stop",
    loss="stood aside for a session that lost too much",
    meaning="When equity is below the last mark of the session before by more than the limit, it "
    "closes all positions and pauses trading for the rest of the session.",
    kind=Kind.STOP,
    place=20,
    unit=FRACTION,
    make=SessionLossStop,
    limit="session_loss_frac",
    settings={
        "session_loss_frac": Setting(
            float | None,
            Field(
                default=0.03,
                gt=0,
                lt=1,
                description="Loss of marked equity since the session before that ends the session; "
                "a month may lose 5 %.",
            ),
            Bounds(
                0.01,
                0.03,
                "An account fully in an index loses 1 % in a session once a fortnight.",
            ),
        )
    },
)
