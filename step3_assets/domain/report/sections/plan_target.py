"""Section: the plan's target and its baseline beside what was measured on the same months."""

from collections.abc import Iterator

from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import MOCK, PLATFORM, PUBLISHED, series_name
from step3_assets.domain.report.text_table import escape, text_table

TARGET = "$200"
"""What the plan asks for a month, on $10,000."""

STATED = {
    "End equity": "$14,602",
    "CAGR": "3.87%",
    "Max drawdown": "8.60%",
    "Calmar": "0.450",
    "Trades a month": "6.98",
}
"""The plan's baseline as the plan states it: its own months, partly in-sample."""

STEPS = (
    (PUBLISHED, MOCK, "its rules trained only on the past and marked at every bar close"),
    (MOCK, PLATFORM, "the platform's models, gate, sizes and risk rules in the place of its own"),
)
"""From one series to the next, and what changes between them."""


def _write(inputs: ReportInputs) -> Blocks:
    earned = _monthly_pnl(inputs)
    if PLATFORM in earned:
        months = fmt.plural(len(inputs.months), "month")
        yield (
            f"The plan asks for {TARGET} a month on $10,000. The platform earned "
            f"**{fmt.usd(earned[PLATFORM])} a month** over {months}."
        )
    yield _table(inputs, earned)
    made_of = list(_made_of(earned))
    if made_of:
        yield "What the difference is made of, in profit or loss a month:"
        yield "\n".join(made_of)
    if PUBLISHED not in earned:
        yield (
            "The delivery brings no published baseline. The plan's figures stand alone: they are "
            "of other months and, on a synthetic delivery, of another market."
        )


def _monthly_pnl(inputs: ReportInputs) -> dict[str, float]:
    """Dollars a month of each series, over every calendar month."""
    rows = inputs.portfolio.set_index("series")
    gained = (rows["end_equity_usd"] - rows["start_equity_usd"]) / len(inputs.months)
    return {str(series): float(value) for series, value in gained.dropna().items()}


def _table(inputs: ReportInputs, earned: dict[str, float]) -> str:
    full = money.portfolio_table(inputs)
    shown = [s for s in (PLATFORM, MOCK, PUBLISHED) if s in earned]
    places = [full.header.index(escape(series_name(s))) for s in shown]
    by_name = {row[0]: row for row in full.rows}
    rows = [
        ("P&L a month", *(fmt.usd(earned[series]) for series in shown), f"{TARGET} asked for"),
        *(
            (name, *(by_name[name][place] for place in places), stated)
            for name, stated in STATED.items()
        ),
    ]
    header = ("", *(full.header[p] for p in places), "Plan's baseline")
    return text_table(header, rows, "l" + "r" * (len(header) - 1)).markdown()


def _made_of(earned: dict[str, float]) -> Iterator[str]:
    for before, after, change in STEPS:
        if before in earned and after in earned:
            step = earned[after] - earned[before]
            yield (
                f"- {fmt.usd(step)}: from *{escape(series_name(before))}* to "
                f"*{escape(series_name(after))}*, {change}."
            )


SECTION = Section(
    title="Against the plan",
    order=32,
    question="Is the plan's target met, and what lies between its baseline and this account?",
    write=_write,
    tables=("portfolio",),
)
