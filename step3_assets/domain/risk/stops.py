"""Stops on the account: drawdown kill switch, session loss stop.

Belongs here: rules that watch marked equity. Does not belong here: rules about one entry
(:mod:`.pacing`, :mod:`.turnover`, :mod:`.caps`), the flattening itself.

Both act on a close and are filled at the next open, so the loss realised may exceed the threshold
by what happens in between.
"""

from math import inf

from step3_assets.config import RiskConfig
from step3_assets.domain.risk.rules import Breach, EntryRequest


class DrawdownKillSwitch:
    """Flatten and stand aside when equity has fallen too far below its peak.

    It trips when ``1 - equity / peak`` exceeds ``kill_drawdown_frac`` at a bar close, and is armed
    again at the first look in the session ``rearm_sessions`` after the one it tripped in. The peak
    is then the equity of that moment: a flat account would otherwise never come back, and each
    further fall by the limit costs as much standing aside again.

    Parameters
    ----------
    capital_usd : float
        The first peak.
    """

    name = "drawdown_kill"

    def __init__(self, capital_usd: float) -> None:
        self.threshold = inf
        self.rearm_sessions = 1
        self.peak = capital_usd
        self.aside_until: int | None = None
        self.tripped = Breach(inf, 0.0)

    def limit_of(self, config: RiskConfig) -> float | None:
        """``kill_drawdown_frac``."""
        return config.kill_drawdown_frac

    def set_limit(self, config: RiskConfig) -> None:
        """The peak stays; so does a period stood aside, with the length it began with."""
        limit = config.kill_drawdown_frac
        self.threshold = inf if limit is None else limit
        self.rearm_sessions = config.rearm_sessions

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Trip on a close below the peak by more than the threshold."""
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
        """Refuse until it is armed again; limit and drawdown are those it tripped at."""
        if self.aside_until is None or self._rearmed(request.session, request.equity_usd):
            return None
        return self.tripped

    def _rearmed(self, session: int, equity_usd: float) -> bool:
        assert self.aside_until is not None
        if session < self.aside_until or not equity_usd > 0.0:
            return False
        self.aside_until, self.peak = None, equity_usd
        return True


class SessionLossStop:
    """Flatten and stand aside for the rest of the session when the session has lost too much.

    It trips when equity at a bar close is below the last mark of the session before by more than
    ``session_loss_frac``. The gap over night counts as the new session's.

    Parameters
    ----------
    capital_usd : float
        Equity before the first session.

    Notes
    -----
    A decision at the session's last close is still the session's and is refused, though it would
    fill in the next one.
    """

    name = "session_loss"

    def __init__(self, capital_usd: float) -> None:
        self.threshold = inf
        self.session = -1
        self.opened_usd = self.last_usd = capital_usd
        self.tripped_in = -1
        self.tripped = Breach(inf, 0.0)

    def limit_of(self, config: RiskConfig) -> float | None:
        """``session_loss_frac``."""
        return config.session_loss_frac

    def set_limit(self, config: RiskConfig) -> None:
        """A session that it tripped in stays ended."""
        limit = config.session_loss_frac
        self.threshold = inf if limit is None else limit

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Trip on a close that has lost more than the threshold since the session before."""
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
        """Refuse for the rest of the session; limit and loss are those it tripped at."""
        return self.tripped if request.session == self.tripped_in else None
