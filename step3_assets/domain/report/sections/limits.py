"""Section: the limits of a backtest of this kind, with numbers where they can be sized."""

import math

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import PUBLISHED

MONTHS_A_YEAR = 12


def limits(inputs: ReportInputs) -> list[str]:
    """One sentence or two per limit, most important first.

    Notes
    -----
    The standard error of an annualised Sharpe ratio near 0 over ``T`` years is about
    ``1 / sqrt(T)`` (Lo 2002, *The Statistics of Sharpe Ratios*, eq. 9, independent returns).
    """
    lines = []
    if inputs.is_synthetic:
        lines.append(
            "The bars are simulated: the page shows what the platform does with a world whose "
            "answer is known, and nothing about any market."
        )
    n_months = len(inputs.months)
    if n_months:
        error = 1 / math.sqrt(n_months / MONTHS_A_YEAR)
        lines.append(
            f"It is one history of {fmt.plural(n_months, 'month')}. Over that span the standard "
            f"error of an annualised Sharpe ratio is about {fmt.ratio(error)}. A Calmar ratio "
            "rests on a single worst stretch and is less certain still."
        )
    lines.append(
        "The deflated Sharpe ratio counts the configurations in the trials ledger. It cannot "
        "count what people tried outside it, for example when the defaults were written."
    )
    lines.append(
        "Costs are modelled (spread, slippage, fees), not observed, and fills are taken at the "
        "open of a bar. Market impact, taxes, interest on cash and financing are left out."
    )
    n_open = int((inputs.events_outcomes["maturity"] != "final").sum())
    lines.append(
        f"{fmt.plural(n_open, 'test event')} had no final label yet and "
        f"{'is' if n_open == 1 else 'are'} left out of every realised result; a later delivery "
        "can change that."
    )
    lines.append(
        "When target and stop are touched in one bar, the bar does not say which came first. "
        "Either way the exit is the next open, which is not the worst case."
    )
    if PUBLISHED in set(inputs.portfolio["series"]) | set(inputs.portfolio_months["series"]):
        lines.append(
            "The published baseline was selected on months that are among those shown here, so "
            "its line is partly in-sample and flatters it; it is known at month ends only."
        )
    return lines


def _write(inputs: ReportInputs) -> Blocks:
    yield "\n".join(f"- {line}" for line in limits(inputs))


SECTION = Section(
    title="What this page cannot tell",
    order=210,
    question="What are the limits of this backtest?",
    write=_write,
)
