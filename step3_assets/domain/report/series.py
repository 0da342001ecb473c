"""The lines that stand beside one another: platform, baselines, buy-and-hold.

Belongs here: their names, order and looks, so that one line has one name and one colour on the
whole page. Colours are Okabe and Ito's, which colour-blind readers tell apart; every line also
has its own dash pattern. Does not belong here: their figures.
"""

from collections.abc import Iterable
from dataclasses import dataclass

PLATFORM = "platform"
MOCK = "mock_baseline"
PUBLISHED = "published_baseline"
BUY_AND_HOLD = "buy_and_hold:"

_NAMES = {
    PLATFORM: "Platform",
    MOCK: "Mock baseline",
    PUBLISHED: "Published baseline (partly in-sample)",
}
_SHORT = {PLATFORM: "Platform", MOCK: "Mock", PUBLISHED: "Published*"}
_ORDER = (PLATFORM, MOCK, PUBLISHED)


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
_OTHER = (
    LineStyle("#009E73", (0, (6, 1.5)), 1.2),
    LineStyle("#E69F00", (0, (3, 1.2)), 1.2),
    LineStyle("#56B4E9", (0, (4, 1.2, 1, 1.2)), 1.2),
    LineStyle("#666666", (0, (1.2, 1.2)), 1.2),
    LineStyle("#000000", (0, (7, 2, 1, 2, 1, 2)), 1.0),
)


def series_name(series: str) -> str:
    """What a reader calls the series.

    Examples
    --------
    >>> series_name("buy_and_hold:QQQ")
    'Buy and hold QQQ'
    """
    if series.startswith(BUY_AND_HOLD):
        return f"Buy and hold {series.removeprefix(BUY_AND_HOLD)}"
    return _NAMES.get(series, series.replace("_", " ").capitalize())


def short_name(series: str) -> str:
    """The same for a legend; an asterisk marks what is partly in-sample."""
    if series.startswith(BUY_AND_HOLD):
        return f"Hold {series.removeprefix(BUY_AND_HOLD)}"
    return _SHORT.get(series, series_name(series))


def in_order(series: Iterable[str]) -> list[str]:
    """Platform first, then the baselines, then the rest by name."""
    names = set(series)
    return [s for s in _ORDER if s in names] + sorted(names - set(_ORDER))


def line_styles(series: Iterable[str]) -> dict[str, LineStyle]:
    """A look for each series; the same set of series always gets the same looks."""
    others = [s for s in in_order(series) if s not in _STYLES]
    looks = {s: _OTHER[i % len(_OTHER)] for i, s in enumerate(others)}
    return {s: _STYLES.get(s) or looks[s] for s in in_order(series)}
