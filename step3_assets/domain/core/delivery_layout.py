"""Names in a delivery's folder: the files of a symbol, and which tickers may name them.

Belongs here: what the Step 2 builder writes and the ingest reads alike. Does not belong here: the
content of the files.
"""

import re

TABLE_SUFFIXES = {"events": "_events.parquet", "bar_features": "_bar_features.parquet"}
"""End of a file's name, after the symbol in lower case, by table. A table has its own folder."""

TICKER = re.compile(r"[A-Z][A-Z0-9.]{0,9}")
"""A symbol. It becomes a file name and a prefix of columns."""


def table_file(table: str, symbol: str) -> str:
    """Path of a symbol's file inside the delivery.

    Examples
    --------
    >>> table_file("events", "SPY")
    'events/spy_events.parquet'
    """
    return f"{table}/{symbol.lower()}{TABLE_SUFFIXES[table]}"
