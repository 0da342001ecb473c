"""What a section of the report is, and how the sections are found.

Belongs here: the two records, the search of the folder ``sections``, the helpers that every section
shares. Does not belong here: what a section says.

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
        """The link that puts the plot on the page."""
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
        What a reader learns from it, in one line; printed in ``docs/report.md``.
    write : callable
        Yields blocks of markdown. An empty table is a case to answer in words.
    tables : tuple of str
        Tables of the catalogue that it is made from; named at its end.
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
        """What it writes, then the tables it is made from."""
        yield from self.write(inputs)
        if self.tables:
            yield f"*Tables: {', '.join(f'`{name}`' for name in self.tables)}.*"


def sections() -> list[Section]:
    """Every section of the folder, in order of the page.

    Raises
    ------
    ValueError
        When two sections share a title or a plot's file name.
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
    """The table, folded away when it is long."""
    return table.folded(summary) if len(table.rows) > FOLD_ABOVE_ROWS else table.markdown()
