"""Types of command-line values: a wrong value is refused at once, with the name of its option.

Belongs here: months, days, finite numbers. Does not belong here: whether a month is in the data,
which depends on the stored delivery.
"""

import math
import re
from datetime import date
from typing import Any

import click


class MonthType(click.ParamType):
    """A calendar month, ``YYYY-MM``; the value stays text."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse anything else, with an example."""
        found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", str(value))
        if found is None or not 1 <= int(found[2]) <= 12 or not 1990 <= int(found[1]) <= 2200:
            self.fail(f"{str(value)!r} is not a month; write it as 2023-01", param, ctx)
        return str(value)


class MonthRangeType(click.ParamType):
    """One month, or two with a colon between them; the value stays text."""

    name = "YYYY-MM[:YYYY-MM]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse anything else, and a range that runs backwards."""
        first, colon, last = str(value).partition(":")
        MONTH.convert(first, param, ctx)
        if colon:
            MONTH.convert(last, param, ctx)
            if last < first:
                self.fail(f"{value} runs backwards; write the earlier month first", param, ctx)
        return str(value)


class DayType(click.ParamType):
    """A day, ``YYYY-MM-DD``; the value stays text."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse anything else, with an example."""
        try:
            is_day = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)) is not None
            is_day = is_day and 1990 <= date.fromisoformat(str(value)).year <= 2200
        except ValueError:
            is_day = False
        if not is_day:
            self.fail(f"{str(value)!r} is not a day; write it as 2023-01-02", param, ctx)
        return str(value)


class FiniteRange(click.FloatRange):
    """A number within limits; NaN and infinity are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what is not a finite number within the limits."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class TextType(click.ParamType):
    """Text that is not empty."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse empty text and control characters."""
        if not str(value).strip() or not str(value).isprintable():
            self.fail("must be text on one line", param, ctx)
        return str(value)


MONTH, MONTHS, DAY, TEXT = MonthType(), MonthRangeType(), DayType(), TextType()
PORT = click.IntRange(1, 65_535)
WORLD_YEARS = FiniteRange(0.1, 60.0)
EDGE_BPS = FiniteRange(0.0, 200.0)
SEED = click.IntRange(0, 2**31 - 1)


def in_order(first: str | None, last: str | None) -> None:
    """Refuse a range that runs backwards.

    Raises
    ------
    click.BadParameter
        Naming both ends.
    """
    if first and last and last < first:
        raise click.BadParameter(
            f"--from {first} lies after --to {last}; write the earlier one under --from"
        )
