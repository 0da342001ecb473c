"""The markdown page as one HTML file that needs no other file.

Belongs here: rendering, embedding the plots, the classes that the style sheet needs. Does not
belong here: content (the markdown), looks (the style sheet).
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from step3_assets.domain.report.canvas import MARK
from step3_assets.domain.report.charts import chart_scripts
from step3_assets.domain.report.money_tables import PROSE_HEADER
from step3_assets.domain.report.numbers import NOT_AVAILABLE
from step3_assets.domain.report.page import anchor
from step3_assets.domain.report.section import FIGURE_FOLDER
from step3_assets.domain.report.stylesheet import STYLE, SYNTHETIC_STYLE

PHONE_WIDTH_PX = 600
LONG_CHARACTERS = 60
_VERDICT_CLASS = {"PASS": "pass", "FAIL": "fail"}


def render_html(
    markdown: str,
    figures: Mapping[str, bytes],
    small_figures: Mapping[str, bytes],
    *,
    charts: Mapping[str, Any] | None = None,
    is_synthetic: bool,
) -> str:
    """The page with its plots embedded.

    Parameters
    ----------
    markdown : str
        From :func:`~step3_assets.domain.report.page.write_page`.
    figures, small_figures : mapping of str to bytes
        PNG by file name; the small ones are shown on narrow screens.
    charts : mapping, optional
        From :func:`~step3_assets.domain.report.charts.chart_data`: interactive charts that take
        the place of pictures where scripts run.
    is_synthetic : bool
        Shows SYNTHETIC above the page, and at the top and across every printed sheet.

    Returns
    -------
    str
        A complete HTML document that refers to no other file.

    Raises
    ------
    KeyError
        If the page links a plot that is not given.
    """
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(markdown)
    _mark_headings(tokens)
    _mark_cells(tokens)
    parser.renderer.rules["table_open"] = _constant('<div class="scroll">\n<table>\n')  # type: ignore[index]
    parser.renderer.rules["table_close"] = _constant("</table>\n</div>\n")  # type: ignore[index]
    parser.renderer.rules["image"] = _picture(figures, small_figures)  # type: ignore[index]
    body = parser.renderer.render(tokens, parser.options, {})
    title = markdown.split("\n", 1)[0].removeprefix("# ")
    style = STYLE + (SYNTHETIC_STYLE if is_synthetic else "")
    mark = f'<div class="mark">{MARK}</div>\n' if is_synthetic else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{mark}{body}{chart_scripts(dict(charts or {}))}</body>\n</html>\n"
    )


def _constant(html: str) -> Any:
    return lambda *_args, **_kwargs: html


def _picture(figures: Mapping[str, bytes], small_figures: Mapping[str, bytes]) -> Any:
    """A renderer of images, with a wide picture and a small one for phones."""

    def render(tokens: Sequence[Token], index: int, *_args: Any, **_kwargs: Any) -> str:
        token = tokens[index]
        name = str(token.attrs["src"]).removeprefix(f"{FIGURE_FOLDER}/")
        return (
            f'<picture data-name="{escape(name)}"><source media="(max-width: {PHONE_WIDTH_PX}px)" '
            f'srcset="{_data_uri(small_figures[name])}">'
            f'<img src="{_data_uri(figures[name])}" alt="{escape(token.content)}"></picture>'
        )

    return render


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _mark_headings(tokens: Sequence[Token]) -> None:
    """Give each section's heading the anchor that links within the page use."""
    for heading, text in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag == "h2":
            heading.attrSet("id", anchor(text.content))


def _mark_cells(tokens: Sequence[Token]) -> None:
    """CSS classes of cells: a verdict, a missing value, or a sentence that may wrap."""
    header: list[str] = []
    column = 0
    for cell, text in pairwise(tokens):
        if cell.type == "thead_open":
            header = []
        elif cell.type == "tr_open":
            column = 0
        elif cell.type == "th_open":
            header.append(text.content)
            if text.content == PROSE_HEADER:
                cell.attrJoin("class", "prose")
        elif cell.type == "td_open":
            name = _cell_class(text.content, header[column])
            if name:
                cell.attrJoin("class", name)
            column += 1


def _cell_class(content: str, header: str) -> str | None:
    if header == PROSE_HEADER:
        return "prose"
    if len(content) > LONG_CHARACTERS:
        return "long"
    return "missing" if content == NOT_AVAILABLE else _VERDICT_CLASS.get(content)
