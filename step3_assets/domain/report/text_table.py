"""Markdown tables of ready-made text cells.

Belongs here: escaping, alignment, collapsing. Does not belong here: formatting numbers
(:mod:`~step3_assets.domain.report.numbers`) or choosing them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY = ("", "not available")
_ESCAPED = str.maketrans(
    {
        "\\": "\\\\",
        "|": "\\|",
        "<": "&lt;",
        ">": "&gt;",
        "*": "\\*",
        "_": "\\_",
        "`": "\\`",
        "[": "\\[",
        "]": "\\]",
        "\n": " ",
        "\r": " ",
    }
)


def escape(text: str) -> str:
    """Text escaped so that markdown and HTML show it as it is, in one cell on one line."""
    return text.replace("&", "&amp;").translate(_ESCAPED)


@dataclass(frozen=True)
class TextTable:
    """Rows of ready text.

    Parameters
    ----------
    header : tuple of str
    rows : tuple of tuple of str
        Markdown; text from outside is escaped.
    align : str
        One letter a column: ``l`` or ``r``.

    Raises
    ------
    ValueError
        If a row does not have as many cells as the header.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} | {len(self.align)}
        if widths != {len(self.header)}:
            raise ValueError(f"table {self.header}: rows of {sorted(widths)} cells")

    def compact(self) -> "TextTable":
        """The table without empty columns; the first column is kept."""
        kept = [
            place
            for place in range(len(self.header))
            if place == 0 or not self.rows or any(row[place] not in EMPTY for row in self.rows)
        ]
        return TextTable(
            header=tuple(self.header[place] for place in kept),
            rows=tuple(tuple(row[place] for place in kept) for row in self.rows),
            align="".join(self.align[place] for place in kept),
        )

    def markdown(self) -> str:
        """The table as GitHub-flavoured markdown."""
        rule = ["---:" if letter == "r" else ":---" for letter in self.align]
        return "\n".join(_line(row) for row in (self.header, rule, *self.rows))

    def folded(self, summary: str) -> str:
        """The table inside ``<details>``, closed until the reader opens it."""
        head = f"<details>\n<summary>{escape(summary)}</summary>\n\n"
        return f"{head}{self.markdown()}\n\n</details>"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> TextTable:
    """A :class:`TextTable` from any sequences."""
    return TextTable(tuple(header), tuple(tuple(row) for row in rows), align)
