"""The report as one markdown page: the verdict first, then the sections.

Belongs here: the top of the page, the table of contents, the order of the sections. Does not
belong here: the content of a section (:mod:`step3_assets.domain.report.sections`), HTML.

Nothing on the page depends on the clock or the machine: the same inputs give the same bytes.
"""

import re

from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.canvas import MARK
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, sections
from step3_assets.domain.report.sections.equity import EQUITY
from step3_assets.domain.report.text_table import escape


def write_page(inputs: ReportInputs) -> str:
    """The page as markdown, with links to its plots.

    Parameters
    ----------
    inputs : ReportInputs

    Returns
    -------
    str
        GitHub-flavoured markdown, ending in a newline. The first line is the verdict, word for
        word. For a synthetic delivery, the first line and every heading say SYNTHETIC.
    """
    prefix = f"{MARK} · " if inputs.is_synthetic else ""
    found = sections()
    contents = (f"[{s.title}](#{anchor(prefix + s.title)})" for s in found)
    blocks = [f"# {prefix}{inputs.verdict}", *_opening(inputs), " · ".join(contents)]
    for section in found:
        blocks += [f"## {prefix}{section.title}", *section.blocks(inputs)]
    return "\n\n".join(blocks) + "\n"


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    Examples
    --------
    >>> anchor("SYNTHETIC · Profit and loss by month")
    'synthetic--profit-and-loss-by-month'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _opening(inputs: ReportInputs) -> Blocks:
    if inputs.is_synthetic:
        yield (
            f"> **{MARK} data.** The bars were simulated. Nothing on this page is a statement "
            "about a real market."
        )
    months = inputs.months
    if months:
        n, span = fmt.plural(len(months), "test month"), f"{months[0]} to {months[-1]}"
        yield (
            f"Out of sample: {n}, {span}, {', '.join(map(escape, inputs.symbols))}, one account "
            f"of {fmt.usd(inputs.config.execution.initial_capital_usd)}. Each month was traded by "
            "models that saw only labels final before it. "
            f"{money.calmar_sentence(inputs.portfolio)}"
        )
        yield money.headline_table(inputs).markdown()
        yield EQUITY.markdown()
        yield from _held_back(inputs)
    else:
        yield "No test month has been run."


def _held_back(inputs: ReportInputs) -> Blocks:
    """The failed criteria, each with its value and threshold."""
    failed = money.failed_criteria(inputs.acceptance)
    if failed:
        yield "Failed criteria:"
        yield "\n".join(f"- {line}" for line in failed)
