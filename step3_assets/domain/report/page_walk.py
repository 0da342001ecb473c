"""Checks that a finished page does not contradict itself.

Belongs here: reading the markdown page and comparing the values that it shows in several places,
and each value with its limit. Does not belong here: writing the page. The checks do not use the
frames behind the page, so they find a wrong format, a stale table or two formulas for one metric.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from step3_assets.domain.report.numbers import DOES_NOT_APPLY, NOT_AVAILABLE

_NUMBER = r"[-+]?\$?\d[\d,]*(?:\.\d+)?"
_PLATFORM = "Platform"
_QUIET = "quiet"


@dataclass(frozen=True)
class PageTable:
    """A table of the page."""

    section: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def cells(self, *columns: str) -> Iterator[tuple[str, ...]]:
        """First cell of each row and the cells of the named columns; none when one is missing."""
        if all(column in self.header for column in columns):
            places = [self.header.index(column) for column in columns]
            for row in self.rows:
                yield (row[0], *(row[place] for place in places))


@dataclass(frozen=True)
class Fact:
    """One value of one quantity in one place."""

    quantity: str
    value: float
    step: float
    place: str


def contradictions(page: str) -> list[str]:
    """Values that differ between two places of the page, and values beyond a stated limit.

    Parameters
    ----------
    page : str
        The finished report as markdown.

    Returns
    -------
    list of str
        Empty if there is no contradiction.
    """
    text = _plain(page)
    tables = _tables(text)
    return [
        *_two_values(_facts(text, tables)),
        *_levels(text, tables),
        *_verdicts(tables),
        *_lights(tables),
        *_idle_months(tables),
        *_rounded_to_certainty(text),
    ]


def _plain(page: str) -> str:
    text = page.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
    return text.replace("SYNTHETIC · ", "").replace("\\", "").replace("**", "")


def _sections(text: str) -> Iterator[tuple[str, str]]:
    head, *parts = re.split(r"^## ", text, flags=re.M)
    yield "head", head
    for part in parts:
        title, _, body = part.partition("\n")
        yield title.strip(), body


def _tables(text: str) -> list[PageTable]:
    found = []
    for section, body in _sections(text):
        for block in re.findall(r"(?:^\|.*\|$\n?){2,}", body, flags=re.M):
            lines = [_split(line) for line in block.strip().splitlines()]
            found.append(PageTable(section, lines[0], tuple(lines[2:])))
    return found


def _split(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def number(text: str) -> tuple[float, float] | None:
    """Value and size of the last digit of the first number in a cell; None without one.

    Examples
    --------
    >>> number("-$1,234"), number("18.9 bps"), number("not available")
    ((-1234.0, 1.0), (18.9, 0.1), None)
    """
    found = re.search(_NUMBER, text)
    if found is None:
        return None
    digits = found[0].replace("$", "").replace(",", "")
    _, _, decimals = digits.partition(".")
    return float(digits), round(10.0 ** -len(decimals), 12)


def _fact(quantity: str, cell: str, place: str) -> Iterator[Fact]:
    if (read := number(cell)) is not None and not cell.startswith((">", "<")):
        yield Fact(quantity, *read, place)


def _facts(text: str, tables: list[PageTable]) -> Iterator[Fact]:
    for table in tables:
        yield from _facts_of_series(table)
        yield from _facts_of_evidence(table)
        yield from _totals(table)
    for section, body in _sections(text):
        yield from _facts_of_prose(section, body)


def _facts_of_series(table: PageTable) -> Iterator[Fact]:
    """Metrics of a series, from every table that shows them."""
    if table.header[:2] == ("", _PLATFORM):
        for row in table.rows:
            for series, cell in zip(table.header[1:], row[1:], strict=True):
                yield from _fact(f"{row[0]} of {series}", cell, table.section)
    if table.header[0] in ("Costs", "Allocation"):
        for row in table.rows:
            series = _series_of(row[0])
            for metric, cell in zip(table.header[1:], row[1:], strict=True):
                if series:
                    yield from _fact(f"{metric} of {series}", cell, table.section)
    if table.header[:2] == ("Trades of", _PLATFORM):
        for row in table.rows:
            yield from _fact(f"{row[0]} of {_PLATFORM}", row[1], table.section)
    if table.header[:2] == ("Daily returns", _PLATFORM):
        for row in table.rows:
            yield from _fact(f"{row[0]} of {_PLATFORM}", row[1], table.section)
    if table.header[:2] == ("Drawdown", "Depth"):
        yield from _fact(f"Max drawdown of {_PLATFORM}", table.rows[0][1], table.section)
    if table.header[:2] == ("Year", "Return"):
        for row in table.rows:
            yield from _fact(f"return of {_PLATFORM} in {row[0]}", row[1], "years")
    if table.header[:2] == ("Year", _PLATFORM):
        for row in table.rows:
            yield from _fact(f"return of {_PLATFORM} in {row[0]}", row[1], "years, each series")


def _series_of(name: str) -> str:
    if name == "× 1" or name.endswith("(in use)"):
        return _PLATFORM
    return f"{_PLATFORM}, costs {name}" if name.startswith("× ") else ""


_SAME = {
    "Calmar": "Calmar of Platform",
    "Calmar vs baseline": "Calmar of Platform",
    "Calmar positive": "Calmar of Platform",
    "Sharpe": "Sharpe of Platform",
    "Net per trade, bps": "Net per trade of Platform",
    "Max drawdown": "Max drawdown of Platform",
    "Worst month": "Worst month of Platform",
    "Trades per month": "Trades a month of Platform",
    "Cost stress calmar": "Calmar of Platform, costs × 1.25",
    "Cost stress drawdown": "Max drawdown of Platform, costs × 1.25",
}


def _facts_of_evidence(table: PageTable) -> Iterator[Fact]:
    """Values of criteria and statistics; a bound is the end of the statistic's interval."""
    if table.header[0] not in ("Criterion", "Statistic") or "Value" not in table.header:
        return
    for name, value in table.cells("Value"):
        bound = re.match(r"(.*) lower bound$", name)
        quantity = f"lower bound of {bound[1].lower()}" if bound else _SAME.get(name, name.lower())
        yield from _fact(quantity, value, table.section)
    interval = next((c for c in table.header if "interval" in c.lower()), "")
    for name, cell in table.cells(interval):
        short = {"EV calibration slope": "ev slope"}.get(name, name.lower())
        yield from _fact(f"lower bound of {short}", cell, table.section)


