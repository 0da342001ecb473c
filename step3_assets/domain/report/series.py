"""The series of the report: platform, baselines, buy-and-hold.

Belongs here: their names, order and line styles, so that a series has one name and one colour on
the whole page. The colours are those of Okabe and Ito, which colour-blind readers can distinguish;
every line also has a dash pattern. Does not belong here: their values.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from step3_assets.domain.portfolio.reference_lines import BUY_AND_HOLD
from step3_assets.domain.portfolio.series import MOCK, PLATFORM, PUBLISHED

__all__ = [
    "BUY_AND_HOLD",
    "MOCK",
    "PLATFORM",
    "PUBLISHED",
    "STRESSED",
    "LineStyle",
    "in_order",
    "line_styles",
    "series_name",
    "short_name",
]

STRESSED = f"{PLATFORM}_costs_x"

_NAMES = {
    PLATFORM: "Platform",
    MOCK: "Mock baseline",
    PUBLISHED: "Published baseline (partly in-sample)",
}
_SHORT = {PLATFORM: "Platform", MOCK: "Mock", PUBLISHED: "Published*"}
_ORDER = (PLATFORM, STRESSED, MOCK, PUBLISHED, BUY_AND_HOLD)


@dataclass(frozen=True)
class LineStyle:
    """Colour, dashes and width (points) of a line."""

    color: str
    dashes: str | tuple
    width: float


_STYLES = {
    PLATFORM: LineStyle("#0072B2", "-", 2.2),
    MOCK: LineStyle("#D55E00", "-", 1.5),
    PUBLISHED: LineStyle("#CC79A7", (0, (5, 2)), 1.5),
}
_STRESSED_STYLE = LineStyle("#0072B2", (0, (2, 1.2)), 1.1)
_OTHER = (
    LineStyle("#009E73", (0, (6, 1.5)), 1.2),
    LineStyle("#E69F00", (0, (3, 1.2)), 1.2),
    LineStyle("#56B4E9", (0, (4, 1.2, 1, 1.2)), 1.2),
    LineStyle("#666666", (0, (1.2, 1.2)), 1.2),
    LineStyle("#000000", (0, (7, 2, 1, 2, 1, 2)), 1.0),
)


def series_name(series: str) -> str:
    """Name of the series for a reader.

    Examples
    --------
    >>> series_name("buy_and_hold:QQQ")
    'Buy and hold QQQ'
    """
    if series.startswith(BUY_AND_HOLD):
        return f"Buy and hold {series.removeprefix(BUY_AND_HOLD)}"
    if series.startswith(STRESSED):
        return f"Platform, costs × {series.removeprefix(STRESSED)}"
    return _NAMES.get(series, series.replace("_", " ").capitalize())


def short_name(series: str) -> str:
    """Short name for a legend; an asterisk marks a series that is partly in-sample."""
    if series.startswith(BUY_AND_HOLD):
        return f"Hold {series.removeprefix(BUY_AND_HOLD)}"
    return _SHORT.get(series, series_name(series))


def in_order(series: Iterable[str]) -> list[str]:
    """Platform first, under stressed costs next, then baselines, buy-and-hold, the rest by name."""

    def place(name: str) -> tuple[int, str]:
        starts = [i for i, start in enumerate(_ORDER) if i and name.startswith(start)]
        return (0 if name == PLATFORM else min(starts, default=len(_ORDER)), name)

    return sorted(set(series), key=place)


def line_styles(series: Iterable[str]) -> dict[str, LineStyle]:
    """A line style for each series; the same set of series always gets the same styles."""
    others, looks = 0, {}
    for name in in_order(series):
        if name.startswith(STRESSED):
            looks[name] = _STRESSED_STYLE
        elif name in _STYLES:
            looks[name] = _STYLES[name]
        else:
            looks[name] = _OTHER[others % len(_OTHER)]
            others += 1
    return looks
