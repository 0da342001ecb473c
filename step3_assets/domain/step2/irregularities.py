"""Irregularities of bars that are accepted: gaps, unknown sessions, missing partner bars.

Belongs here: counting and naming them for the delivery's meta file. Does not belong here:
reasons to refuse bars (`bars`), or any change to the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.core.adjustments import Adjustment, unexplained
from step3_assets.domain.core.calendar import (
    bar_end,
    bars_between,
    is_calendar_bar,
    is_last_bar_of_session,
)
from step3_assets.domain.core.instants import NY
from step3_assets.domain.core.jumps import find_jumps

_NAMED = 10


@dataclass(frozen=True)
class Irregularities:
    """Counts of irregularities in a symbol's bars, most of them against the exchange calendar.

    ``first_*`` list at most ten of each, as dates or stamps in UTC.
    """

    n_missing_bars: int
    n_missing_sessions: int
    first_missing_sessions: tuple[str, ...]
    first_missing_bars: tuple[str, ...]
    n_bars_off_calendar: int
    first_bars_off_calendar: tuple[str, ...]
    n_bars_of_other_length: int
    n_overnight_off_calendar: int
    n_bars_without_volume: int
    n_bars_without_partner: int
    n_jumps: int
    first_jumps: tuple[str, ...]

    def as_dict(self) -> dict:
        """The counts and names as plain JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    def describe(self) -> list[str]:
        """One line for each kind that occurs: what it is, how it is treated, how many there are."""
        kinds = {
            "n_missing_sessions": "sessions of the calendar without a bar (skipped)",
            "n_missing_bars": "bars of the calendar missing (skipped)",
            "n_bars_off_calendar": "bars outside the calendar (kept, with their stated length)",
            "n_bars_of_other_length": "bars of another length than the calendar's (kept as stated)",
            "n_overnight_off_calendar": "bars before a gap whose entry_overnight differs from the "
            "calendar's (the next row decides)",
            "n_bars_without_volume": "bars without volume (vol_z is null there)",
            "n_jumps": "jumps that no market made, such as unadjusted splits (kept; the ingest "
            "refuses them)",
            "n_bars_without_partner": "bars without a partner bar within the tolerance (cross "
            "columns are null there)",
        }
        counts = {text: getattr(self, name) for name, text in kinds.items()}
        return [f"{text}: {count}" for text, count in counts.items() if count]


def find_irregularities(
    features: pd.DataFrame,
    partner_age: np.ndarray | None,
    adjustments: Sequence[Adjustment] = (),
) -> Irregularities:
    """Compare a symbol's bar features with the calendar between its first and last bar.

    Parameters
    ----------
    features : DataFrame
        Bar features in time order.
    partner_age : ndarray or None
        Age of the partner's bar at each row, NaN where there is none. None without a partner.
    adjustments : sequence of Adjustment
        Those of kind ``real`` explain a jump.
    """
    stamps = pd.DatetimeIndex(features["date"])
    expected = bars_between(stamps[0], stamps[-1]) if len(stamps) else stamps
    missing = pd.DatetimeIndex(expected.difference(stamps))
    is_known = is_calendar_bar(stamps)
    off = stamps[~is_known]
    missing_days = np.setdiff1d(_days(missing), _days(stamps))
    seconds = (bar_end(stamps) - stamps).total_seconds().to_numpy()
    stated = features["expected_bar_seconds"].to_numpy()
    overnight = features["entry_overnight"].to_numpy() != is_last_bar_of_session(stamps)
    jumps = unexplained(find_jumps(features), adjustments)
    return Irregularities(
        n_missing_bars=len(missing),
        n_missing_sessions=len(missing_days),
        first_missing_sessions=tuple(missing_days[:_NAMED].astype(str).tolist()),
        first_missing_bars=_named(missing),
        n_bars_off_calendar=len(off),
        first_bars_off_calendar=_named(off),
        n_bars_of_other_length=int((is_known & (seconds != stated)).sum()),
        n_overnight_off_calendar=int((is_known & overnight)[:-1].sum()),
        n_bars_without_volume=int((features["volume"] == 0).sum()),
        n_bars_without_partner=0 if partner_age is None else int(np.isnan(partner_age).sum()),
        n_jumps=len(jumps),
        first_jumps=tuple(f"{j.stamp.isoformat()}: {j.text}" for j in jumps[:_NAMED]),
    )


def _days(stamps: pd.DatetimeIndex) -> np.ndarray:
    return stamps.tz_convert(NY).tz_localize(None).to_numpy().astype("datetime64[D]")


def _named(stamps: pd.DatetimeIndex) -> tuple[str, ...]:
    return tuple(stamp.isoformat() for stamp in stamps[:_NAMED])
