"""What is stored that runs build on: the delivery in force, the months ingested, the settings.

Belongs here: reading these, and refusing to start where months are missing. Does not belong here:
the loop over partitions (:mod:`step3_assets.defs.partition_task`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from step3_assets.config import Step3Config
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.search.settings import settings_by_month
from step3_assets.storage.store import Reader


def dataset_in_force(store: Reader) -> dict[str, Any]:
    """The delivery ingested last: its row of ``datasets``."""
    rows = store.read("datasets")
    if rows.empty:
        raise ValueError("datasets is empty: materialize events and bar_features first")
    row = rows.sort_values("position").iloc[-1]
    return {str(name): value for name, value in row.items()}


def settings_in_force(
    store: Reader, config: Step3Config, months: Sequence[date]
) -> Mapping[date, Step3Config]:
    """The configuration of each test month: what its epoch's search chose, where that is on."""
    if not config.search.is_enabled:
        return dict.fromkeys(months, config)
    return settings_by_month(config, store.read("tuned_params"), months)


def ingested_months(store: Reader, table: str) -> list[date]:
    """Months of ``events`` or ``bar_features`` that have been ingested, also those without rows."""
    return ingested_by_table(store)[table]


def ingested_by_table(store: Reader) -> dict[str, list[date]]:
    """:func:`ingested_months` of both tables, in one read."""
    manifest = store.read("dataset_months")
    return {
        table: sorted(manifest.loc[manifest["table_name"] == table, "month"])
        for table in ("bar_features", "events")
    }


def require_ingested(
    ingested: Mapping[str, Sequence[date]], data_start: date, first: date, month: date
) -> None:
    """Fail unless every month of the look-back ``first`` to ``month`` is stored.

    ``month`` itself may lie one month beyond the data: the live month, before its first bar.
    Dagster's own mapping would skip missing months silently.

    Parameters
    ----------
    ingested : mapping of str to sequence of date
        As :func:`ingested_by_table` gives it.
    data_start, first, month : date

    Raises
    ------
    ValueError
        Naming the table and the months that are missing.
    """
    for table, stored in ingested.items():
        if not stored:
            raise ValueError(f"{table}: nothing is ingested; materialize {table} first")
        wanted = month_range(max(first, data_start), month)
        is_live = month == add_months(stored[-1], 1)
        missing = sorted(set(wanted) - set(stored) - ({month} if is_live else set()))
        if missing:
            names = ", ".join(month_label(m) for m in missing[:6])
            raise ValueError(
                f"{table}: {len(missing)} month(s) that fold {month_label(month)} reads are not "
                f"ingested ({names}); materialize {table} for them first"
            )
