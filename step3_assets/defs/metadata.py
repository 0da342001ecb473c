"""How a result is shown in the UI: columns, numbers, tables, plots.

Belongs here: the form of metadata. Does not belong here: which numbers an asset reports.
"""

import base64
from collections.abc import Mapping
from math import isfinite, log10
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.column import Column, KnownAt

SIGNIFICANT_DIGITS = 4


def column_schema(table: str) -> dict[str, Any]:
    """Definition metadata of an asset: its table's name and columns."""
    return {
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(
                    c.name,
                    c.dtype,
                    description=_column_text(c),
                    constraints=dg.TableColumnConstraints(nullable=c.is_nullable),
                )
                for c in TABLES[table].columns
            ]
        ),
        "dagster/table_name": f"step3.{table}",
    }


def _column_text(column: Column) -> str:
    """Meaning, unit and when it is known; empty parts are left out."""
    text = column.meaning
    if column.unit:
        text += f" Unit: {column.unit}."
    if column.known_at is not KnownAt.IDENTITY:
        text += f" Known: {column.known_at}."
    return text.replace(">", "\\>").replace("<", "\\<")  # they mean something in Markdown


def readable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with numbers cut to four significant digits; unknown numbers are left out.

    Examples
    --------
    >>> readable({"mean net (bps)": 20.824521550163013, "hit rate": float("nan"), "trades": 7})
    {'mean net (bps)': 20.82, 'trades': 7}
    """
    return {
        name: _rounded(value) if isinstance(value, float) else value
        for name, value in metadata.items()
        if not isinstance(value, float) or isfinite(value)
    }


def _rounded(value: float) -> float:
    if value == 0:
        return 0.0
    return round(value, max(0, SIGNIFICANT_DIGITS - 1 - int(log10(abs(value)) // 1)))


def table_metadata(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """A frame as a table: numbers to four significant digits, a blank where there is none."""
    return dg.MetadataValue.md(frame.map(_cell).to_markdown(index=False, disable_numparse=True))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{_rounded(value):,.10g}" if isfinite(value) else ""
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def png_metadata(name: str, png: bytes) -> dg.MarkdownMetadataValue:
    """A plot that renders in the UI."""
    text = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{text})")
