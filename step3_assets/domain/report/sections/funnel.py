"""Section: what happened to every candidate on its way to a trade."""

from step3_assets.domain.report import score_tables as tables
from step3_assets.domain.report.funnel import FunnelStep, gate_funnel
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.score_figures import gate_funnel_figure
from step3_assets.domain.report.section import Blocks, Figure, Section
from step3_assets.domain.report.series import MOCK, PLATFORM

FUNNEL = Figure(
    "gate_funnel.png",
    "Candidates, losses with their reasons, trades",
    lambda inputs, small: gate_funnel_figure(
        inputs.scores, inputs.portfolio_decisions, is_synthetic=inputs.is_synthetic, small=small
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    platform = gate_funnel(inputs.scores, inputs.portfolio_decisions, PLATFORM)
    if not platform[0].n_events:
        yield "There was no candidate in these months."
        return
    n_gated = int(inputs.scores["is_gated"].astype(bool).sum())
    if not n_gated:
        yield "**The gate let no candidate through.**"
    yield FUNNEL.markdown()
    for name, table in tables.funnel_tables(platform, _mock_funnel(inputs)):
        yield f"**{name}**"
        yield table.markdown()
    gate = inputs.config.gate
    yield (
        f"The gate asks for ev\\_final above {gate.k:g} × cost "
        f"({gate.k * gate.overnight_multiplier:g} × cost overnight) and a target of at least "
        f"{gate.phi:g} × cost. One position per symbol; overlap is resolved after the gate, in "
        "time order."
    )
    if inputs.config.search.is_enabled:
        yield (
            "Months of a searched epoch have their own models, gate and sizes: those of "
            "`tuned_params`, chosen on folds wholly before the epoch."
        )


def _mock_funnel(inputs: ReportInputs) -> list[FunnelStep] | None:
    if inputs.mock_baseline is None or inputs.mock_baseline.empty:
        return None
    return gate_funnel(inputs.mock_baseline, inputs.portfolio_decisions, MOCK)


SECTION = Section(
    title="From candidate to trade",
    order=120,
    question="What became of every candidate, and why?",
    write=_write,
    tables=("scores", "mock_baseline", "portfolio_decisions"),
    figures=(FUNNEL,),
)
