"""What the page cannot tell, said on the page.

Belongs here: the limits of a backtest of this kind, with the figures that size them. Does not
belong here: the results.
"""

import math

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
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
            "answer is known, and nothing of any market."
        )
    n_months = len(inputs.months)
    if n_months:
        error = 1 / math.sqrt(n_months / MONTHS_A_YEAR)
        lines.append(
            f"It is one history of {fmt.plural(n_months, 'month')}. Over so long a span the "
            f"standard error of an annualised Sharpe ratio is about {fmt.ratio(error)}, and a "
            "Calmar ratio, which rests on a single worst stretch, is less certain still."
        )
    lines.append(
        "The deflated Sharpe ratio counts the configurations that the trials ledger knows; what "
        "was looked at outside it, by whoever wrote the defaults, no figure here can count."
    )
    lines.append(
        "Costs are modelled (spread, slippage, fees), not observed, and fills are taken at the "
        "open of a bar. Market impact, taxes, interest on cash and financing are left out."
    )
    n_open = int((inputs.events_outcomes["maturity"] != "final").sum())
    lines.append(
        f"{fmt.plural(n_open, 'test event')} had no final label yet and "
        f"{'is' if n_open == 1 else 'are'} left out of every realised figure; a later delivery "
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
