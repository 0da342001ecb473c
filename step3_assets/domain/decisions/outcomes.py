"""Outcomes: scored events joined with their final labels.

Belongs here: the one join of scores with final labels, which reports, statistics, monitoring,
recalibration and comparisons use. Does not belong here: what is measured on the joined rows. The
leakage audit and ``verify`` do their own join, as an independent second computation.
"""

from collections.abc import Sequence

import pandas as pd

from step3_assets.domain.core.keys import EVENT_KEY


def with_outcomes(
    scores: pd.DataFrame, events: pd.DataFrame, outcomes: Sequence[str]
) -> pd.DataFrame:
    """Rows of `scores` whose event has a final label, with some columns of the event.

    Parameters
    ----------
    scores : DataFrame
        Any rows with ``symbol`` and ``decision_time_utc``.
    events : DataFrame
        Table ``events`` with ``maturity``; a label that is provisional or pending may still change
        and is left out.
    outcomes : sequence of str
        The columns of `events` to add.

    Returns
    -------
    DataFrame
        In the order of `scores`.
    """
    final = events.loc[events["maturity"] == "final", [*EVENT_KEY, *outcomes]]
    return scores.merge(final, on=EVENT_KEY, how="inner", validate="one_to_one")
