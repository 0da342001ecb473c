"""Section: what the risk rules did."""

from step3_assets.domain.report import account_tables as account
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import PLATFORM


def _write(inputs: ReportInputs) -> Blocks:
    config = inputs.config
    rules = account.risk_table(inputs.risk_events, config.risk, config.execution.max_gross_frac)
    if (inputs.risk_events["series"] != PLATFORM).all():
        yield "No rule acted on the platform's account."
    yield rules.compact().markdown()
    yield (
        "A stop sees a bar's close and its exits fill at the next bar's open, with costs. After "
        f"the kill switch the account stands aside for "
        f"{fmt.plural(config.risk.rearm_sessions, 'session')}; then the peak is measured anew."
    )
    if config.search.is_enabled:
        yield (
            "The limits above are those of `step3.toml`. A searched epoch may have tighter ones, "
            "in `tuned_params`. Each row of `risk_events` shows the limit that applied."
        )


SECTION = Section(
    title="Risk rules",
    order=130,
    question="Which risk rule acted, and how often?",
    write=_write,
    tables=("risk_events",),
)
