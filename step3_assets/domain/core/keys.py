"""Names that several tables share: the key of an event, the symbol of a row about all symbols.

Belongs here: names that more than one stage writes or joins on. Does not belong here: the columns
of one table (:mod:`step3_assets.catalogue`).
"""

from step3_assets.catalogue.delivery import EVENTS

EVENT_KEY: list[str] = list(EVENTS.key)
"""Columns that name an event in every table: ``symbol`` and ``decision_time_utc``."""

ALL_SYMBOLS = "ALL"
"""Value of column ``symbol`` in a row about all symbols together."""
