"""Section: the platform beside its baselines, metric by metric."""

from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import PLATFORM


def _write(inputs: ReportInputs) -> Blocks:
    if (inputs.portfolio_trades["series"] != PLATFORM).all():
        yield "**The platform made no trade in these months.** Its account stayed in cash."
    yield "Every series has the same months, clock and capital, unless its note says otherwise."
    yield money.portfolio_table(inputs).compact().markdown()
    yield "\n".join(money.series_notes(inputs))
    yield (
        "Calmar divides by the drawdown or 1%, whichever is larger. Drawdown is marked at every "
        "bar close. A series known only at month ends can hide what lies between, so compare it "
        "by *Calmar, month ends only*."
    )


SECTION = Section(
    title="Portfolio",
    order=30,
    question="What did the account earn and risk, beside the baselines and buy-and-hold?",
    write=_write,
    tables=("portfolio",),
)
