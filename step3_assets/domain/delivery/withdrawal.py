"""Withdrawals: stored symbols, months or last bars that a delivery no longer holds.

Belongs here: finding and describing them. Does not belong here: rows that changed
(:mod:`step3_assets.domain.delivery.revisions`), or removing what was withdrawn.

A delivery is cumulative: it holds all earlier rows again. One that does not is usually an
incomplete copy, a filtered export or the wrong folder, and only rarely intended. So it is refused
unless a person accepts it.
"""

from dataclasses import dataclass

import pandas as pd

from step3_assets.domain.core.delivery_layout import table_file
from step3_assets.domain.core.months import month_label
from step3_assets.domain.delivery.problems import DeliveryError, Problem
from step3_assets.domain.delivery.read import Delivery

HOW_TO_ACCEPT = "give the whole history, or accept it: step3 run --accept-withdrawal"
_SHOWN = 6

_STAMPS = {"bar_features": "date", "events": "decision_time_utc"}
_ROWS = {"bar_features": "bars", "events": "events"}


@dataclass(frozen=True)
class StoredRows:
    """Keys of the stored rows: ``month``, ``symbol`` and stamp, of both tables."""

    bar_features: pd.DataFrame
    events: pd.DataFrame

    @staticmethod
    def columns(table: str) -> list[str]:
        """Columns that are read of a table."""
        return ["month", "symbol", _STAMPS[table]]


def refuse_withdrawal(delivery: Delivery, stored: StoredRows) -> None:
    """Raise if the delivery lacks a stored symbol, a month of a symbol, or its last bars.

    Raises
    ------
    DeliveryError
        Naming files, symbols and months.
    """
    problems = find_withdrawals(delivery, stored)
    if problems:
        raise DeliveryError(delivery.folder, problems)


def find_withdrawals(delivery: Delivery, stored: StoredRows) -> list[Problem]:
    """Everything stored that the delivery no longer holds, by symbol."""
    problems = []
    pairs = (
        ("bar_features", stored.bar_features, delivery.bars),
        ("events", stored.events, delivery.events),
    )
    lost = sorted(set(stored.bar_features["symbol"]) - set(delivery.symbols))
    for symbol in lost:
        n_rows = int((stored.bar_features["symbol"] == symbol).sum())
        file = table_file("bar_features", symbol)
        message = f"the file is missing, though {n_rows:,} bars of {symbol} are stored"
        problems.append(Problem(file, "", (), f"{message}; {HOW_TO_ACCEPT}"))
    for table, before, after in pairs:
        kept = before[~before["symbol"].isin(lost)]
        counted = kept.groupby(["symbol", "month"]).size()
        present = pd.MultiIndex.from_frame(after[["symbol", "month"]].drop_duplicates())
        gone = counted[~counted.index.isin(present)]
        for symbol, rows in gone.groupby(level="symbol"):
            months = [month_label(month) for month in rows.index.get_level_values("month")]
            more = f" and {len(months) - _SHOWN} more months" if len(months) > _SHOWN else ""
            message = (
                f"holds no {_ROWS[table]} of {', '.join(months[:_SHOWN])}{more}, of which "
                f"{int(rows.sum()):,} are stored"
            )
            file = table_file(table, str(symbol))
            problems.append(Problem(file, _STAMPS[table], (), f"{message}; {HOW_TO_ACCEPT}"))
    if not problems:
        problems += _early_ends(stored.bar_features, delivery.bars)
    return problems


def _early_ends(before: pd.DataFrame, after: pd.DataFrame) -> list[Problem]:
    """Symbols whose last bar is earlier than the last stored one."""
    ends = pd.DataFrame(
        {
            "stored": before.groupby("symbol")["date"].max(),
            "now": after.groupby("symbol")["date"].max(),
        }
    ).dropna()
    early = ends[ends["now"] < ends["stored"]]
    return [
        Problem(
            table_file("bar_features", str(symbol)),
            "date",
            (),
            f"ends at {row['now']}, before the last bar stored, {row['stored']}; {HOW_TO_ACCEPT}",
        )
        for symbol, row in early.iterrows()
    ]
