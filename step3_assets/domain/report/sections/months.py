"""Section: profit and loss by month and by year."""

from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.money_figures import monthly_pnl_figure
from step3_assets.domain.report.section import Blocks, Figure, Section, long_table

MONTHLY = Figure(
    "monthly_pnl.png",
    "Heat map of the platform's monthly returns in percent",
    lambda inputs, small: monthly_pnl_figure(
        inputs.portfolio_months, is_synthetic=inputs.is_synthetic, small=small
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    table = money.months_table(inputs)
    if not table.rows:
        yield "The platform has no month to show."
        return
    yield MONTHLY.markdown()
    yield (
        "The compounding account reinvests. The constant account earns each month's return on "
        f"{fmt.usd(inputs.config.execution.initial_capital_usd)}. Profit and loss is that of the "
        "calendar month, open positions marked at its end, and *Trades* are those that held a "
        "position in it: one held over the turn of a month or year counts in both."
    )
    yield money.years_table(inputs).markdown()
    yield "Return of each series by year:"
    yield money.years_beside_table(inputs).compact().markdown()
    yield long_table(table.compact(), f"Every month ({len(table.rows)})")


SECTION = Section(
    title="Profit and loss by month",
    order=80,
    question="Which months and years earned, and which lost?",
    write=_write,
    tables=("portfolio_months", "portfolio_trades"),
    figures=(MONTHLY,),
)
