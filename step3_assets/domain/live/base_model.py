"""The base model of a week: the models whose raw probabilities are recalibrated.

Belongs here: which fold's models score a week, since when, and the parts of them that the
recalibration needs. Does not belong here: training, stages of the registry.

The base model is the champion at the open of the week's first session. Before the first promotion
there is no champion; then it is the fold of the calendar month of that session, as in the
walk-forward.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.weeks import Session, add_weeks, first_session
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    Numbers,
    load_numbers,
    read_payloads,
)
from step3_assets.domain.registry.entries import artefacts_hash, artefacts_of, payload_artefacts
from step3_assets.domain.registry.in_force import champion_at

CHAMPION, CALENDAR_MONTH, MONTH_BEFORE = "champion", "calendar_month", "month_before"
MonthOfWeek = Callable[[date], date | None]


@dataclass(frozen=True)
class Base:
    """Which fold's models score a week, and why.

    Attributes
    ----------
    month : date
        Their fold, by its test month.
    source : str
        ``champion``, ``calendar_month``, or ``month_before``: the calendar month's fold was not
        made yet, so the one before it is used.
    """

    month: date
    source: str


@dataclass(frozen=True)
class BaseRule:
    """Which fold's models score a week, from what is stored: ``rule(week)``.

    Attributes
    ----------
    registry, transitions : DataFrame
        Tables ``model_registry`` and ``registry_transitions``.
    stored : mapping of date to dict
        Head to ``payload_sha256`` of every month of ``calibrated_models``.
    walked : sequence of date
        Test months whose fold is made, in order.
    """

    registry: pd.DataFrame
    transitions: pd.DataFrame
    stored: Mapping[date, Mapping[str, str]]
    walked: Sequence[date]

    def __call__(self, week: date) -> Base | None:
        """The base of a week; None for a week without a session.

        It depends only on the promotions up to the first open of the week and on the stored folds,
        so a week is the same whenever it is made. A champion of a later month than the week does
        not count: it knows what had not happened yet. Nor does one whose models are no longer
        stored.
        """
        session = first_session(week)
        if session is None:
            return None
        champion = champion_at(self.registry, self.transitions, session.open_utc)
        if champion is not None:
            month: date = champion["period_start"]
            if month <= session.day and artefacts_of(champion) == self.stored.get(month):
                return Base(month, CHAMPION)
        return self.calendar(session.day.replace(day=1))

    def calendar(self, month: date) -> Base:
        """The base of a calendar month without a champion.

        The month before is used where the walk-forward ends with it. On the first Mondays of a
        month its fold may not be made yet, and the shadow also scores by the month before.
        """
        before = add_months(month, -1)
        if self.walked and max(self.walked) == before:
            return Base(before, MONTH_BEFORE)
        return Base(month, CALENDAR_MONTH)


def month_by(base_of: Callable[[date], Base | None]) -> MonthOfWeek:
    """The month of each week's base."""

    def month(week: date) -> date | None:
        base = base_of(week)
        return None if base is None else base.month

    return month


@dataclass(frozen=True)
class BaseModel:
    """The parts of a base model that the recalibration needs.

    Attributes
    ----------
    month : date
        Their fold, by its test month.
    artefact_hash, config_hash : str
        Hash of every head's payload, with which the registry names the version, and of the settings
        they were trained with; empty where the fold has no model.
    calibrator : dict or None
        The calibrator of the fold.
    source : str
        As of :class:`Base`.
    """

    month: date
    artefact_hash: str
    config_hash: str
    calibrator: Numbers | None
    source: str = CALENDAR_MONTH

    @classmethod
    def of_models(cls, models: pd.DataFrame, base: Base) -> "BaseModel":
        """From the rows of table ``calibrated_models``; those of other months are ignored.

        Raises
        ------
        ModelIntegrityError
            If a payload was altered, or the calibrator is missing.
        """
        month = base.month
        rows = models[models["month"] == month]
        payloads = read_payloads(rows)
        if not payloads:
            return cls(month, "", "", None, base.source)
        if "calibrator" not in payloads:
            raise ModelIntegrityError(f"the fold of {month:%Y-%m} has no calibrator")
        return cls(
            month,
            artefacts_hash(payload_artefacts(payloads)),
            str(rows["config_hash"].iloc[0]),
            load_numbers(payloads["calibrator"]),
            base.source,
        )


def chain_of(week: date, base_month: MonthOfWeek) -> list[Session]:
    """First session of every week since the base model came into force, the week itself last.

    A model comes into force with its own test month at the earliest.

    Examples
    --------
    >>> from step3_assets.domain.core.weeks import month_of_week
    >>> [s.day.isoformat() for s in chain_of(date(2023, 1, 16), month_of_week)]
    ['2023-01-03', '2023-01-09', '2023-01-17']
    """
    month = base_month(week)
    sessions: list[Session] = []
    while month is not None and base_month(week) in (month, None):
        session = first_session(week)
        if session is not None:
            if session.day < month:
                break
            sessions.insert(0, session)
        week = add_weeks(week, -1)
    return sessions
