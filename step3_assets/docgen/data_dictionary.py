"""The data dictionary page, generated from the catalogue.

Belongs here: laying out :mod:`step3_assets.catalogue` as markdown, and comparing the page with it.
Does not belong here: any description; descriptions are in the catalogue only.

Run as ``python -m step3_assets.docgen.data_dictionary --check`` (or ``--write``).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from step3_assets.catalogue import SCHEMA_VERSION, TABLES
from step3_assets.catalogue.column import Column, KnownAt, Table
from step3_assets.catalogue.delivery import FEATURE_VERSION, NUMERIC_FEATURES

PAGE = Path("docs") / "data_dictionary.md"

_KNOWN_AT = {
    KnownAt.IDENTITY: "names the row; known at the decision, never a feature",
    KnownAt.DECISION: "known at the decision instant; in `events`, a feature",
    KnownAt.OUTCOME: "known only after entry; never a feature",
    KnownAt.FOLD_START: "computed from labels that were final before the test month",
    KnownAt.WEEK_START: "computed from labels that were final before the week's first session",
    KnownAt.RESULT: "computed after the outcome, by a backtest or the report",
}


def data_dictionary_markdown() -> str:
    """The page that the catalogue produces.

    Returns
    -------
    str
        Markdown, ending in a newline: an index of tables, then each table with its columns, type,
        unit, when each is known, and meaning.
    """
    blocks = [
        "# Data dictionary",
        "Generated from `step3_assets/catalogue/` by `python -m "
        "step3_assets.docgen.data_dictionary --write`. Do not edit by hand.",
        f"Schema version {SCHEMA_VERSION}, feature version {FEATURE_VERSION}: "
        f"{len(TABLES)} tables, {len(NUMERIC_FEATURES)} numeric features. Types are DuckDB's; "
        "timestamps are UTC with microseconds; a month is its first day.",
        "**When a value is known**",
        "\n".join(f"- *{known.value}*: {text}." for known, text in _KNOWN_AT.items()),
        _index(),
        *(block for table in TABLES.values() for block in _table(table)),
    ]
    return "\n\n".join(blocks) + "\n"


def _index() -> str:
    rows = [
        f"| [{t.name}](#{t.name}) | {_cell(t.asset)} | {t.partition or 'none'} "
        f"| {len(t.columns)} | {_cell(t.meaning)} |"
        for t in TABLES.values()
    ]
    head = "| Table | Asset | Partition | Columns | Holds |\n| :--- | :--- | :--- | ---: | :--- |"
    return "\n".join([head, *rows])


def _table(table: Table) -> list[str]:
    partition = f"Replaced by `{table.partition}`" if table.partition else "Replaced whole"
    key = ", ".join(f"`{name}`" for name in table.key)
    head = "| Column | Type | Unit | Known at | Meaning |\n| :--- | :--- | :--- | :--- | :--- |"
    return [
        f"## {table.name}",
        _cell(table.meaning),
        f"Written by {_cell(table.asset)}. Key: {key}. {partition}.",
        "\n".join([head, *(_row(column) for column in table.columns)]),
    ]


def _row(column: Column) -> str:
    type_text = column.dtype if not column.is_nullable else f"{column.dtype}, null"
    notes = [_cell(column.meaning)]
    if column.is_positive:
        notes.append("Positive.")
    if column.allowed:
        notes.append(f"One of: {', '.join(f'`{_cell(value)}`' for value in column.allowed)}.")
    if column.is_delivered:
        notes.append("*Delivered.*")
    cells = (f"`{column.name}`", type_text, _cell(column.unit), column.known_at.value)
    return f"| {' | '.join(cells)} | {' '.join(notes)} |"


def _cell(text: str) -> str:
    """Text escaped so that it stays in its cell and is not read as markup."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")


def is_current(page: Path) -> bool:
    """Whether the page matches the catalogue; False for a missing page."""
    return page.is_file() and page.read_text("utf-8") == data_dictionary_markdown()


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the page; exit status 1 when it is stale."""
    parser = argparse.ArgumentParser(
        prog="python -m step3_assets.docgen.data_dictionary",
        description="Compare docs/data_dictionary.md with the catalogue, or write it again.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="exit 1 when the page is stale")
    what.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"default: {PAGE}")
    asked = parser.parse_args(arguments)
    if asked.write:
        asked.page.write_text(data_dictionary_markdown(), "utf-8")
        sys.stdout.write(f"wrote {asked.page}\n")
        return 0
    if not is_current(asked.page):
        sys.stderr.write(
            f"{asked.page} is stale: run python -m step3_assets.docgen.data_dictionary --write\n"
        )
        return 1
    sys.stdout.write(f"{asked.page} is current\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