NOT_PARTS = ("Costs", "Allocation", "Month", "Year")
"""First columns of tables whose rows are no parts of a whole: a trade counts in both its months."""


def _totals(table: PageTable) -> Iterator[Fact]:
    """Sums that must agree."""
    if table.header[0] not in NOT_PARTS and "" not in table.header and table.rows:
        for column, quantity in (
            ("Trades", "Trades of Platform"),
            ("Candidates", "candidates"),
            ("Passed the gate", "Passed the gate of Platform"),
        ):
            values = [number(cell) for _, cell in table.cells(column)]
            if values and None not in values:
                total = sum(value[0] for value in values if value)
                yield Fact(quantity, total, 0.0, f"{table.section}, by {table.header[0].lower()}")


def _facts_of_prose(section: str, body: str) -> Iterator[Fact]:
    if section == "head" and (found := re.search(rf"Calmar ({_NUMBER})", body)):
        yield from _fact("Calmar of Platform", found[1], "the opening")
    if section == "From candidate to trade":
        first = body.split("Mock baseline")[0]
        for label, quantity in (
            ("Candidates", "candidates"),
            ("Passed the gate", "Passed the gate of Platform"),
            ("Traded", "Trades of Platform"),
        ):
            if found := re.search(rf"^\| {label} \| ([\d,]+) ", first, flags=re.M):
                yield from _fact(quantity, found[1], section)
    if found := re.search(rf"Slope of realised net on ev_final: ({_NUMBER})", body):
        yield from _fact("ev calibration slope", found[1], section)


