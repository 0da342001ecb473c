"""Section: drawdown through time; the plot of equity stands at the head of the page."""

from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.money_figures import drawdown_figure, equity_figure
from step3_assets.domain.report.section import Blocks, Figure, Section

EQUITY = Figure(
    "equity.png",
    "Equity of the platform, the baselines and buy-and-hold",
    lambda inputs, small: equity_figure(
        inputs.portfolio_equity,
        inputs.portfolio_months,
        is_synthetic=inputs.is_synthetic,
        small=small,
    ),
)
DRAWDOWN = Figure(
    "drawdown.png",
    "Drawdown of the platform, the mock baseline and buy-and-hold",
    lambda inputs, small: drawdown_figure(
        inputs.portfolio_equity,
        max_drawdown_frac=inputs.config.acceptance.max_drawdown_frac,
        is_synthetic=inputs.is_synthetic,
        small=small,
    ),
)


def _write(_inputs: ReportInputs) -> Blocks:
    yield DRAWDOWN.markdown()


SECTION = Section(
    title="Drawdown",
    order=70,
    question="How far below its peak was the account, and when?",
    write=_write,
    tables=("portfolio_equity", "portfolio_months"),
    figures=(EQUITY, DRAWDOWN),
)
