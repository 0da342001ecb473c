"""The record of a report section, and how sections are found.

Belongs here: the two records, the search of the folder ``sections``, helpers that sections share.
Does not belong here: the content of a section.

To add a section, write one module in ``step3_assets/domain/report/sections`` that defines
``SECTION``. Its place on the page, the table of contents, its plots and the list in
``docs/report.md`` derive from it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.text_table import TextTable

FIGURE_FOLDER = "figures"
FOLD_ABOVE_ROWS = 12

Blocks = Iterator[str]


@dataclass(frozen=True)
class Figure:
    """A plot of a section.

    Parameters
    ----------
    name : str
        File name, ending in ``.png``; unique on the page.
    alt : str
        What it shows, for readers who cannot see it.
    draw : callable
        ``draw(inputs, small)`` returns the PNG; ``small`` asks for phone size, at most 25 kB.
    """

    name: str
    alt: str
    draw: Callable[[ReportInputs, bool], bytes]

    def markdown(self) -> str:
        """The markdown that shows the plot on the page."""
        return f"![{self.alt}]({FIGURE_FOLDER}/{self.name})"


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Parameters
    ----------
    title : str
        Its heading, unique on the page.
    order : int
        Sections stand in ascending order.
    question : str
        The question that it answers, in one line; printed in ``docs/report.md``.
    write : callable
        Yields blocks of markdown. If its tables are empty, it says so in a sentence.
    tables : tuple of str
        Tables of the catalogue that it uses; listed at its end.
    figures : tuple of Figure
        Plots that its blocks link with :meth:`Figure.markdown`.
    """

    title: str
    order: int
    question: str
    write: Callable[[ReportInputs], Blocks]
    tables: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()

    def blocks(self, inputs: ReportInputs) -> Blocks:
        """Its blocks, then the list of its tables."""
        yield from self.write(inputs)
        if self.tables:
            yield f"*Tables: {', '.join(f'`{name}`' for name in self.tables)}.*"


def sections() -> list[Section]:
    """Every section of the folder, in order of the page.

    Raises
    ------
    ValueError
        If two sections have the same title or the same plot file name.
    """
    from step3_assets.domain.report import sections as folder

    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    found = [importlib.import_module(f"{folder.__name__}.{name}").SECTION for name in names]
    for kind, used in (
        ("title", [section.title for section in found]),
        ("plot", [figure.name for section in found for figure in section.figures]),
    ):
        if twice := sorted({name for name in used if used.count(name) > 1}):
            raise ValueError(f"two sections of the report share the {kind} {', '.join(twice)}")
    return sorted(found, key=lambda section: (section.order, section.title))


def long_table(table: TextTable, summary: str) -> str:
    """The table; a long one is collapsed until the reader opens it."""
    return table.folded(summary) if len(table.rows) > FOLD_ABOVE_ROWS else table.markdown()
