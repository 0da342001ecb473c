"""Section: the ten deepest drawdowns."""

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import PLATFORM
from step3_assets.domain.report.text_table import text_table
from step3_assets.domain.tear_sheet.returns import drawdowns


def _write(inputs: ReportInputs) -> Blocks:
    starts = inputs.portfolio.set_index("series")["start_equity_usd"].to_dict()
    if PLATFORM not in starts:
        yield "The platform has no equity to show."
        return
    falls = drawdowns(inputs.portfolio_equity, PLATFORM, float(starts[PLATFORM]))
    if not falls:
        yield "Equity never fell below its peak."
        return
    deepest, longest = falls[0], max(falls, key=lambda fall: fall.n_days)
    yield (
        f"The deepest fall was {fmt.percent(deepest.depth)} and took "
        f"{fmt.plural(deepest.n_days, 'day')}; the longest of the ten deepest took "
        f"{fmt.plural(longest.n_days, 'day')}."
    )
    rows = [
        (
            str(place),
            fmt.percent(fall.depth),
            fmt.day_text(fall.peak_utc),
            fmt.day_text(fall.trough_utc),
            "not yet" if fall.recovered_utc is None else fmt.day_text(fall.recovered_utc),
            fmt.count(fall.n_days),
        )
        for place, fall in enumerate(falls, start=1)
    ]
    header = ("Drawdown", "Depth", "Peak", "Trough", "Recovered", "Calendar days")
    yield text_table(header, rows, "rrrrrr").markdown()
    yield "Marked at every bar close of the platform's account; days run from peak to recovery."


SECTION = Section(
    title="Deepest drawdowns",
    order=75,
    question="How deep and how long were the worst falls?",
    write=_write,
    tables=("portfolio_equity",),
)