def _two_values(facts: Iterator[Fact]) -> Iterator[str]:
    """Quantities whose values differ by more than their rounding."""
    first: dict[str, Fact] = {}
    for fact in facts:
        known = first.setdefault(fact.quantity, fact)
        tolerance = 0.5 * (fact.step + known.step) + 1e-9
        if abs(fact.value - known.value) > tolerance:
            yield (
                f"{fact.quantity}: {known.value:g} in {known.place}, {fact.value:g} in {fact.place}"
            )


def _levels(text: str, tables: list[PageTable]) -> Iterator[str]:
    """Intervals that are shown without their level."""
    for found in re.finditer(rf"(\S+ \S*)interval (?:of )?{_NUMBER}\S* to {_NUMBER}", text):
        if not re.search(r"\d\s?% (confidence )?$", found[1] + ""):
            yield f"an interval without its level: {found[0]!r}"
    for table in tables:
        for column in table.header:
            if "interval" in column.lower() and "%" not in column:
                yield f"{table.section}: column {column!r} does not give its level"


def _verdicts(tables: list[PageTable]) -> Iterator[str]:
    """Criteria whose result does not follow from value and threshold."""
    for table in tables:
        for name, result, value, threshold in table.cells("Result", "Value", "Threshold"):
            limit, read = number(threshold), number(value)
            if result == "PASS" and value == NOT_AVAILABLE:
                yield f"{name}: passed without a value"
            if limit is None or read is None or value == DOES_NOT_APPLY:
                continue
            if value.startswith((">", "<")):
                read = (read[0] + (read[1] if value[0] == ">" else -read[1]), read[1])
            near = abs(read[0] - limit[0]) <= max(read[1], limit[1])
            holds = {
                "≥": read[0] >= limit[0],
                "≤": read[0] <= limit[0],
                ">": read[0] > limit[0],
                "=": read[0] == limit[0],
            }.get(threshold[0], True)
            if holds != (result == "PASS") and not near:
                yield f"{name}: {result}, but {value} against {threshold}"


def _lights(tables: list[PageTable]) -> Iterator[str]:
    """Monitoring states that do not follow from the number and the limit beside them."""
    for table in tables:
        interval = next((name for name in table.header if "interval" in name), "")
        for name, *cells in table.cells("Recent", interval, "Warns when", "State"):
            if problem := _light(*cells):
                yield f"{name}: {problem}"
        for name, index, limit, state in table.cells("Index", "Warns above", "State"):
            if problem := _light(index, "", f"above {limit}", state):
                yield f"{name}: {problem}"


def _light(value: str, interval: str, rule: str, state: str) -> str:
    limit = number(rule)
    ends = [float(end.replace(",", "")) for end in re.findall(_NUMBER, interval)]
    read = number(value)
    if limit is None or read is None or ("interval" in rule and len(ends) < 2):
        return ""
    if rule.startswith("interval below"):
        loud, near = ends[-1] < limit[0], abs(ends[-1] - limit[0]) <= limit[1]
    elif rule.startswith("interval above"):
        loud, near = ends[0] > limit[0], abs(ends[0] - limit[0]) <= limit[1]
    else:
        loud, near = read[0] > limit[0], abs(read[0] - limit[0]) <= limit[1]
    if loud == (state == _QUIET) and not near:
        return f"{state} at {value} {interval}, but it warns when {rule}".replace("  ", " ")
    return ""


def _idle_months(tables: list[PageTable]) -> Iterator[str]:
    """Rows without a trade that earned or lost."""
    for table in tables:
        for row, pnl, n_trades in table.cells("P&L", "Trades"):
            earned = number(pnl)
            if n_trades == "0" and earned and earned[0]:
                yield f"{row}: no trade, but P&L {pnl}"


def _rounded_to_certainty(text: str) -> Iterator[str]:
    """Probabilities that were rounded to 0 or 1."""
    for found in re.finditer(r"(?:chance|probability)[^.|]{0,120}? (100\.0+ ?%|0\.0+ ?%)", text):
        yield f"rounded to certainty: {found[0]!r}"
