"""The base model of a week: whose raw probabilities the recalibration calibrates.

Belongs here: which fold's models score a week, since when, and what of them the recalibration
needs. Does not belong here: training, the registry.

Without a registry the models are those of the fold of the calendar month that holds the week's
first session: what the walk-forward uses. Another rule is another function in the place of
:func:`~step3_assets.domain.live.weeks.month_of_week`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pandas as pd

from step3_assets.domain.live.weeks import Session, add_weeks, first_session, month_of_week
from step3_assets.domain.models.calibration import Numbers
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    load_numbers,
    payload_sha256,
    read_payloads,
)
from step3_assets.domain.registry.entries import artefacts_hash

MonthOfWeek = Callable[[date], date | None]


@dataclass(frozen=True)
class BaseModel:
    """What the recalibration knows of the models that score a week.

    Attributes
    ----------
    month : date
        Their fold, by its test month.
    artefact_hash, config_hash : str
        Hash of every head's payload, with which the registry names the version, and of the settings
        they were trained with; empty where the fold has no model.
    calibrator : dict or None
        The fold's own.
    """

    month: date
    artefact_hash: str
    config_hash: str
    calibrator: Numbers | None

    @classmethod
    def of_models(cls, models: pd.DataFrame, month: date) -> "BaseModel":
        """From the rows of table ``calibrated_models``; those of other months are ignored.

        Raises
        ------
        ModelIntegrityError
            If a payload was altered, or the calibrator is missing.
        """
        rows = models[models["month"] == month]
        payloads = read_payloads(rows)
        if not payloads:
            return cls(month, "", "", None)
        if "calibrator" not in payloads:
            raise ModelIntegrityError(f"the fold of {month:%Y-%m} has no calibrator")
        hashes = {head: payload_sha256(text) for head, text in payloads.items()}
        return cls(
            month,
            artefacts_hash(hashes),
            str(rows["config_hash"].iloc[0]),
            load_numbers(payloads["calibrator"]),
        )


def chain_of(week: date, base_month: MonthOfWeek = month_of_week) -> list[Session]:
    """First session of every week since the week's base model came into force, its own last.

    A model comes into force with its own test month at the earliest.

    Examples
    --------
    >>> [s.day.isoformat() for s in chain_of(date(2023, 1, 16))]
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
