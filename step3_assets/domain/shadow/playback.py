"""Playback: rebuild the deliveries of past weeks from bars.

Belongs here: the instants of the deliveries, and building each as of its instant. Does not belong
here: the builder and the validation, which every delivery uses; what a step adds.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.core.months import add_months
from step3_assets.domain.delivery.read import read_delivery
from step3_assets.domain.shadow.step import Delivered
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.write import write_delivery

WEEKS_AFTER = 3
"""Weeks after the last month in which its last labels become final; a horizon is two sessions."""


def weekly_closes(first_month: date, last_month: date) -> list[pd.Timestamp]:
    """Last session close of every week that holds a session of the months, and of those after.

    Weeks run Monday to Sunday, New York. The last :data:`WEEKS_AFTER` lie after the months.

    Examples
    --------
    >>> [str(t) for t in weekly_closes(date(2023, 6, 1), date(2023, 6, 1))][:2]
    ['2023-06-02 20:00:00+00:00', '2023-06-09 20:00:00+00:00']
    """
    end = add_months(last_month, 1)
    bars = session_bars(first_month, end + timedelta(weeks=WEEKS_AFTER + 1))
    session = pd.to_datetime(bars["session"])
    week = (session - pd.to_timedelta(session.dt.day_of_week, unit="D")).rename("week")
    closes = bars.groupby(week)["bar_end"].max()
    opens = session.groupby(week).min()
    inside = closes[opens < pd.Timestamp(end)]
    after = closes[opens >= pd.Timestamp(end)]
    return [*inside, *after.iloc[:WEEKS_AFTER]]


@dataclass(frozen=True)
class Playback:
    """Bars from which the delivery of any instant is built.

    Attributes
    ----------
    bars : mapping of str to DataFrame
        As :func:`step3_assets.domain.step2.bars.read_bars` reads them.
    knobs : Step2Config
    partners : mapping of str to str
        The other symbol of each.
    """

    bars: Mapping[str, pd.DataFrame]
    knobs: Step2Config
    partners: Mapping[str, str]

    def delivery(self, as_of: pd.Timestamp) -> Delivered:
        """The delivery of an instant, including pending candidates.

        It is built, written, read and validated like any other delivery.

        Raises
        ------
        step3_assets.domain.step2.bars.BarsError, BuildError, DeliveryError
            As building and reading any delivery.
        """
        built = build_delivery(
            self.bars, self.knobs, partners=self.partners, as_of=as_of, emit_pending=True
        )
        with tempfile.TemporaryDirectory(prefix="step3-replay-") as folder:
            write_delivery(built, Path(folder) / "delivery")
            read = read_delivery(Path(folder) / "delivery")
        return Delivered(read.events, read.bars)

    def has_bars_until(self, as_of: pd.Timestamp) -> bool:
        """Whether the bars reach the instant, so that a delivery can be built for it."""
        last = max(frame["date"].iloc[-1] for frame in self.bars.values())
        return last >= as_of - pd.Timedelta(days=5)
