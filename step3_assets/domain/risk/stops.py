"""Stops on the account: drawdown kill switch, session loss stop.

Belongs here: rules that watch marked equity. Does not belong here: rules about one entry
(:mod:`.pacing`, :mod:`.turnover`, :mod:`.caps`), the flattening itself.

Both act on a close and are filled at the next open, so the loss realised may exceed the threshold
by what happens in between.
"""

from step3_assets.domain.risk.rules import Breach, EntryRequest


class DrawdownKillSwitch:
    """Flatten and stand aside when equity has fallen too far below its peak.

    Parameters
    ----------
    max_drawdown_frac : float
        Trips when ``1 - equity / peak`` exceeds it at a bar close.
    rearm_sessions : int
        Armed again at the first look in the session this many after the one it tripped in. The
        peak is then the equity of that moment: a flat account would otherwise never come back,
        and each further fall of `max_drawdown_frac` costs as much standing aside again.
    capital_usd : float
        The first peak.
    """

    name = "drawdown_kill"

    def __init__(self, max_drawdown_frac: float, rearm_sessions: int, capital_usd: float) -> None:
        self.threshold = max_drawdown_frac
        self.rearm_sessions = rearm_sessions
        self.peak = capital_usd
        self.tripped_in: int | None = None
        self.tripped_at = 0.0

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Trip on a close below the peak by more than the threshold."""
        if self.tripped_in is not None and not self._rearmed(session, equity_usd):
            return None
        if equity_usd > self.peak:
            self.peak = equity_usd
            return None
        fall = 1.0 - equity_usd / self.peak
        if fall > self.threshold:
            self.tripped_in, self.tripped_at = session, fall
            return Breach(self.threshold, fall)
        return None

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse until it is armed again; the figure is the drawdown it tripped at."""
        if self.tripped_in is None or self._rearmed(request.session, request.equity_usd):
            return None
        return Breach(self.threshold, self.tripped_at)

    def _rearmed(self, session: int, equity_usd: float) -> bool:
        assert self.tripped_in is not None
        if session - self.tripped_in < self.rearm_sessions or not equity_usd > 0.0:
            return False
        self.tripped_in, self.peak = None, equity_usd
        return True


class SessionLossStop:
    """Flatten and stand aside for the rest of the session when the session has lost too much.

    Parameters
    ----------
    max_loss_frac : float
        Trips when equity at a bar close is below the last mark of the session before by more.
        The gap over night counts as the new session's.
    capital_usd : float
        Equity before the first session.

    Notes
    -----
    A decision at the session's last close is still the session's and is refused, though it would
    fill in the next one.
    """

    name = "session_loss"

    def __init__(self, max_loss_frac: float, capital_usd: float) -> None:
        self.threshold = max_loss_frac
        self.session = -1
        self.opened_usd = self.last_usd = capital_usd
        self.tripped_in = -1
        self.tripped_at = 0.0

    def mark(self, session: int, equity_usd: float) -> Breach | None:
        """Trip on a close that has lost more than the threshold since the session before."""
        if session != self.session:
            self.session, self.opened_usd = session, self.last_usd
        self.last_usd = equity_usd
        if self.tripped_in == session or not self.opened_usd > 0.0:
            return None
        loss = 1.0 - equity_usd / self.opened_usd
        if loss > self.threshold:
            self.tripped_in, self.tripped_at = session, loss
            return Breach(self.threshold, loss)
        return None

    def refuses(self, request: EntryRequest) -> Breach | None:
        """Refuse for the rest of the session; the figure is the loss it tripped at."""
        if request.session != self.tripped_in:
            return None
        return Breach(self.threshold, self.tripped_at)
