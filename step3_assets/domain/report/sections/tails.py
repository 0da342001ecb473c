"""Section: volatility, tails and the distribution of returns."""

import numpy as np

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.canvas import BLUE, FAINT, Layout, canvas, say_nothing_to_show
from step3_assets.domain.report.inputs import ReportInputs, as_float
from step3_assets.domain.report.returns import returns_by_series
from step3_assets.domain.report.section import Blocks, Figure, Section
from step3_assets.domain.report.series import PLATFORM, in_order, series_name
from step3_assets.domain.report.text_table import escape, text_table
from step3_assets.domain.tear_sheet.returns import tails

ROWS = (
    ("Volatility a year", "volatility", fmt.percent),
    ("Value at risk of a day, 95%", "value_at_risk", fmt.percent),
    ("Expected shortfall (CVaR) of a day, 95%", "expected_shortfall", fmt.percent),
    ("Tail ratio", "tail_ratio", fmt.ratio),
    ("Skewness", "skewness", fmt.ratio),
    ("Excess kurtosis", "kurtosis", fmt.ratio),
    ("Best day", "best", fmt.percent),
    ("Worst day", "worst", fmt.percent),
    ("Days with a gain", "positive", fmt.share),
    ("Sessions", "n_sessions", fmt.count),
)


def _draw(inputs: ReportInputs, small: bool) -> bytes:
    title = "Distribution of the platform's returns"
    months = inputs.portfolio_months.query("series == @PLATFORM")["return_frac"]
    panels = {
        "daily": returns_by_series(inputs).get(PLATFORM, months.iloc[:0]),
        "monthly": months,
    }
    with canvas(
        title,
        Layout(panels=2, beside=True, height=0.8),
        is_synthetic=inputs.is_synthetic,
        small=small,
    ) as sheet:
        for ax, (name, returns) in zip(sheet.axes, panels.items(), strict=True):
            values = as_float(returns)
            values = values[np.isfinite(values)] * 100
            if not len(values):
                say_nothing_to_show(ax, "No returns")
                continue
            ax.hist(values, bins=min(41, max(len(values) // 4, 5)), color=BLUE)
            ax.axvline(0, color=FAINT, linewidth=0.8)
            ax.set_title(f"{name} returns, {len(values):,}")
            ax.set_xlabel("%")
            ax.set_ylabel("days" if name == "daily" else "months")
    return sheet.png


DISTRIBUTION = Figure(
    "distribution.png", "Histograms of the platform's daily and monthly returns", _draw
)


def _write(inputs: ReportInputs) -> Blocks:
    found = {name: tails(returns) for name, returns in returns_by_series(inputs).items()}
    platform = found.get(PLATFORM)
    if platform is None or fmt.is_missing(platform.volatility):
        yield "The account has too few sessions, or never moved: no distribution to show."
        return
    yield (
        f"On one day in twenty the account loses more than {fmt.percent(platform.value_at_risk)}, "
        f"on average {fmt.percent(platform.expected_shortfall)}; the worst day was "
        f"{fmt.percent(platform.worst)}."
    )
    yield DISTRIBUTION.markdown()
    series = [name for name in in_order(found) if name in found]
    rows = [
        (label, *(write(getattr(found[name], field)) for name in series))
        for label, field, write in ROWS
    ]
    header = ("Daily returns", *(escape(series_name(name)) for name in series))
    yield text_table(header, rows, "l" + "r" * len(series)).markdown()
    yield (
        "Tail ratio is the 95th percentile over the absolute 5th: above 1, large gains exceed "
        "large losses. Value at risk and shortfall are those of the observed days."
    )


SECTION = Section(
    title="Volatility and tails",
    order=74,
    question="How bad is a bad day, and are gains or losses the larger surprises?",
    write=_write,
    tables=("portfolio_equity", "portfolio_months"),
    figures=(DISTRIBUTION,),
)
